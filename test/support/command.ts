import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { inject } from 'vitest';
import { checkJsonOutput } from './json-schema.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** The command line of the project, as a user runs it. A failing one is an answer. */
export async function run(args: readonly string[], options: Options = {}) {
  const { exitCode, stdout, stderr, signal } = await execa(join(ROOT, 'scripts/run'), args, {
    reject: false,
    cwd: ROOT,
    ...options,
    env: { CI: 'true', NO_COLOR: '1', ...options.env },
  });
  // Every JSON output in the tests is checked against its schema.
  if (args.includes('--json') && String(stdout ?? '').startsWith('{')) checkJsonOutput(args, String(stdout));
  return { exitCode, stdout: String(stdout ?? ''), stderr: String(stderr ?? ''), signal };
}

/** `docker` on the tests' engine. */
export async function docker(...args: readonly string[]) {
  const engine = inject('engine');
  const { exitCode, stdout, stderr } = await execa(engine.docker, args, {
    reject: false,
    env: { DOCKER_HOST: engine.host },
  });
  return { exitCode, stdout, stderr };
}

/** Runs a shell line in a new container of an image. */
export const inImage = (image: string, line: string, user = 'node') =>
  docker('run', '--rm', '--user', user, '--entrypoint', 'sh', image, '-c', line);

/** For a push, which falls back to no base of this host: what the shared images stand on. */
export const sameBase = (): readonly string[] => ['--base', inject('base')];

/** The engine, as the rooms of build/ take it. */
export const engine = () => {
  const { docker: command, host } = inject('engine');
  return { docker: command, environment: { ...process.env, DOCKER_HOST: host } };
};

/** What to do once when a command has said something. */
interface Cue {
  readonly line: RegExp;
  readonly act: (pid: number) => unknown;
}

/** Starts a command, and does something when what it said has a certain line: interrupts it, takes its engine away. */
export async function runUntil(
  line: RegExp,
  args: readonly string[],
  act: Cue['act'],
  later: readonly Cue[] = [],
  environment: Readonly<Record<string, string>> = {},
) {
  const child = execa(join(ROOT, 'scripts/run'), args, {
    reject: false,
    cwd: ROOT,
    all: true,
    env: { CI: 'true', NO_COLOR: '1', ...environment },
  });
  let said = '';
  const cues: Cue[] = [{ line, act }, ...later];
  child.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    const [next] = cues;
    if (next === undefined || !next.line.test(said)) return;
    cues.shift();
    next.act(child.pid ?? 0);
  });
  const { exitCode } = await child;
  return { exitCode, said, reached: cues.length === 0 };
}
