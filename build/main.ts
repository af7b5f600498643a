import { enableCompileCache } from 'node:module';
import { Command } from 'commander';
import { cacheFolder } from './cache-folder.ts';

// Every run parses the same modules; npm's alone take half a second without this.
enableCompileCache(cacheFolder('compile-cache'));

const [{ buildCommand }, { renderCommand }, { exitCodeOf, failureJson, failureText }] = await Promise.all([
  import('./commands/build.ts'),
  import('./commands/render.ts'),
  import('./report/failure-report.ts'),
]);

const program = new Command('scripts/run')
  .description('Builds, checks, releases and runs the container image of the OpenClaw Gateway.')
  .addCommand(buildCommand())
  .addCommand(renderCommand())
  .showHelpAfterError('(--help lists the options)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

for (const command of program.commands)
  command
    .showHelpAfterError('(--help lists the options)')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

try {
  await program.parseAsync();
} catch (error) {
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(failureJson(error), null, 2)}\n`);
  else process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = exitCodeOf(error);
}
