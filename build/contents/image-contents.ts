import type { DockerCli } from '../engine/docker-cli.ts';
import type { ContentSource } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { installedPackages, namesPackages, versionsByName } from './installed-packages.ts';
import { type ImageFile, mergeLayers } from './merged-layers.ts';
import { withSavedImage } from './open-image.ts';

export interface ImageLayer {
  readonly digest: string;
  /** Compressed bytes, as stored and pulled. */
  readonly size: number;
}

/** One platform of an image, with merged layers. */
export interface ImageContents {
  readonly reference: string;
  readonly layers: readonly ImageLayer[];
  /** By path, without a leading slash. */
  readonly files: ReadonlyMap<string, ImageFile>;
  /** Debian packages: name → version. */
  readonly debian: ReadonlyMap<string, string>;
  /** npm packages: name → versions, separated by commas. */
  readonly npm: ReadonlyMap<string, string>;
}

/** Reads an image in the engine. */
export const readImageContents = (cli: DockerCli, reference: string): Promise<ImageContents> =>
  withSavedImage(cli, reference, undefined, ({ source, manifest }) => readLayers(source, manifest.layers, reference));

/** Reads layers from anywhere: all of an image, or a single one. @param reference for people */
export async function readLayers(
  source: Pick<ContentSource, 'open'>,
  layers: readonly Descriptor[],
  reference: string,
): Promise<ImageContents> {
  const merged = await mergeLayers(source, layers, { texts: namesPackages, fingerprints: true });
  const packages = installedPackages(merged);
  return {
    reference,
    layers: layers.map(({ digest, size }) => ({ digest, size })),
    files: merged.files,
    ...versionsByName(packages),
  };
}
