import { readFile } from 'node:fs/promises';
import writeFileAtomic from 'write-file-atomic';
import {
  type BuildRequest,
  type BuildResult,
  buildxVariables,
  type OnProgress,
  runBuildx,
  type TargetMetadata,
} from './buildx.ts';
import { builderOf, type Engine } from './engine.ts';

/** A docker-bake.json. Source: https://docs.docker.com/build/bake/reference/ */
export interface BakeDefinition {
  /** Proxies: bake reads the values from the environment, so the file does not contain them. */
  readonly variable?: Readonly<Record<string, { readonly default: '' }>>;
  readonly group: { readonly default: { readonly targets: readonly string[] } };
  readonly target: Readonly<Record<string, BakeTarget>>;
}

interface BakeTarget {
  readonly context: string;
  readonly contexts: Readonly<Record<string, string>>;
  readonly dockerfile: string;
  readonly args: Readonly<Record<string, string>>;
  readonly secret: readonly string[];
  readonly tags: readonly string[];
  readonly platforms?: readonly string[];
  readonly output: readonly string[];
  readonly annotations: readonly string[];
  readonly 'cache-from': readonly string[];
  readonly 'cache-to': readonly string[];
  readonly attest: readonly string[];
}

/** The bake definition of several builds. Pure. Secrets are referenced by name only. */
export function bakeDefinition(targets: Readonly<Record<string, BuildRequest>>): BakeDefinition {
  const passed = [...new Set(Object.values(targets).flatMap(({ passedArguments }) => passedArguments))];
  return {
    ...(passed.length > 0 ? { variable: Object.fromEntries(passed.map((name) => [name, { default: '' }])) } : {}),
    group: { default: { targets: Object.keys(targets) } },
    target: Object.fromEntries(Object.entries(targets).map(([name, request]) => [name, bakeTarget(request)])),
  };
}

const bakeTarget = (request: BuildRequest): BakeTarget => ({
  context: request.context,
  contexts: request.contexts,
  dockerfile: request.dockerfile,
  args: Object.fromEntries([
    ...Object.entries(request.arguments).map(([name, value]) => [name, escapeTemplate(value)]),
    ...request.passedArguments.map((name) => [name, `\${${name}}`]),
  ]),
  secret: request.secrets.map(
    (secret) => `id=${secret.id},${'file' in secret ? `src=${secret.file}` : `env=${secret.variable}`}`,
  ),
  tags: request.tags,
  ...(request.platforms.length > 0 ? { platforms: request.platforms } : {}),
  output: request.outputs,
  annotations: request.annotations.map(escapeTemplate),
  'cache-from': request.cacheFrom,
  'cache-to': request.cacheTo,
  attest: request.attestations.length === 0 ? ['type=provenance,disabled=true'] : request.attestations,
});

/** Bake expands every string as an HCL template. */
const escapeTemplate = (text: string): string => text.replace(/([$%])\{/g, '$1$1{');

/**
 * Builds several images in one BuildKit session: stages that they share are built once.
 *
 * @param targets by name
 * @param file where to write the definition, also for `docker buildx bake --file`
 * @param metadataFile path that buildx writes to
 * @returns the result of each target; all share one progress, because they share steps
 * @throws WorkError, InterruptedError as `build` does
 */
export async function bake(
  engine: Pick<Engine, 'docker' | 'environment'>,
  targets: Readonly<Record<string, BuildRequest>>,
  file: string,
  metadataFile: string,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, BuildResult>>> {
  await writeFileAtomic(file, `${JSON.stringify(bakeDefinition(targets), null, 2)}\n`);
  const requests = Object.values(targets);
  const builder = builderOf(engine, requests[0]?.builder);
  const args = [
    'buildx',
    'bake',
    '--progress=rawjson',
    // The definition names every file that bake reads.
    '--allow=fs=*',
    '--builder',
    builder,
    '--file',
    file,
    '--metadata-file',
    metadataFile,
  ];
  const variables = Object.assign({}, ...requests.map(buildxVariables)) as Readonly<Record<string, string>>;
  const ran = await runBuildx(engine, args, variables, onProgress, signal);
  const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as Readonly<Record<string, TargetMetadata>>;
  return Object.fromEntries(
    Object.keys(targets).map((name) => [name, { ...ran, digest: metadata[name]?.['containerimage.digest'] }]),
  );
}
