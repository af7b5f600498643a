import type { ImageSpec } from '../spec/image-spec.ts';

/** Whether the engine loads the image from an archive: the builder is not the engine. */
export const loadsArchive = ({ destination }: ImageSpec, builder: string | undefined): boolean =>
  destination.kind === 'load' && builder !== undefined;

/**
 * The `--output` of buildx. For the local engine zstd is fastest; a registry gets the requested compression.
 *
 * @param archive path of the archive, if the engine loads the image from one
 */
export function outputOf(spec: ImageSpec, builder: string | undefined, archive: string): string {
  const { destination, sourceDateEpoch } = spec;
  // Cached layers may have another compression. An image must not depend on that: equal contents give equal layers.
  const compressed = `compression=${spec.compression},force-compression=true`;
  // A reproducible image needs one compression, even if the user or the default chose another.
  const reproducible = sourceDateEpoch === undefined ? '' : ',force-compression=true';
  switch (destination.kind) {
    case 'push':
      return `type=image,push=true,store=false,${compressed}`;
    case 'output': {
      const { value } = destination;
      const isArchive = /(?:^|,)type=oci(?:,|$)/.test(value);
      if (isArchive && !/(?:^|,)compression=/.test(value)) return `${value},${compressed}`;
      const isImage = /(?:^|,)type=(?:oci|docker|image|registry)(?:,|$)/.test(value);
      return isImage && !/(?:^|,)force-compression=/.test(value) ? `${value}${reproducible}` : value;
    }
    case 'layout':
      return `type=oci,dest=${destination.folder},tar=false,${compressed}`;
    case 'load':
      return loadsArchive(spec, builder)
        ? `type=oci,dest=${archive},compression=zstd${reproducible}`
        : 'type=image,compression=zstd,force-compression=true,unpack=true';
  }
}

/** The `--attest` values of buildx. Source: https://docs.docker.com/build/metadata/attestations/slsa-provenance/ */
export const attestationsOf = ({ destination }: ImageSpec): readonly string[] =>
  destination.kind === 'layout'
    ? [
        `type=provenance,mode=max,version=v1${destination.builderId === '' ? '' : `,builder-id=${destination.builderId}`}`,
      ]
    : [];

/** Cache exporters with a compression option. Source: BuildKit's README, "Export cache". */
const COMPRESSED_CACHES = new Set(['registry', 'local']);

/**
 * The `--cache-to` values of buildx, with one compression for all layers.
 *
 * Without it, BuildKit tries every combination of the compressions that exist for each layer. An engine that loaded an image
 * (zstd) and pushed it (gzip) has two for each, and the 2^25 combinations use up all memory.
 * Source: https://github.com/moby/buildkit/issues/6088
 */
export function cacheTargets({ cacheTo, destination, compression: pushed }: ImageSpec): readonly string[] {
  const compression = destination.kind === 'load' ? 'zstd' : pushed;
  return cacheTo.map((value) => {
    // buildx accepts a bare reference as a registry cache.
    const target = value.includes('=') ? value : `type=registry,ref=${value}`;
    const attributes = new Map(target.split(',').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
    if (!COMPRESSED_CACHES.has(attributes.get('type') ?? '') || attributes.has('force-compression')) return target;
    const chosen = attributes.has('compression') ? '' : `,compression=${compression}`;
    return `${target}${chosen},force-compression=true`;
  });
}
