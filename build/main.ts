import { Command } from 'commander';
import { InterruptedError } from './problem.ts';
import { exitCodeOf, failureJson, failureText } from './report/failure-report.ts';

// scripts/run turned the compile cache on for us, and not for what we start.
delete process.env['NODE_COMPILE_CACHE'];
// npm and pnpm run a project's scripts in its own folder; what a user names is relative to where they are.
const { npm_package_name: npmProject, INIT_CWD: startedIn } = process.env;
if (npmProject === 'openclaw-image' && startedIn !== undefined) process.chdir(startedIn);

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  build: async () => (await import('./commands/build.ts')).buildCommand(),
  bake: async () => (await import('./commands/bake.ts')).bakeCommand(),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
  verify: async () => (await import('./commands/verify.ts')).verifyCommand(),
  run: async () => (await import('./commands/run.ts')).runCommand(),
  sandbox: async () => (await import('./commands/sandbox.ts')).sandboxCommand(),
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  diff: async () => (await import('./commands/diff.ts')).diffCommand(),
  release: async () => (await import('./commands/release/release.ts')).releaseCommand(),
  base: async () => (await import('./commands/base.ts')).baseCommand(),
  rebase: async () => (await import('./commands/rebase.ts')).rebaseCommand(),
  render: async () => (await import('./commands/render.ts')).renderCommand(),
};

/** commander has said what was wrong: a wrong request is exit code 2, help is 0. */
const leave = (error: { readonly exitCode: number }): never => process.exit(error.exitCode === 0 ? 0 : 2);

const program = new Command('scripts/run')
  .description('Builds, checks, compares, releases and runs container images of the OpenClaw Gateway.')
  .exitOverride(leave);

// Only the command that was asked for is loaded; without one the help needs them all.
const name = process.argv[2] ?? '';
const asked = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
for (const load of asked === undefined ? Object.values(COMMANDS) : [asked])
  program.addCommand(withExitCodes(await load()));

function withExitCodes(command: Command): Command {
  command.commands.forEach(withExitCodes);
  return command.showHelpAfterError('(--help lists the options)').exitOverride(leave);
}

try {
  await program.parseAsync();
} catch (error) {
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify(failureJson(error), null, 2)}\n`);
  else process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = exitCodeOf(error);
  // What was going on is not waited for: a download would end first.
  if (error instanceof InterruptedError) process.exit();
}
