import { readFile } from 'node:fs/promises';
import type { Target, BakeDefinition as ToolkitDefinition } from '@docker/actions-toolkit/lib/types/buildx/bake.js';
import writeFileAtomic from 'write-file-atomic';
import {
  type BuildRequest,
  type BuildResult,
  buildxVariables,
  type OnProgress,
  runBuildx,
  secretArgument,
  type TargetMetadata,
} from './buildx.ts';
import type { DockerCli } from './docker-cli.ts';
import { builderOf } from './engine.ts';

/** A docker-bake.json. Source: https://docs.docker.com/build/bake/reference/ */
export interface BakeDefinition extends ToolkitDefinition {
  /** Proxies: bake reads the values from the environment, so the file does not contain them. */
  readonly variable?: Readonly<Record<string, { readonly default: '' }>>;
  /** The toolkit does not know annotations. */
  readonly target: Record<string, Target & { readonly annotations: string[] }>;
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

const bakeTarget = (request: BuildRequest): BakeDefinition['target'][string] => ({
  context: request.context,
  contexts: { ...request.contexts },
  dockerfile: request.dockerfile,
  ...(request.target === undefined ? {} : { target: request.target }),
  args: Object.fromEntries([
    ...Object.entries(request.arguments).map(([name, value]) => [name, escapeTemplate(value)]),
    ...request.passedArguments.map((name) => [name, `\${${name}}`]),
  ]),
  secret: request.secrets.map(secretArgument),
  tags: [...request.tags],
  ...(request.platforms.length > 0 ? { platforms: [...request.platforms] } : {}),
  output: [...request.outputs],
  annotations: request.annotations.map(escapeTemplate),
  'cache-from': [...request.cacheFrom],
  'cache-to': [...request.cacheTo],
  attest: request.attestations.length === 0 ? ['type=provenance,disabled=true'] : [...request.attestations],
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
  cli: DockerCli,
  targets: Readonly<Record<string, BuildRequest>>,
  file: string,
  metadataFile: string,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, BuildResult>>> {
  await writeFileAtomic(file, `${JSON.stringify(bakeDefinition(targets), null, 2)}\n`);
  const requests = Object.values(targets);
  const builder = builderOf(cli, requests[0]?.builder);
  // The definition names every file that bake reads.
  const args = ['buildx', 'bake', '--progress=rawjson', '--allow=fs=*', '--builder', builder];
  const variables = Object.assign({}, ...requests.map(buildxVariables)) as Readonly<Record<string, string>>;
  const files = ['--file', file, '--metadata-file', metadataFile];
  const result = await runBuildx(cli, [...args, ...files], variables, onProgress, signal);
  const metadata = JSON.parse(await readFile(metadataFile, 'utf8')) as Readonly<Record<string, TargetMetadata>>;
  return Object.fromEntries(
    Object.keys(targets).map((name) => [name, { ...result, digest: metadata[name]?.['containerimage.digest'] }]),
  );
}
