import { major, valid } from 'semver';
import type { ImageFile, MergedLayers } from '../contents/merged-layers.ts';
import { ANNOTATION, type Annotations, RUN_BASE_ANNOTATION } from '../oci/annotations.ts';
import { asOciLayer, type Descriptor, type ImageManifest } from '../oci/descriptor.ts';
import { type StoredConfig, variableOf } from '../oci/document.ts';
import { WorkError } from '../problem.ts';

/** One platform of an image. */
export interface ImageParts {
  readonly manifest: Pick<ImageManifest, 'layers'>;
  readonly config: StoredConfig;
}

/**
 * Splits an image into its base and the layers above, by layer contents (diff_ids), because the compression may differ.
 *
 * @returns layers above the base
 * @throws WorkError if the image is not built on that base
 */
export function layersAbove(image: ImageParts, base: ImageParts): readonly Descriptor[] {
  const below = base.config.rootfs.diff_ids;
  if (below.some((id, index) => image.config.rootfs.diff_ids[index] !== id))
    throw refusal('The lowest layers are not those of the base that the annotations name');
  return image.manifest.layers.slice(below.length);
}

/** Whether a layer belongs to the gateway: nothing below it writes to /app. Source: build/dockerfile/plan.ts */
export const isOfGateway = ({ written }: Pick<MergedLayers, 'written'>): boolean =>
  [...written].some((path) => path === 'app' || path.startsWith('app/'));

/**
 * The lowest layers of an image, as an image.
 *
 * @param count of layers
 * @param base of the image, which gives the variables
 */
export function lowestLayers(image: ImageParts, base: ImageParts, count: number): ImageParts {
  const { config, manifest } = image;
  const above = config.rootfs.diff_ids.length - count;
  return {
    manifest: { layers: manifest.layers.slice(0, count) },
    config: {
      ...base.config,
      history: (config.history ?? []).slice(0, startOfLast(config.history ?? [], above)),
      rootfs: { type: 'layers', diff_ids: config.rootfs.diff_ids.slice(0, count) },
    },
  };
}

/**
 * The index where the history of the last layers begins. Counted from the end: BuildKit mixes up the entries of stages that have one base, if
 * there are several, but keeps their number.
 */
function startOfLast(history: NonNullable<StoredConfig['history']>, layers: number): number {
  let start = history.length;
  for (let left = layers; left > 0 && start > 0; ) {
    start -= 1;
    if (history[start]?.empty_layer !== true) left -= 1;
  }
  return start;
}

/** Source of the rule: NODE_MODULE_VERSION belongs to a major version, https://nodejs.org/en/download/releases */
export function nodeProblem(before: ImageParts, after: ImageParts): string | undefined {
  const [oldNode, newNode] = [before, after].map(({ config }) => variableOf(config, 'NODE_VERSION'));
  if (oldNode === undefined || newNode === undefined) return undefined;
  const [from, to] = [oldNode, newNode].map((version) => (valid(version) === null ? version : major(version)));
  if (from === to) return undefined;
  return `Node ${oldNode} would become ${newNode}, and native modules do not load across major versions`;
}

/**
 * Lists the reasons why layers cannot be put on others than those they were built on; empty if they can.
 *
 * They can if no path that they write differs between the two. Then the result equals a build. The database of a package manager is such
 * a path: on a base with other packages, it would list the old ones.
 *
 * @param before files of the layers below, by path
 * @param after files of the layers that are to be below
 */
export function rebaseProblems(
  before: ReadonlyMap<string, ImageFile>,
  after: ReadonlyMap<string, ImageFile>,
  { written }: Pick<MergedLayers, 'written'>,
): readonly string[] {
  const problems: string[] = [];
  const conflictingPaths = [...written].filter(
    (path) => before.get(path)?.fingerprint !== after.get(path)?.fingerprint,
  );
  const database = conflictingPaths.some((path) => path.startsWith('var/lib/dpkg/'));
  if (database) problems.push('the bases have different Debian packages, and the image installs more on top of them');
  const others = conflictingPaths.filter((path) => !path.startsWith('var/lib/dpkg/')).sort();
  if (others.length > 0) {
    const more = others.length > 3 ? ` and ${others.length - 3} more` : '';
    problems.push(`the bases differ in files that the image overwrites: ${others.slice(0, 3).join(', ')}${more}`);
  }
  return problems;
}

export const refusal = (reason: string): WorkError =>
  new WorkError({
    kind: 'cannot-rebase',
    title: 'The base of this image cannot be replaced',
    reason: `${reason}.`,
    hint: 'build the image again on the new base: scripts/run release publish --event refresh',
  });

/**
 * Replaces the base of an image. Pure.
 *
 * @param base the values of the base annotations
 * @param created date of the refresh, ISO 8601
 */
export function rebased(
  image: ImageParts & { readonly manifest: ImageManifest },
  from: ImageParts,
  to: ImageParts,
  base: { readonly name: string; readonly digest: string; readonly runBase?: string | undefined },
  created: string,
): { readonly layers: readonly Descriptor[]; readonly config: StoredConfig; readonly annotations: Annotations } {
  const withBase = ({ [RUN_BASE_ANNOTATION]: _, ...annotations }: Annotations): Annotations => ({
    ...annotations,
    [ANNOTATION.baseName]: base.name,
    [ANNOTATION.baseDigest]: base.digest,
    [ANNOTATION.created]: created,
  });
  const { config } = image;
  const below = from.config.rootfs.diff_ids.length;
  return {
    layers: [...to.manifest.layers.map(asOciLayer), ...image.manifest.layers.slice(below)],
    annotations: {
      ...withBase(image.manifest.annotations ?? {}),
      ...(base.runBase === undefined ? {} : { [RUN_BASE_ANNOTATION]: base.runBase }),
    },
    config: {
      ...config,
      created,
      config: {
        ...config.config,
        Env: rebasedVariables(config.config?.Env ?? [], from.config, to.config),
        Labels: withBase(config.config?.Labels ?? {}),
      },
      rootfs: {
        type: 'layers',
        diff_ids: [...to.config.rootfs.diff_ids, ...config.rootfs.diff_ids.slice(below)],
      },
      history: [...(to.config.history ?? []), ...(config.history ?? []).slice(from.config.history?.length ?? 0)],
    },
  };
}

/** Variables of the old base get the values of the new base; variables that the image sets itself stay. */
function rebasedVariables(variables: readonly string[], from: StoredConfig, to: StoredConfig): readonly string[] {
  return variables.flatMap((entry) => {
    if (!(from.config?.Env ?? []).includes(entry)) return [entry];
    const name = entry.slice(0, entry.indexOf('='));
    const value = variableOf(to, name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}
