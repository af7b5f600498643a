import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { ANNOTATION, EXPIRES_ANNOTATION } from '../oci/annotations.ts';
import { layoutContent } from '../oci/content.ts';
import { DESCRIPTOR_SCHEMA, invalidContent, parseIndex, parseValid } from '../oci/document.ts';
import { ARCHITECTURE_NAMES, PLATFORMS, type Platform } from '../oci/platform.ts';
import { WorkError } from '../problem.ts';
import { ruleChecker } from '../schema.ts';
import type { VariantImage } from '../spec/variant.ts';
import { platformsDiffer } from './join-index.ts';
import { type ImageSource, imageFolder, type PlatformImage } from './platform-image.ts';
import { LONGEST_PREVIEW_DAYS, type Release } from './release.ts';

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

const fileRule = ruleChecker({
  type: 'object',
  required: ['release', 'revision', 'source', 'image'],
  properties: {
    release: { type: 'string' },
    revision: { type: 'string', pattern: '^[0-9a-f]{40}$' },
    source: { type: 'string' },
    image: {
      type: 'object',
      required: ['image', 'platform', 'index', 'manifest', 'attestation', 'annotations', 'checks'],
      properties: {
        image: { type: 'string' },
        platform: { enum: PLATFORMS },
        index: DESCRIPTOR_SCHEMA,
        manifest: DESCRIPTOR_SCHEMA,
        attestation: DESCRIPTOR_SCHEMA,
        annotations: { type: 'object', additionalProperties: { type: 'string' } },
        checks: { type: 'array', minItems: 1, items: { type: 'string' } },
      },
    },
  },
});

/** Reads a file, and compares it with the layout beside it. @throws WorkError if they do not belong together */
async function readPlatformImageFile(
  folder: string,
  required: Pick<PlatformImage, 'image' | 'platform'>,
): Promise<PlatformImageFile> {
  const path = join(folder, fileName(required));
  const file = parseValid<PlatformImageFile>(await readFile(path), path, fileRule);
  const { image, platform, index, manifest, attestation } = file.image;
  if (image !== required.image || platform !== required.platform)
    throw invalidContent(path, `it describes ${image} for ${platform}`);
  const annotated = file.image.annotations[ANNOTATION.revision];
  if (annotated !== file.revision) throw invalidContent(path, `its image is of ${annotated}, not of ${file.revision}`);
  const layout = imageFolder(folder, required);
  const bytes = await layoutContent(layout).document(index.digest);
  const entries = parseIndex(bytes, `${layout}, ${index.digest}`).manifests.map(({ digest }) => digest);
  if (entries.join() !== [manifest.digest, attestation.digest].join())
    throw invalidContent(path, `the index in ${layout} has ${entries.join(', ')}, not the image and its attestation`);
  return file;
}

/** @throws WorkError if a file is missing, or belongs to another release */
export async function readPlatformImageFiles(folder: string, release: Release): Promise<readonly PlatformImageFile[]> {
  const names = new Set(await readdir(folder).catch(() => []));
  const required = release.images.flatMap((image) => release.platforms.map((platform) => ({ image, platform })));
  const missing = required.filter((image) => !names.has(fileName(image)));
  if (missing.length > 0) throw incomplete(folder, missing, release.ref);
  const files = await Promise.all(required.map((image) => readPlatformImageFile(folder, image)));
  const [first] = files;
  if (release.kind === 'preview') for (const { image } of files) assertExpiry(image, folder);
  for (const file of files) {
    if (file.release === release.name && file.revision === first?.revision) continue;
    throw platformsDiffer(
      `${fileName(file.image)} in ${folder} belongs to ${file.release} at ${file.revision.slice(0, 12)}, not to ${release.name} at ${first?.revision.slice(0, 12)}.`,
    );
  }
  return files;
}

/** The images of a pull request must expire. A pull request can change the scripts that build it, so this is checked here. */
function assertExpiry({ image, annotations }: PlatformImage, folder: string): void {
  const expires = annotations[EXPIRES_ANNOTATION] ?? '';
  const days = (Date.parse(expires) - Date.now()) / 86_400_000;
  if (days > 0 && days <= LONGEST_PREVIEW_DAYS) return;
  const reason = `its annotation ${EXPIRES_ANNOTATION} is "${expires}", not a day of the next ${LONGEST_PREVIEW_DAYS}`;
  throw invalidContent(`${image} in ${folder}`, reason);
}

/** The images that other machines have built and verified, each in its layout in the folder. */
export const joinedImages = (files: readonly PlatformImageFile[]): ImageSource => ({
  known: files.map(({ image }) => image),
  build: async (platform) => files.map(({ image }) => image).filter((image) => image.platform === platform),
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
