import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { ARCHITECTURE_NAMES, type Platform } from '../oci/platform.ts';
import { WorkError } from '../problem.ts';
import type { VariantImage } from '../spec/variant.ts';
import type { ImageSource, PlatformImage } from './platform-image.ts';
import type { Release } from './release.ts';

/** A built image, as one machine passes it to the machine that joins the release. */
export interface PlatformImageFile {
  /** Name of the release: `2026.3.13`. */
  readonly release: string;
  readonly revision: string;
  readonly source: string;
  readonly image: PlatformImage;
}

/** Unique within a release, so that the files of all machines fit into one folder. */
const fileName = ({ image, platform }: Pick<PlatformImage, 'image' | 'platform'>): string =>
  `${image}-${ARCHITECTURE_NAMES[platform].debian}.json`;

/** @returns the path of the file */
export async function writePlatformImageFile(folder: string, file: PlatformImageFile): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileName(file.image));
  await writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`);
  return path;
}

/** @throws WorkError if a file is missing, or belongs to another release */
export async function readPlatformImageFiles(folder: string, release: Release): Promise<readonly PlatformImageFile[]> {
  const names = new Set(await readdir(folder).catch(() => []));
  const required = release.images.flatMap((image) => release.platforms.map((platform) => ({ image, platform })));
  const missing = required.filter((image) => !names.has(fileName(image)));
  if (missing.length > 0) throw incomplete(folder, missing, release.ref);
  const files = await Promise.all(
    required.map(
      async (image) => JSON.parse(await readFile(join(folder, fileName(image)), 'utf8')) as PlatformImageFile,
    ),
  );
  const [first] = files;
  for (const file of files) {
    if (file.release === release.name && file.revision === first?.revision) continue;
    throw new WorkError({
      kind: 'platforms-differ',
      title: 'The platforms do not belong to the same release',
      reason: `${fileName(file.image)} in ${folder} belongs to ${file.release} at ${file.revision.slice(0, 12)}, not to ${release.name} at ${first?.revision.slice(0, 12)}.`,
      hint: 'build all platforms from the same ref, base and date: scripts/run release build',
    });
  }
  return files;
}

/** The images that other machines have built, verified, and pushed by digest. */
export const joinedImages = (files: readonly PlatformImageFile[]): ImageSource => ({
  build: async (platform) => {
    const images = files.map(({ image }) => image).filter((image) => image.platform === platform);
    const unverified = images.find(({ checks = [] }) => checks.length === 0);
    if (unverified !== undefined)
      throw new Error(`${unverified.image} for ${platform} has not passed the image contract`);
    return images;
  },
});

const incomplete = (
  folder: string,
  missing: readonly { readonly image: VariantImage; readonly platform: Platform }[],
  ref: string,
): WorkError =>
  new WorkError({
    kind: 'incomplete',
    title: 'The release is incomplete',
    reason: `${folder} has no file for ${missing.map(({ image, platform }) => `${image} for ${platform}`).join(', ')}.`,
    hint: `build it on a machine of that platform: scripts/run release build --ref ${ref} --platforms ${missing[0]?.platform} --to ${folder}`,
  });
