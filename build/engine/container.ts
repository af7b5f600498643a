import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { WorkError } from '../problem.ts';
import type { Engine } from './engine.ts';

export interface ContainerRequest {
  readonly image: string;
  /** `linux/arm64`; undefined: the engine's own. */
  readonly platform?: string | undefined;
  /** Seconds between two runs of the health check, and that one may take; undefined for the image's own. */
  readonly healthSeconds?: number;
  readonly entrypoint?: string;
  /** Folders of the host that it may read. */
  readonly mounts?: readonly Mount[];
  /** `127.0.0.1:18789:18789`, as `docker run --publish` takes it. */
  readonly published?: readonly string[];
  readonly command?: readonly string[];
  /** Handed over through the environment of `docker`, so that no value shows in a list of processes. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Mount {
  readonly from: string;
  readonly to: string;
}

/** `--mount` reads CSV: a quoted field may hold a comma, and a doubled quote. */
const mountArgument = ({ from, to }: Mount): string =>
  ['type=bind', `source=${from}`, `target=${to}`, 'readonly']
    .map((field) => `"${field.replaceAll('"', '""')}"`)
    .join(',');

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ContainerState {
  readonly running: boolean;
  readonly exitCode: number;
  /** `starting`, `healthy`, `unhealthy`; undefined without a health check. */
  readonly health: string | undefined;
}

/** A container of our own, with a name that says so. */
export interface Container {
  readonly name: string;
  /** Runs a command in it; a failing one is an answer, not an error. */
  readonly exec: (command: readonly string[], user?: string) => Promise<Output>;
  readonly state: () => Promise<ContainerState>;
  /** The last lines that it printed. */
  readonly lines: (count: number) => Promise<readonly string[]>;
  readonly restart: () => Promise<void>;
  /** SIGTERM, and SIGKILL after `seconds`. */
  readonly stop: (seconds: number) => Promise<{ readonly seconds: number; readonly exitCode: number }>;
  readonly remove: () => Promise<void>;
}

/** @throws WorkError where the engine cannot start it */
export async function startContainer(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  request: ContainerRequest,
): Promise<Container> {
  const name = `openclaw-image-${randomBytes(4).toString('hex')}`;
  const secrets = request.environment ?? {};
  const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Output> => {
    const { exitCode, stdout, stderr } = await execa(docker, args, {
      env: { ...environment, ...env },
      extendEnv: false,
      reject: false,
    });
    return { exitCode: exitCode ?? 1, stdout, stderr };
  };
  const state = async (): Promise<ContainerState> => {
    const { stdout } = await run(['container', 'inspect', name, '--format', '{{json .State}}']);
    const parsed = JSON.parse(stdout || '{}') as {
      readonly Running?: boolean;
      readonly ExitCode?: number;
      readonly Health?: { readonly Status: string };
    };
    return { running: parsed.Running === true, exitCode: parsed.ExitCode ?? -1, health: parsed.Health?.Status };
  };
  let removal: Promise<Output> | undefined;
  // Once: an engine refuses a second one while the first goes on, and then it is not yet gone.
  const remove = async (): Promise<void> => {
    removal ??= run(['container', 'rm', '--force', '--volumes', name]);
    await removal;
  };

  const started = await run(
    [
      'run',
      '--detach',
      '--name',
      name,
      ...(request.platform === undefined ? [] : ['--platform', request.platform]),
      ...(request.entrypoint === undefined ? [] : ['--entrypoint', request.entrypoint]),
      ...(request.healthSeconds === undefined
        ? []
        : ['health-interval', 'health-start-interval', 'health-timeout'].map(
            (name) => `--${name}=${request.healthSeconds}s`,
          )),
      ...(request.mounts ?? []).flatMap((mount) => ['--mount', mountArgument(mount)]),
      ...(request.published ?? []).flatMap((ports) => ['--publish', ports]),
      ...Object.keys(secrets).flatMap((variable) => ['--env', variable]),
      request.image,
      ...(request.command ?? []),
    ],
    secrets,
  );
  if (started.exitCode !== 0) {
    await remove();
    throw new WorkError({
      kind: 'container',
      title: 'The container does not start',
      reason: started.stderr.trim().split('\n').at(-1) ?? `docker run exited with ${started.exitCode}`,
      wayOut: 'exec format error means another processor: scripts/engine emulate arm64',
    });
  }
  return {
    name,
    state,
    remove,
    exec: (command, user) => run(['exec', ...(user === undefined ? [] : ['--user', user]), name, ...command]),
    lines: async (count) => {
      const { stdout, stderr } = await run(['logs', '--tail', String(count), name]);
      return `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
    },
    restart: async () => void (await run(['restart', name])),
    stop: async (limit) => {
      const before = performance.now();
      await run(['stop', '--timeout', String(limit), name]);
      return { seconds: (performance.now() - before) / 1000, exitCode: (await state()).exitCode };
    },
  };
}

/** Asks again until there is an answer or the time is up. */
export async function poll<T>(
  ask: () => Promise<T | undefined>,
  limitSeconds: number,
  everySeconds = 0.5,
): Promise<T | undefined> {
  const until = performance.now() + limitSeconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined || performance.now() > until) return answer;
    await sleep(everySeconds * 1000);
  }
}
