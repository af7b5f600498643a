import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { InterruptedError, WorkError } from '../problem.ts';
import { explainBuildFailure } from './build-failure.ts';
import type { DockerCli } from './docker-cli.ts';
import { builderOf } from './engine.ts';
import { advance, type Progress, type Step } from './progress.ts';

/** The proxy variables that Docker predefines as build arguments. Source: https://docs.docker.com/reference/dockerfile/#predefined-args */
export const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'FTP_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** A build secret, from a file or an environment variable. The command line contains neither value. */
export type BuildSecret = { readonly id: string } & (
  | { readonly file: string }
  | { readonly variable: string; readonly value: string }
);

export interface BuildRequest {
  readonly dockerfile: string;
  /** Target stage; undefined for the last one. */
  readonly target?: string;
  /** The build context: the folder that `COPY` without `--from` reads. */
  readonly context: string;
  /** Named contexts that replace stages: a folder, `docker-image://…`, `oci-layout://…`. */
  readonly contexts: Readonly<Record<string, string>>;
  readonly arguments: Readonly<Record<string, string>>;
  /** Build arguments whose value buildx reads from the environment (proxies), so no command line contains them. */
  readonly passedArguments: readonly string[];
  readonly secrets: readonly BuildSecret[];
  readonly tags: readonly string[];
  readonly platforms: readonly string[];
  readonly outputs: readonly string[];
  /** As buildx takes them: `type=provenance,mode=max`. */
  readonly attestations: readonly string[];
  readonly annotations: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  /** Undefined: the engine's own builder. */
  readonly builder: string | undefined;
  readonly sourceDateEpoch: number | undefined;
  readonly metadataFile: string;
}

export interface BuildResult {
  readonly progress: Progress;
  /** Digest of the index; undefined for outputs without one (type=local). */
  readonly digest: string | undefined;
  readonly seconds: number;
}

/** The arguments of `docker buildx build`. Pure. Secrets are referenced by name only. */
export function buildxArguments(request: BuildRequest): readonly string[] {
  const repeat = (flag: string, values: readonly string[]): readonly string[] =>
    values.flatMap((value) => [flag, value]);
  return [
    'buildx',
    'build',
    '--progress=rawjson',
    ...(request.attestations.length === 0 ? ['--provenance=false'] : repeat('--attest', request.attestations)),
    ...(request.builder === undefined ? [] : ['--builder', request.builder]),
    '--file',
    request.dockerfile,
    ...(request.target === undefined ? [] : ['--target', request.target]),
    '--metadata-file',
    request.metadataFile,
    ...repeat(
      '--build-context',
      Object.entries(request.contexts).map(([name, value]) => `${name}=${value}`),
    ),
    ...repeat('--build-arg', [
      ...Object.entries(request.arguments).map(([name, value]) => `${name}=${value}`),
      ...request.passedArguments,
    ]),
    ...repeat('--secret', request.secrets.map(secretArgument)),
    ...repeat('--tag', request.tags),
    ...repeat('--platform', request.platforms),
    ...repeat('--output', request.outputs),
    ...repeat('--annotation', request.annotations),
    ...repeat('--cache-from', request.cacheFrom),
    ...repeat('--cache-to', request.cacheTo),
    request.context,
  ];
}

/** A secret as buildx takes it: `id=ca,src=/path` or `id=npmrc,env=NAME`. */
export const secretArgument = (secret: BuildSecret): string =>
  `id=${secret.id},${'file' in secret ? `src=${secret.file}` : `env=${secret.variable}`}`;

/** Environment variables for buildx: secrets that are not files, and the time of a reproducible build. */
export function buildxVariables(request: BuildRequest): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(
      request.secrets.flatMap((secret) => ('variable' in secret ? [[secret.variable, secret.value]] : [])),
    ),
    ...(request.sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(request.sourceDateEpoch) }),
    // Provenance in the metadata file costs half a second, and nothing reads it there.
    BUILDX_METADATA_PROVENANCE: 'disabled',
    // `git status` runs the program that core.fsmonitor of a checkout names.
    BUILDX_GIT_CHECK_DIRTY: 'false',
  };
}

export type OnProgress = (progress: Progress, changed: readonly Step[]) => void;

/**
 * Builds with BuildKit.
 *
 * @param onProgress called for every change
 * @param signal cancels the build: BuildKit stops its steps, and writes no tag
 * @throws WorkError with an explanation; InterruptedError after `signal`
 */
export async function build(
  engine: DockerCli,
  request: BuildRequest,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<BuildResult> {
  const args = buildxArguments({ ...request, builder: builderOf(engine, request.builder) });
  const ran = await runBuildx(engine, args, buildxVariables(request), onProgress, signal);
  const metadata = JSON.parse(await readFile(request.metadataFile, 'utf8')) as TargetMetadata;
  return { ...ran, digest: metadata['containerimage.digest'] };
}

/** The metadata file that buildx writes for one image. */
export interface TargetMetadata {
  readonly 'containerimage.digest'?: string;
}

/** This fault is rare. More in a row have another cause. */
const MOST_LOSSES = 3;

/** Runs buildx, and repeats it if the engine lost a layer. Steps that ran in an earlier attempt count as run. */
export async function runBuildx(
  engine: DockerCli,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Omit<BuildResult, 'digest'>> {
  const ran = new Map<string, Step>();
  const remember: OnProgress = (progress, changed) => {
    for (const step of changed) if (step.state === 'done') ran.set(step.digest, step);
    onProgress(progress, changed);
  };
  for (let losses = 0; ; losses += 1) {
    try {
      const result = await runOnce(engine, args, variables, remember, signal);
      return losses === 0 ? result : { ...result, progress: new Map([...result.progress, ...ran]) };
    } catch (error) {
      const lost = error instanceof WorkError && error.failure.kind === 'lost-snapshot';
      if (!lost || losses === MOST_LOSSES || signal?.aborted === true) throw error;
    }
  }
}

async function runOnce(
  { docker, environment }: DockerCli,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Omit<BuildResult, 'digest'>> {
  const started = performance.now();
  let progress: Progress = new Map();
  const otherLines: string[] = [];
  const child = execa(docker, args, {
    env: { ...environment, ...variables },
    extendEnv: false,
    reject: false,
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    // A separate process group, so that Ctrl-C in the terminal does not reach buildx. We send it one signal instead.
    detached: true,
  });
  const stop = (): void => {
    child.kill('SIGINT');
  };
  // execa does not end detached processes; buildx would go on and write the tag.
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // The process has already ended.
    }
  };
  process.once('exit', end);
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop, { once: true });

  let exitCode: number | undefined;
  try {
    for await (const line of child.iterable({ from: 'stderr' })) {
      const advanced = advance(progress, line);
      if (advanced === undefined) {
        otherLines.push(line);
        continue;
      }
      progress = advanced.progress;
      onProgress(progress, advanced.changed);
    }
    ({ exitCode } = await child);
  } finally {
    process.off('exit', end);
    signal?.removeEventListener('abort', stop);
  }
  if (signal?.aborted === true) throw new InterruptedError('nothing was tagged, and finished steps are cached');
  if (exitCode !== 0) throw new WorkError(explainBuildFailure(progress, otherLines.join('\n'), exitCode));
  return { progress, seconds: (performance.now() - started) / 1000 };
}
