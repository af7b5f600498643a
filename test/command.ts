import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { inject } from 'vitest';

export const ROOT = join(import.meta.dirname, '..');

/** The command line of the project, as a user runs it. A failing one is an answer. */
export async function run(args: readonly string[], options: Options = {}) {
  const { exitCode, stdout, stderr, signal } = await execa(join(ROOT, 'scripts/run'), args, {
    reject: false,
    cwd: ROOT,
    ...options,
    env: { CI: 'true', NO_COLOR: '1', ...options.env },
  });
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

/** The engine, as the rooms of build/ take it. */
export const engine = () => {
  const { docker: command, host } = inject('engine');
  return { docker: command, environment: { ...process.env, DOCKER_HOST: host } };
};

/** Starts a command, and does something once what it said has a certain line: interrupts it, takes its engine away. */
export async function runUntil(line: RegExp, args: readonly string[], then: (pid: number) => unknown) {
  const child = execa(join(ROOT, 'scripts/run'), args, {
    reject: false,
    cwd: ROOT,
    all: true,
    env: { CI: 'true', NO_COLOR: '1' },
  });
  let said = '';
  let reached = false;
  child.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (reached || !line.test(said)) return;
    reached = true;
    then(child.pid ?? 0);
  });
  const { exitCode } = await child;
  return { exitCode, said, reached };
}
