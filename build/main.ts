import { Command, type CommanderError } from 'commander';
import { explainFolderError } from './cache-folder.ts';
import { InterruptedError, RequestError } from './problem.ts';
import { exitCodeOf, failureJson, failureText } from './report/failure-report.ts';

// scripts/run sets this for this process only, not for the programs that it starts.
delete process.env['NODE_COMPILE_CACHE'];
// npm and pnpm run scripts in the project's folder, but paths are relative to the user's folder.
const { npm_package_name: npmProject, INIT_CWD: callerFolder } = process.env;
if (npmProject === 'openclaw-image' && callerFolder !== undefined) process.chdir(callerFolder);

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  build: async () => (await import('./commands/build.ts')).buildCommand,
  bake: async () => (await import('./commands/bake.ts')).bakeCommand,
  explain: async () => (await import('./commands/explain.ts')).explainCommand,
  verify: async () => (await import('./commands/verify.ts')).verifyCommand,
  run: async () => (await import('./commands/run.ts')).runCommand,
  sandbox: async () => (await import('./commands/sandbox.ts')).sandboxCommand,
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
  why: async () => (await import('./commands/why.ts')).whyCommand,
  report: async () => (await import('./commands/report.ts')).reportCommand,
  diff: async () => (await import('./commands/diff.ts')).diffCommand,
  release: async () => (await import('./commands/release/release.ts')).releaseCommand,
  base: async () => (await import('./commands/base.ts')).baseCommand,
  rebase: async () => (await import('./commands/rebase.ts')).rebaseCommand,
  cache: async () => (await import('./commands/cache.ts')).cacheCommand,
  render: async () => (await import('./commands/render.ts')).renderCommand,
};

/** Ends after a message of commander: exit code 2 for a request that is not valid, 0 for help. */
function exit({ exitCode, message }: CommanderError): never {
  if (exitCode !== 0 && process.argv.includes('--json')) {
    const problem = { source: 'command line', value: '', reason: message.replace(/^error: /, ''), hint: 'read --help' };
    process.stdout.write(`${JSON.stringify(failureJson(new RequestError([problem])), null, 2)}\n`);
  }
  return process.exit(exitCode === 0 ? 0 : 2);
}

const program = new Command('scripts/run')
  .description('Builds, checks, compares, releases and runs container images of the OpenClaw Gateway.')
  .exitOverride(exit);

// Load the requested command only. The help needs all of them.
const name = process.argv[2] ?? '';
const requested = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
for (const load of requested === undefined ? Object.values(COMMANDS) : [requested])
  program.addCommand(withExitCodes(await load()));

function withExitCodes(command: Command): Command {
  command.commands.forEach(withExitCodes);
  return command.showHelpAfterError('(--help lists the options)').exitOverride(exit);
}

try {
  await program.parseAsync();
} catch (thrown) {
  const error = explainFolderError(thrown);
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(failureJson(error), null, 2)}\n`);
  else process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = exitCodeOf(error);
  // Do not wait for pending work, such as a download.
  if (error instanceof InterruptedError) process.exit();
}
