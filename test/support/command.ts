import { join } from 'node:path';
import { execa, type Options } from 'execa';
import { inject } from 'vitest';
import { checkJsonOutput } from './json-schema.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** Runs the command line, as a user does. A failure is a result, not an error. */
export async function run(args: readonly string[], options: Options = {}) {
  const { exitCode, stdout, stderr, signal } = await execa(join(ROOT, 'scripts/run'), args, {
    reject: false,
    cwd: ROOT,
    ...options,
    env: { CI: 'true', NO_COLOR: '1', ...options.env },
  });
  // Every JSON output in the tests is checked against its schema.
  if (args.includes('--json') && /^[[{]/.test(String(stdout ?? ''))) checkJsonOutput(args, String(stdout));
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

/** Runs a line of shell in a new container of an image. */
export const inImage = (image: string, line: string, user = 'node') =>
  docker('run', '--rm', '--user', user, '--entrypoint', 'sh', image, '-c', line);

/** Options for a push, which never falls back to a bootstrapped base: the base of the shared images. */
export const sameBase = (): readonly string[] => ['--base', inject('base')];

/** The engine, in the form that the code in build/ needs. */
export const engine = () => {
  const { docker: command, host } = inject('engine');
  return { docker: command, environment: { ...process.env, DOCKER_HOST: host } };
};

/** An action that runs once, when a command has printed a line. */
interface Cue {
  readonly line: RegExp;
  readonly act: (pid: number) => unknown;
}

/** Starts a command, and runs an action when it has printed a line: interrupts it, or stops its engine. */
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
  let output = '';
  const cues: Cue[] = [{ line, act }, ...later];
  child.all.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const [next] = cues;
    if (next === undefined || !next.line.test(output)) return;
    cues.shift();
    next.act(child.pid ?? 0);
  });
  const { exitCode } = await child;
  return { exitCode, output, reached: cues.length === 0 };
}

/** The address of this host that containers and build steps reach. */
export const bridgeAddress = async (): Promise<string> =>
  (await docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}')).stdout.trim();
