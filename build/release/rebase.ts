import { major } from 'semver';
import type { Annotations } from '../oci/annotations.ts';
import type { Descriptor, ImageManifest } from '../oci/descriptor.ts';
import type { ImageFile, MergedLayers } from '../oci/merged-layers.ts';
import { WorkError } from '../problem.ts';

/** The part of a config that a rebase reads and writes; what else it has stays. Source: OCI image-spec, config.md. */
export interface RebasedConfig {
  readonly architecture: string;
  readonly os: string;
  readonly created?: string;
  readonly config?: { readonly Env?: readonly string[]; readonly Labels?: Annotations };
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history?: readonly object[];
}

/** One platform of an image. */
export interface ImageParts {
  readonly manifest: Pick<ImageManifest, 'layers'>;
  readonly config: RebasedConfig;
}

export const BASE_NAME = 'org.opencontainers.image.base.name';
export const BASE_DIGEST = 'org.opencontainers.image.base.digest';
export const CREATED = 'org.opencontainers.image.created';

/**
 * Splits an image into its base and what stands on it, by the contents of the layers: compression may differ.
 *
 * @returns layers above the base
 * @throws WorkError where the image does not stand on that base
 */
export function layersAbove(image: ImageParts, base: ImageParts): readonly Descriptor[] {
  const below = base.config.rootfs.diff_ids;
  if (below.some((id, index) => image.config.rootfs.diff_ids[index] !== id))
    throw refusal('its lowest layers are not those of the base that its annotations name');
  return image.manifest.layers.slice(below.length);
}

/**
 * Says why the layers above cannot stand on another base; nothing where they can.
 *
 * They can where no path that they write is one in which the bases differ: then the result is what a build on the new base
 * would have given. A package manager's database is such a path: with other packages below, it would tell the old ones.
 */
export function rebaseProblems(
  before: { readonly base: ImageParts; readonly files: ReadonlyMap<string, ImageFile> },
  after: { readonly base: ImageParts; readonly files: ReadonlyMap<string, ImageFile> },
  above: Pick<MergedLayers, 'written'>,
): readonly string[] {
  const problems: string[] = [];
  const [was, is] = [before, after].map(({ base }) => variable(base.config, 'NODE_VERSION'));
  // NODE_MODULE_VERSION belongs to a major version. Source: https://nodejs.org/en/download/releases
  if (was !== undefined && is !== undefined && major(was) !== major(is))
    problems.push(`Node ${was} becomes ${is}: what was compiled for the one does not load into the other`);
  const clashes = [...above.written].filter(
    (path) => before.files.get(path)?.fingerprint !== after.files.get(path)?.fingerprint,
  );
  const database = clashes.some((path) => path.startsWith('var/lib/dpkg/'));
  if (database) problems.push('system packages stand on top, and the bases have other packages');
  const others = clashes.filter((path) => !path.startsWith('var/lib/dpkg/')).sort();
  if (others.length > 0) {
    const more = others.length > 3 ? ` and ${others.length - 3} more` : '';
    problems.push(`the bases differ in what the image writes over: ${others.slice(0, 3).join(', ')}${more}`);
  }
  return problems;
}

export const refusal = (reason: string): WorkError =>
  new WorkError({
    kind: 'cannot-rebase',
    title: 'The image cannot stand on another base as it is',
    reason,
    wayOut: 'build it again on the new base: scripts/run release publish --event refresh',
  });

/**
 * The image on another base. Pure.
 *
 * @param base what the annotations are to say
 * @param created ISO 8601, of the refresh
 */
export function rebased(
  image: ImageParts & { readonly manifest: ImageManifest },
  from: ImageParts,
  to: ImageParts,
  base: { readonly name: string; readonly digest: string },
  created: string,
): { readonly layers: readonly Descriptor[]; readonly config: RebasedConfig; readonly annotations: Annotations } {
  const say = (annotations: Annotations): Annotations => ({
    ...annotations,
    [BASE_NAME]: base.name,
    [BASE_DIGEST]: base.digest,
    [CREATED]: created,
  });
  const { config } = image;
  const below = from.config.rootfs.diff_ids.length;
  return {
    layers: [...to.manifest.layers.map(asOci), ...image.manifest.layers.slice(below)],
    annotations: say(image.manifest.annotations ?? {}),
    config: {
      ...config,
      created,
      config: {
        ...config.config,
        Env: rebasedVariables(config.config?.Env ?? [], from.config, to.config),
        Labels: say(config.config?.Labels ?? {}),
      },
      rootfs: {
        type: 'layers',
        diff_ids: [...to.config.rootfs.diff_ids, ...config.rootfs.diff_ids.slice(below)],
      },
      history: [...(to.config.history ?? []), ...(config.history ?? []).slice(from.config.history?.length ?? 0)],
    },
  };
}

/** What the image has from its base, it has from the new one; what it set itself stays. */
function rebasedVariables(variables: readonly string[], from: RebasedConfig, to: RebasedConfig): readonly string[] {
  return variables.flatMap((entry) => {
    if (!(from.config?.Env ?? []).includes(entry)) return [entry];
    const name = entry.slice(0, entry.indexOf('='));
    const value = variable(to, name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

const variable = ({ config }: RebasedConfig, name: string): string | undefined =>
  config?.Env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);

/** The same bytes by OCI's name: Docker's stands in images that are pushed by older tools. */
const asOci = ({ mediaType, digest, size }: Descriptor): Descriptor => ({
  mediaType: mediaType.replace(
    'application/vnd.docker.image.rootfs.diff.tar.gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip',
  ),
  digest,
  size,
});
