import type { ImageSpec } from '../spec/image-spec.ts';

/** Whether the engine gets the image as an archive: BuildKit cannot unpack what it rewrites, and a remote builder is not the engine. */
export const loadsArchive = ({ destination, sourceDateEpoch }: ImageSpec, builder: string | undefined): boolean =>
  destination.kind === 'load' && (builder !== undefined || sourceDateEpoch !== undefined);

/**
 * Output of buildx. zstd costs a local engine least; a registry gets what was asked for.
 *
 * @param archive where the image is written when the engine is to load it from there
 */
export function outputOf(spec: ImageSpec, builder: string | undefined, archive: string): string {
  const { destination, sourceDateEpoch } = spec;
  // Reproducible images must not depend on what the cache was compressed with, nor on when a file was written.
  const fixed = sourceDateEpoch === undefined ? '' : ',force-compression=true,rewrite-timestamp=true';
  switch (destination.kind) {
    case 'push':
      return `type=image,push=true,store=false,compression=${spec.compression}${fixed === '' ? ',force-compression=true' : fixed}`;
    case 'output': {
      // Layers that the cache has in another compression would go out as they are.
      const compressed =
        /(?:^|,)type=oci(?:,|$)/.test(destination.value) && !/(?:^|,)compression=/.test(destination.value);
      const compression = compressed ? `,compression=${spec.compression},force-compression=true` : '';
      return `${destination.value}${compression}${fixed.replace(compressed ? ',force-compression=true' : '', '')}`;
    }
    case 'layout':
      return `type=oci,dest=${destination.folder},tar=false,compression=${spec.compression}${fixed}`;
    case 'load':
      return loadsArchive(spec, builder)
        ? `type=oci,dest=${archive},compression=zstd${fixed}`
        : // Forced: a layer that came with an imported cache is the same layer, and must give the same digest.
          'type=image,compression=zstd,force-compression=true,unpack=true';
  }
}

/** What is said of how an image was made. Source: https://docs.docker.com/build/metadata/attestations/slsa-provenance/ */
export const attestationsOf = ({ destination }: ImageSpec): readonly string[] =>
  destination.kind === 'layout'
    ? [
        `type=provenance,mode=max,version=v1${destination.builderId === '' ? '' : `,builder-id=${destination.builderId}`}`,
      ]
    : [];

/** Kinds of cache whose compression can be forced. Source: BuildKit's README, "Export cache". */
const COMPRESSED_CACHES = new Set(['registry', 'local']);

/**
 * Where buildx writes a cache to, with one compression for all of it.
 *
 * Left alone, BuildKit looks at every mixture of the compressions that it has of each layer. An engine that has loaded an
 * image (zstd) and pushed it (gzip) has two of each, and 2^25 mixtures end it: it takes all memory that there is.
 * Source: https://github.com/moby/buildkit/issues/6088
 */
export function cacheTargets({ cacheTo, destination, compression: pushed }: ImageSpec): readonly string[] {
  const compression = destination.kind === 'load' ? 'zstd' : pushed;
  return cacheTo.map((value) => {
    // buildx's short form: a reference is a registry.
    const target = value.includes('=') ? value : `type=registry,ref=${value}`;
    const attributes = new Map(target.split(',').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]));
    if (!COMPRESSED_CACHES.has(attributes.get('type') ?? '') || attributes.has('force-compression')) return target;
    const chosen = attributes.has('compression') ? '' : `,compression=${compression}`;
    return `${target}${chosen},force-compression=true`;
  });
}
