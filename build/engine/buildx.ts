import { readFile } from 'node:fs/promises';
import { execa } from 'execa';
import { InterruptedError, WorkError } from '../problem.ts';
import { explainBuildFailure } from './build-failure.ts';
import { builderOf, type Engine } from './engine.ts';
import { advance, type Progress, type Step } from './progress.ts';

/** A secret for build steps: from a file, or from an environment variable. Neither value shows in the command line. */
export type BuildSecret = { readonly id: string } & (
  | { readonly file: string }
  | { readonly variable: string; readonly value: string }
);

export interface BuildRequest {
  readonly dockerfile: string;
  /** Stage to build; undefined for the last one. */
  readonly target?: string;
  /** Folder that `COPY` without `--from` reads. */
  readonly context: string;
  /** Named contexts, which take the place of stages: a folder, `docker-image://…`, `oci-layout://…`. */
  readonly contexts: Readonly<Record<string, string>>;
  readonly arguments: Readonly<Record<string, string>>;
  /** Variables whose value buildx reads from the environment itself (proxies): never in a command line. */
  readonly passedArguments: readonly string[];
  readonly secrets: readonly BuildSecret[];
  readonly tags: readonly string[];
  readonly platforms: readonly string[];
  readonly outputs: readonly string[];
  /** In buildx's words: `type=provenance,mode=max`. */
  readonly attestations: readonly string[];
  readonly annotations: readonly string[];
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  /** Undefined for the engine's own. */
  readonly builder: string | undefined;
  readonly sourceDateEpoch: number | undefined;
  readonly metadataFile: string;
}

export interface BuildResult {
  readonly progress: Progress;
  /** Of the index; undefined for outputs that have none (type=local). */
  readonly digest: string | undefined;
  readonly seconds: number;
}

/** The arguments of `docker buildx build`, pure: what is secret is named, not given. */
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
    ...repeat(
      '--secret',
      request.secrets.map(
        (secret) => `id=${secret.id},${'file' in secret ? `src=${secret.file}` : `env=${secret.variable}`}`,
      ),
    ),
    ...repeat('--tag', request.tags),
    ...repeat('--platform', request.platforms),
    ...repeat('--output', request.outputs),
    ...repeat('--annotation', request.annotations),
    ...repeat('--cache-from', request.cacheFrom),
    ...repeat('--cache-to', request.cacheTo),
    request.context,
  ];
}

/** Variables that buildx reads: secrets that are no files, and the time of a reproducible build. */
export function buildxVariables(request: BuildRequest): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(
      request.secrets.flatMap((secret) => ('variable' in secret ? [[secret.variable, secret.value]] : [])),
    ),
    ...(request.sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(request.sourceDateEpoch) }),
    // What buildx would look up of provenance for the metadata file costs half a second, and nobody reads it.
    BUILDX_METADATA_PROVENANCE: 'disabled',
  };
}

export type OnProgress = (progress: Progress, changed: readonly Step[]) => void;

/**
 * Builds with BuildKit.
 *
 * @param onProgress hears of every change
 * @param signal ends the build: BuildKit stops its steps, and no tag is written
 * @throws WorkError that says what failed; InterruptedError after `signal`
 */
export async function build(
  engine: Pick<Engine, 'docker' | 'environment'>,
  request: BuildRequest,
  onProgress: OnProgress,
  signal?: AbortSignal,
): Promise<BuildResult> {
  const args = buildxArguments({ ...request, builder: builderOf(engine, request.builder) });
  const ran = await runBuildx(engine, args, buildxVariables(request), onProgress, signal);
  const metadata = JSON.parse(await readFile(request.metadataFile, 'utf8')) as TargetMetadata;
  return { ...ran, digest: metadata['containerimage.digest'] };
}

/** What buildx writes to its metadata file of one image. */
export interface TargetMetadata {
  readonly 'containerimage.digest'?: string;
}

/** Intermittent, and rare: more in a row mean something else. */
const MOST_LOSSES = 3;

/** Runs buildx, again where the engine lost a layer on the way; what ran in the first attempt counts as having run. */
export async function runBuildx(
  engine: Pick<Engine, 'docker' | 'environment'>,
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
      const lost = error instanceof WorkError && error.explanation.kind === 'lost-snapshot';
      if (!lost || losses === MOST_LOSSES || signal?.aborted === true) throw error;
    }
  }
}

async function runOnce(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
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
    // A group of its own: Ctrl-C reaches this process alone, and buildx is told once, by us.
    detached: true,
  });
  const stop = (): void => {
    child.kill('SIGINT');
  };
  // Execa ends no detached process with its own: buildx would go on, and tag.
  const end = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It has ended.
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
  if (signal?.aborted === true) throw new InterruptedError('nothing was tagged, and what was finished is cached');
  if (exitCode !== 0) throw new WorkError(explainBuildFailure(progress, otherLines.join('\n'), exitCode));
  return { progress, seconds: (performance.now() - started) / 1000 };
}
