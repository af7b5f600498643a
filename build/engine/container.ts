import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { WorkError } from '../problem.ts';
import { type CommandResult, type DockerCli, runDocker } from './docker-cli.ts';

export interface ContainerRequest {
  readonly image: string;
  /** `linux/arm64`; undefined: the engine's platform. */
  readonly platform?: string | undefined;
  /** Interval and timeout of the health check; undefined: as the image defines them. */
  readonly healthSeconds?: number;
  readonly entrypoint?: string;
  /** Further options of `docker run`: `--read-only`. */
  readonly options?: readonly string[];
  /** Folders and files of the host, mounted read-only. */
  readonly mounts?: readonly Mount[];
  /** `127.0.0.1:18789:18789`, as `docker run --publish` takes it. */
  readonly published?: readonly string[];
  readonly command?: readonly string[];
  /** Passed to `docker` through its environment, so no process list shows the values. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Mount {
  readonly from: string;
  readonly to: string;
}

const AUTHORITIES = '/run/openclaw-image-ca.pem';

/**
 * The part of a request that lets Node and npm in the container trust more certificate authorities: some releases of the gateway fetch
 * dependencies of plugins when they start.
 *
 * @param ca PEM file on the engine's host; undefined for none
 */
export const certificateMount = (ca: string | undefined): Required<Pick<ContainerRequest, 'mounts' | 'environment'>> =>
  ca === undefined
    ? { mounts: [], environment: {} }
    : { mounts: [{ from: ca, to: AUTHORITIES }], environment: { NODE_EXTRA_CA_CERTS: AUTHORITIES } };

/** `--mount` takes CSV: a quoted field may contain commas, and doubles its quotes. */
const mountArgument = ({ from, to }: Mount): string =>
  ['type=bind', `source=${from}`, `target=${to}`, 'readonly']
    .map((field) => `"${field.replaceAll('"', '""')}"`)
    .join(',');

export interface ContainerState {
  readonly running: boolean;
  readonly exitCode: number;
  /** `starting`, `healthy`, `unhealthy`; undefined without a health check. */
  readonly health: string | undefined;
}

/** A container that this project started; its name begins with `openclaw-image-`. */
export interface Container {
  readonly name: string;
  /** Runs a command in the container. A non-zero exit code is a result, not an error. */
  readonly exec: (command: readonly string[], user?: string) => Promise<CommandResult>;
  readonly state: () => Promise<ContainerState>;
  /** The last lines of its log. */
  readonly lines: (count: number) => Promise<readonly string[]>;
  readonly restart: () => Promise<void>;
  /** Sends SIGTERM, and SIGKILL after `seconds`. */
  readonly stop: (seconds: number) => Promise<{ readonly seconds: number; readonly exitCode: number }>;
  readonly remove: () => Promise<void>;
}

/** @throws WorkError if the engine cannot start the container */
export async function startContainer(cli: DockerCli, request: ContainerRequest): Promise<Container> {
  const name = `openclaw-image-${randomBytes(4).toString('hex')}`;
  const secrets = request.environment ?? {};
  const run = (args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<CommandResult> =>
    runDocker(cli, args, { variables });
  const state = async (): Promise<ContainerState> => {
    const { stdout } = await run(['container', 'inspect', name, '--format', '{{json .State}}']);
    const parsed = JSON.parse(stdout || '{}') as {
      readonly Running?: boolean;
      readonly ExitCode?: number;
      readonly Health?: { readonly Status: string };
    };
    return { running: parsed.Running === true, exitCode: parsed.ExitCode ?? -1, health: parsed.Health?.Status };
  };
  let removal: Promise<CommandResult> | undefined;
  // Remove only once: an engine refuses a second removal while the first one runs.
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
      ...(request.options ?? []),
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
      title: 'The container did not start',
      reason: started.stderr.trim().split('\n').at(-1) ?? `docker run exited with ${started.exitCode}`,
      hint: 'for "exec format error", install the emulator: scripts/engine emulate arm64',
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

/** Calls a function repeatedly until it returns a value or the time limit is reached. */
export async function poll<T>(
  attempt: () => Promise<T | undefined>,
  limitSeconds: number,
  everySeconds = 0.5,
): Promise<T | undefined> {
  const end = performance.now() + limitSeconds * 1000;
  for (;;) {
    const result = await attempt();
    if (result !== undefined || performance.now() > end) return result;
    await sleep(everySeconds * 1000);
  }
}
