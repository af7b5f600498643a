import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addToLayout } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import type { VariantImage } from '../spec/variant.ts';
import { joinIndex, type PlatformManifest } from './join-index.ts';

/** One image for one platform, before it is joined with those of other platforms. */
export interface PlatformImage extends PlatformManifest {
  readonly image: VariantImage;
  /** The index of this platform alone; tags with an architecture suffix name it. */
  readonly index: Descriptor;
  /** Names of the contract checks that it passed on the machine that built it; undefined if it was not verified yet. */
  readonly checks?: readonly string[];
}

/** Provides the images of a release: built here, built on other machines, or rebased. */
export interface ImageSource {
  /** @returns the images of one platform, each in its layout folder or in the first repository */
  readonly build: (platform: Platform) => Promise<readonly PlatformImage[]>;
  /** The images, if they are known without a build: other machines have built them. */
  readonly known?: readonly PlatformImage[];
}

/** The origin of a release's images, for its record. */
export interface ReleaseOrigin {
  readonly revision: string;
  /** URL of the source repository. */
  readonly source: string;
  /** Digest of the base, if known before the build: a release on another base is another release. */
  readonly base?: string;
  /** Time of the sources, or of a refresh its date; ISO 8601. */
  readonly created?: string | undefined;
}

/** The OCI layout of an image that is not in a registry yet. @param folder of the release */
export const imageFolder = (folder: string, { image, platform }: Pick<PlatformImage, 'image' | 'platform'>): string =>
  join(folder, `${image}-${ARCHITECTURE_NAMES[platform].debian}`);

/** Whether the layout of an image contains its index. */
export const isInFolder = (folder: string, image: PlatformImage): boolean =>
  existsSync(join(imageFolder(folder, image), 'blobs', image.index.digest.replace(':', '/')));

/** Adds the index of a single platform to a layout. */
export async function indexPlatformImage(layout: string, parts: Omit<PlatformImage, 'index'>): Promise<PlatformImage> {
  const index = joinIndex([parts]);
  await addToLayout(layout, index);
  return { ...parts, index: index.descriptor };
}
