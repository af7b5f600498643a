import { accessSync, constants, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../cache-folder.ts';
import { homeFolder } from '../home-folder.ts';
import { requestError, WorkError } from '../problem.ts';
import { type DockerCli, runDocker } from './docker-cli.ts';
import { requestEngine } from './engine-api.ts';

/** A running Docker Engine, and the Docker CLI to use it. */
export interface Engine extends DockerCli {
  /** How it was found: `--engine`, `DOCKER_HOST`, `DOCKER_CONTEXT`, `CONTAINER_ENGINE=podman`, `context NAME`, or `private` for the private engine. */
  readonly source: string;
  /** In the form of DOCKER_HOST: `unix:///var/run/docker.sock`. */
  readonly host: string;
}

const ENGINE_SCRIPT = join(import.meta.dirname, '../../scripts/engine');
const PRIVATE_FOLDER = cacheFolder('engine');
const PRIVATE_HOST = `unix://${join(PRIVATE_FOLDER, 'docker.sock')}`;
const PRIVATE_BIN = join(PRIVATE_FOLDER, 'root/usr/bin');
const DEFAULT_HOST = 'unix:///var/run/docker.sock';

/** An engine that may be running. */
interface Candidate {
  readonly source: string;
  readonly host: string;
  /** The Docker context, which also has the certificates for its host. */
  readonly context?: string;
}

/**
 * Finds the engine to use: the one that is named (`--engine`, `CONTAINER_ENGINE=podman`, `DOCKER_HOST`, a Docker context), else the one on the default socket,
 * else a running private engine, else a new private engine.
 *
 * @throws WorkError if a named engine does not answer, or if none can be set up
 */
export async function findEngine(
  named: string | undefined,
  onStep: (step: string) => void = () => {},
): Promise<Engine> {
  const running = await findRunningEngine(named);
  if (running !== undefined) return running;
  onStep('setting up a private Docker Engine');
  await runEngineScript('up');
  return withCommand({ source: 'private', host: PRIVATE_HOST });
}

/**
 * Finds a running engine in the same order, without setting one up.
 *
 * @param kind `podman` for the engine of an installation that runs on Podman; default: `CONTAINER_ENGINE`
 * @returns undefined if none is named and none runs
 * @throws WorkError if a named engine does not answer or denies access; RequestError if the name is not valid
 */
export async function findRunningEngine(
  named: string | undefined,
  kind: string | undefined = process.env['CONTAINER_ENGINE'],
): Promise<Engine | undefined> {
  const candidate = await namedEngine(named, kind);
  if (candidate !== undefined) {
    if (await answers(candidate)) return withCommand(candidate);
    throw new WorkError({
      kind: 'engine-gone',
      title: 'The Docker Engine does not answer',
      reason: `${candidate.source} names ${candidate.host}, but nothing answers there.`,
      hint: startHint(candidate.host),
    });
  }
  for (const known of [
    { source: 'context default', host: DEFAULT_HOST },
    { source: 'private', host: PRIVATE_HOST },
  ])
    if (await answers(known)) return withCommand(known);
  return undefined;
}

/** A Docker CLI with buildx, for remote builders, which need no local engine. */
export async function findBuilderCommand(): Promise<DockerCli> {
  return { docker: await dockerWithBuildx(), environment: process.env };
}

async function namedEngine(option: string | undefined, kind: string | undefined): Promise<Candidate | undefined> {
  if (option !== undefined) return addressed('--engine', option);
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = process.env;
  if (kind === 'podman') return { source: 'CONTAINER_ENGINE=podman', host: podmanHost() };
  if (host !== undefined && host !== '') return addressed('DOCKER_HOST', host);
  const name = context === undefined || context === '' ? await currentContext() : context;
  if (name === undefined || name === '' || name === 'default') return undefined;
  const inspect = ['context', 'inspect', name, '--format', '{{.Endpoints.docker.Host}}'];
  const { exitCode, stdout } = await execa(await dockerWithBuildx(), inspect, { reject: false });
  if (exitCode !== 0) {
    const reason = 'is the selected Docker context, but it does not exist';
    throw requestError(
      'context',
      name,
      reason,
      'choose another one (docker context ls), or run docker context use default',
    );
  }
  return { source: name === context ? 'DOCKER_CONTEXT' : `context ${name}`, host: stdout.trim(), context: name };
}

/** Where Podman serves Docker's API. Source: podman-system-service(1) */
const podmanHost = (): string => {
  const { uid } = userInfo();
  const folder = uid === 0 ? '/run' : (process.env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`);
  return `unix://${folder}/podman/podman.sock`;
};

/** How people start an engine that does not answer. */
const startHint = (host: string): string =>
  host === podmanHost()
    ? `start Podman's API (systemctl ${userInfo().uid === 0 ? '' : '--user '}start podman.socket), or name another engine: --engine unix:///path/docker.sock`
    : 'start the engine, or name another one: --engine unix:///path/docker.sock';

/** An absolute path is a socket; an address without scheme is TCP. Source: docker/cli, opts/hosts.go */
function addressed(source: string, text: string): Candidate {
  const host = text.includes('://') ? text : text.startsWith('/') ? `unix://${text}` : `tcp://${text}`;
  if (/^(?:unix|tcp|ssh|npipe|fd):\/\//.test(host)) return { source, host };
  const hint = 'write unix:///path, tcp://host:port or ssh://host';
  throw requestError(source, text, 'is not a valid engine address', hint);
}

async function currentContext(): Promise<string | undefined> {
  const file = join(dockerConfigFolder(), 'config.json');
  if (!existsSync(file)) return undefined;
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { readonly currentContext?: string }).currentContext;
  } catch (error) {
    // A JSON parser's message quotes the file, which may contain passwords.
    throw new WorkError(
      {
        kind: 'docker-config',
        title: 'The Docker configuration cannot be read',
        reason: `${file} is not valid JSON, or this user may not read it.`,
        hint: 'correct the file, or name another folder in DOCKER_CONFIG',
      },
      { cause: (error as NodeJS.ErrnoException).code },
    );
  }
}

export const dockerConfigFolder = (): string => process.env['DOCKER_CONFIG'] || join(homeFolder(), '.docker');

/** On a socket a ping takes a millisecond; other transports (ssh, TLS) are left to the Docker CLI. */
async function answers(candidate: Candidate): Promise<boolean> {
  const { host } = candidate;
  if (host.startsWith('unix://')) {
    assertAllowed(host.slice('unix://'.length));
    return (await requestEngine(host, '/_ping'))?.status === 200;
  }
  return (await runDocker(await withCommand(candidate), ['version'], { timeout: 20_000 })).exitCode === 0;
}

/** Distinguishes an engine that denies access from a missing engine. */
function assertAllowed(socket: string): void {
  try {
    accessSync(socket, constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return;
    const user = userInfo().username;
    throw new WorkError(
      {
        kind: 'engine-denied',
        title: 'Permission denied on the Docker socket',
        reason: `The user ${user} may not write to ${socket}.`,
        hint: `join the docker group and log in again (sudo usermod --append --groups docker ${user}), or name another engine with --engine`,
      },
      { cause: error },
    );
  }
}

async function withCommand({ source, host, context }: Candidate): Promise<Engine> {
  const docker = await dockerWithBuildx();
  const { DOCKER_HOST: _host, DOCKER_CONTEXT: _context, ...others } = process.env;
  const environment =
    context === undefined || host.startsWith('unix://')
      ? { ...others, DOCKER_HOST: host }
      : { ...others, DOCKER_CONTEXT: context };
  return { source, host, docker, environment };
}

/** The builder of a context has the name of the context. A named builder takes precedence. */
export const builderOf = ({ environment }: Pick<DockerCli, 'environment'>, named: string | undefined): string =>
  named ?? environment['DOCKER_CONTEXT'] ?? 'default';

const PLUGIN_FOLDERS = [
  () => join(dockerConfigFolder(), 'cli-plugins'),
  () => '/usr/local/lib/docker/cli-plugins',
  () => '/usr/local/libexec/docker/cli-plugins',
  () => '/usr/lib/docker/cli-plugins',
  () => '/usr/libexec/docker/cli-plugins',
];

/** The Docker CLI on PATH if buildx is installed, else the private one, which is set up if necessary. */
async function dockerWithBuildx(): Promise<string> {
  const hasBuildx = (): boolean => PLUGIN_FOLDERS.some((folder) => existsSync(join(folder(), 'docker-buildx')));
  if (!hasBuildx()) await runEngineScript('tools');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'docker'));
  const path = [...onPath, join(PRIVATE_BIN, 'docker')].find(existsSync);
  if (path !== undefined) return path;
  await runEngineScript('tools');
  return join(PRIVATE_BIN, 'docker');
}

/** Runs scripts/engine. Its messages go to the user's terminal. */
export async function runEngineScript(...args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await execa(ENGINE_SCRIPT, args, {
    reject: false,
    stderr: ['pipe', 'inherit'],
    stdout: 'pipe',
  });
  if (exitCode === 0) return;
  throw new WorkError({
    kind: 'no-engine',
    title: 'There is no Docker Engine, and setting one up failed',
    reason:
      stderr
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^openclaw-image: /, '') || `scripts/engine ${args.join(' ')} failed`,
    hint: 'install Docker (https://docs.docker.com/engine/install/), or name a running engine: --engine unix:///path/docker.sock',
  });
}
