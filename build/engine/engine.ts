import { accessSync, constants, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../cache-folder.ts';
import { RequestError, WorkError } from '../problem.ts';
import { askEngine } from './engine-api.ts';

/** A Docker Engine that answers, and the command line to speak to it. */
export interface Engine {
  /** Who named it: `--engine`, `DOCKER_HOST`, `context NAME`, or our own `private` one. */
  readonly source: string;
  /** As DOCKER_HOST takes it: `unix:///var/run/docker.sock`. */
  readonly host: string;
  /** Path of a `docker` that has buildx. */
  readonly docker: string;
  /** Environment for that command. */
  readonly environment: NodeJS.ProcessEnv;
}

const ENGINE_SCRIPT = join(import.meta.dirname, '../../scripts/engine');
const PRIVATE_FOLDER = cacheFolder('engine');
const PRIVATE_HOST = `unix://${join(PRIVATE_FOLDER, 'docker.sock')}`;
const PRIVATE_BIN = join(PRIVATE_FOLDER, 'root/usr/bin');
const DEFAULT_HOST = 'unix:///var/run/docker.sock';

/** Who asked for an engine, and which. */
interface Candidate {
  readonly source: string;
  readonly host: string;
  /** A Docker context, which has certificates for its host beside the address. */
  readonly context?: string;
}

/**
 * Finds an engine: the one that is named (`--engine`, `DOCKER_HOST`, a Docker context), else the default one, else a private
 * one that runs, else a private one that is set up now.
 *
 * @throws WorkError where a named engine does not answer, or where there is none and none can be set up
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
 * The same, without setting one up.
 *
 * @returns undefined where none is named, and none runs
 * @throws WorkError where a named engine does not answer, or an engine is not for this user; RequestError where the name is none
 */
export async function findRunningEngine(named: string | undefined): Promise<Engine | undefined> {
  const candidate = await namedEngine(named);
  if (candidate !== undefined) {
    if (await answers(candidate)) return withCommand(candidate);
    throw new WorkError({
      kind: 'engine-gone',
      title: 'The Docker Engine does not answer',
      reason: `${candidate.source} names ${candidate.host}, and nothing answers there`,
      wayOut: `start it, or name another: --engine unix:///path/docker.sock`,
    });
  }
  for (const known of [
    { source: 'context default', host: DEFAULT_HOST },
    { source: 'private', host: PRIVATE_HOST },
  ])
    if (await answers(known)) return withCommand(known);
  return undefined;
}

/** A `docker` with buildx for work on a remote builder, which needs no engine. */
export async function findBuilderCommand(): Promise<Pick<Engine, 'docker' | 'environment'>> {
  return { docker: await dockerWithBuildx(), environment: process.env };
}

async function namedEngine(option: string | undefined): Promise<Candidate | undefined> {
  if (option !== undefined) return addressed('--engine', option);
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = process.env;
  if (host !== undefined && host !== '') return addressed('DOCKER_HOST', host);
  const name = context === undefined || context === '' ? await currentContext() : context;
  if (name === undefined || name === '' || name === 'default') return undefined;
  const inspect = ['context', 'inspect', name, '--format', '{{.Endpoints.docker.Host}}'];
  const { exitCode, stdout } = await execa(await dockerWithBuildx(), inspect, { reject: false });
  if (exitCode !== 0) {
    const reason = 'is no context of Docker here, and it is the chosen one';
    throw new RequestError([
      {
        source: 'context',
        value: name,
        reason,
        wayOut: 'choose another: docker context ls; docker context use default',
      },
    ]);
  }
  return { source: `context ${name}`, host: stdout.trim(), context: name };
}

/** A path is a socket, and an address without a word before it is TCP's. Source: docker/cli, opts/hosts.go */
function addressed(source: string, text: string): Candidate {
  const host = text.includes('://') ? text : text.startsWith('/') ? `unix://${text}` : `tcp://${text}`;
  if (/^(?:unix|tcp|ssh|npipe|fd):\/\//.test(host)) return { source, host };
  const wayOut = 'write unix:///path, tcp://host:port or ssh://host';
  throw new RequestError([{ source, value: text, reason: 'is no address of an engine', wayOut }]);
}

async function currentContext(): Promise<string | undefined> {
  const file = join(dockerConfigFolder(), 'config.json');
  if (!existsSync(file)) return undefined;
  try {
    return (JSON.parse(await readFile(file, 'utf8')) as { readonly currentContext?: string }).currentContext;
  } catch (error) {
    // What a parser says of it quotes it, and it may hold passwords.
    throw new WorkError(
      {
        kind: 'docker-config',
        title: "Docker's settings cannot be read",
        reason: `${file} is no JSON, or not for this user`,
        wayOut: 'mend it, or name another folder in DOCKER_CONFIG',
      },
      { cause: (error as NodeJS.ErrnoException).code },
    );
  }
}

export const dockerConfigFolder = (): string => process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');

/** A ping costs a millisecond on a socket; other transports (ssh, TLS) are Docker's own business. */
async function answers(candidate: Candidate): Promise<boolean> {
  const { host } = candidate;
  if (host.startsWith('unix://')) {
    assertAllowed(host.slice('unix://'.length));
    return (await askEngine(host, '/_ping'))?.status === 200;
  }
  const { docker, environment } = await withCommand(candidate);
  const options = { env: environment, extendEnv: false, reject: false, timeout: 20_000 } as const;
  return (await execa(docker, ['version'], options)).exitCode === 0;
}

/** An engine that is there, and not for this user, is not to be taken for none. */
function assertAllowed(socket: string): void {
  try {
    accessSync(socket, constants.W_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return;
    const user = userInfo().username;
    throw new WorkError(
      {
        kind: 'engine-denied',
        title: 'The Docker Engine is not for this user',
        reason: `${user} may not write to ${socket}`,
        wayOut: `join its group and log in again: sudo usermod --append --groups docker ${user}; or name another engine: --engine`,
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

/** Each context has a builder of its name that is its engine; buildx uses no other's. */
export const builderOf = ({ environment }: Pick<Engine, 'environment'>, named: string | undefined): string =>
  named ?? environment['DOCKER_CONTEXT'] ?? 'default';

const PLUGIN_FOLDERS = [
  () => join(dockerConfigFolder(), 'cli-plugins'),
  () => '/usr/local/lib/docker/cli-plugins',
  () => '/usr/local/libexec/docker/cli-plugins',
  () => '/usr/lib/docker/cli-plugins',
  () => '/usr/libexec/docker/cli-plugins',
];

/** The host's own command where it has buildx, else ours; set up where there is neither. */
async function dockerWithBuildx(): Promise<string> {
  const hasBuildx = (): boolean => PLUGIN_FOLDERS.some((folder) => existsSync(join(folder(), 'docker-buildx')));
  if (!hasBuildx()) await runEngineScript('tools');
  const onPath = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'docker'));
  const found = [...onPath, join(PRIVATE_BIN, 'docker')].find(existsSync);
  if (found !== undefined) return found;
  await runEngineScript('tools');
  return join(PRIVATE_BIN, 'docker');
}

/** Runs scripts/engine; what it says goes to the user as it is. */
export async function runEngineScript(...args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await execa(ENGINE_SCRIPT, args, {
    reject: false,
    stderr: ['pipe', 'inherit'],
    stdout: 'pipe',
  });
  if (exitCode === 0) return;
  throw new WorkError({
    kind: 'no-engine',
    title: 'There is no Docker Engine, and none could be set up',
    reason:
      stderr
        .trim()
        .split('\n')
        .at(-1)
        ?.replace(/^openclaw-image: /, '') || `scripts/engine ${args.join(' ')} failed`,
    wayOut:
      'install Docker (https://docs.docker.com/engine/install/), or name an engine: --engine unix:///path/docker.sock',
  });
}
