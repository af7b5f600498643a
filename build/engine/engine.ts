import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../cache-folder.ts';
import { WorkError } from '../problem.ts';
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
 * @throws WorkError where a named engine does not answer
 */
export async function findRunningEngine(named: string | undefined): Promise<Engine | undefined> {
  const candidate = await namedEngine(named);
  if (candidate !== undefined) {
    if (await answers(candidate.host)) return withCommand(candidate);
    throw new WorkError({
      kind: 'engine-gone',
      title: 'The Docker Engine does not answer',
      reason: `${candidate.source} names ${candidate.host}, and nothing answers there`,
      wayOut: `start it, or name another: --engine unix:///path/docker.sock`,
    });
  }
  if (await answers(DEFAULT_HOST)) return withCommand({ source: 'context default', host: DEFAULT_HOST });
  if (await answers(PRIVATE_HOST)) return withCommand({ source: 'private', host: PRIVATE_HOST });
  return undefined;
}

/** A `docker` with buildx for work on a remote builder, which needs no engine. */
export async function findBuilderCommand(): Promise<Pick<Engine, 'docker' | 'environment'>> {
  return { docker: await dockerWithBuildx(), environment: process.env };
}

async function namedEngine(option: string | undefined): Promise<Candidate | undefined> {
  if (option !== undefined) return { source: '--engine', host: option };
  const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = process.env;
  if (host !== undefined && host !== '') return { source: 'DOCKER_HOST', host };
  const name = context ?? (await currentContext());
  if (name === undefined || name === '' || name === 'default') return undefined;
  const { stdout } = await execa(await dockerWithBuildx(), [
    'context',
    'inspect',
    name,
    '--format',
    '{{.Endpoints.docker.Host}}',
  ]);
  return { source: `context ${name}`, host: stdout.trim() };
}

async function currentContext(): Promise<string | undefined> {
  const file = join(dockerConfigFolder(), 'config.json');
  if (!existsSync(file)) return undefined;
  return (JSON.parse(await readFile(file, 'utf8')) as { readonly currentContext?: string }).currentContext;
}

export const dockerConfigFolder = (): string => process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker');

/** A ping costs a millisecond on a socket; other transports (ssh, TLS) are Docker's own business. */
async function answers(host: string): Promise<boolean> {
  if (host.startsWith('unix://')) return (await askEngine(host, '/_ping'))?.status === 200;
  const docker = await dockerWithBuildx();
  const { exitCode } = await execa(docker, ['--host', host, 'version'], { reject: false, timeout: 20_000 });
  return exitCode === 0;
}

async function withCommand({ source, host }: Candidate): Promise<Engine> {
  const docker = await dockerWithBuildx();
  return { source, host, docker, environment: { ...process.env, DOCKER_HOST: host } };
}

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
        ?.replace(/^openclaw-image: /, '') ?? `scripts/engine ${args.join(' ')} failed`,
    wayOut:
      'install Docker (https://docs.docker.com/engine/install/), or name an engine: --engine unix:///path/docker.sock',
  });
}
