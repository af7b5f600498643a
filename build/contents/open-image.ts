import { lstat, readFile, rm, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { execa } from 'execa';
import { type DockerCli, runDocker } from '../engine/docker-cli.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { type ContentSource, digestCheck, layoutContent, registryContent } from '../oci/content.ts';
import { type Descriptor, type ImageManifest, isAttestation, platformOf } from '../oci/descriptor.ts';
import { invalidContent, isIndex, parseDocument, parseImageConfig, type StoredConfig } from '../oci/document.ts';
import { hostPlatform, type Platform } from '../oci/platform.ts';
import { familiarReference, parseReference } from '../oci/reference.ts';
import { missingImage, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';

/** Where an image is: an OCI archive or layout, or whatever a reference names. */
export type ImageLocation =
  | { readonly kind: 'archive'; readonly path: string }
  | { readonly kind: 'reference'; readonly reference: string };

/** Places that may have a reference. The first that has it counts: the engine, else the registry. */
export interface ImagePlaces {
  readonly engine: DockerCli | undefined;
  readonly registry: Registry;
}

/** One platform of an image, with its documents. Its layers can be read while it is open. */
export interface OpenImage {
  /** For people: a reference, or the name of an archive. Its folder is left out, because a report may be published. */
  readonly name: string;
  readonly place: 'engine' | 'registry' | 'archive';
  /** Digest of the index, or of the manifest of an image without an index. */
  readonly digest: string;
  readonly platform: string;
  readonly manifest: ImageManifest;
  readonly config: StoredConfig;
  readonly source: Pick<ContentSource, 'open'>;
}

/**
 * Opens an image, and closes it after use.
 *
 * @param platform undefined: that of this host, or the only one
 * @param use reads it
 * @throws WorkError if no place has the image, or if its content does not match its digests
 */
export async function withImage<T>(
  location: ImageLocation,
  { engine, registry }: ImagePlaces,
  platform: Platform | undefined,
  use: (image: OpenImage) => Promise<T>,
): Promise<T> {
  if (location.kind === 'archive') {
    const { path } = location;
    const useLayout = async (folder: string) => use(await openLayout(folder, basename(path), 'archive', platform));
    if ((await stat(path)).isDirectory()) return useLayout(path);
    await assertFits(path);
    return withUnpacked(path, useLayout);
  }
  const { reference } = location;
  if (engine !== undefined && (await inspectLocalImage(engine, reference)) !== undefined)
    return withSavedImage(engine, reference, platform, use);
  return use(await openPublished(registry, reference, platform));
}

/**
 * Opens an image in the engine, by `docker image save`.
 *
 * @param platform undefined: that of this host, or the only one
 * @param use reads it
 */
export const withSavedImage = <T>(
  engine: DockerCli,
  reference: string,
  platform: Platform | undefined,
  use: (image: OpenImage) => Promise<T>,
): Promise<T> =>
  withTemporaryFolder('contents', async (folder) => {
    const archive = join(folder, 'image.tar');
    const { exitCode, stderr } = await runDocker(engine, ['image', 'save', '--output', archive, reference]);
    if (exitCode !== 0) throw new Error(`docker image save ${reference}: ${stderr}`);
    const name = familiarReference(parseReference(reference));
    return withUnpacked(archive, async (layout) => {
      await rm(archive);
      return use(await openLayout(layout, name, 'engine', platform));
    });
  });

async function openPublished(
  registry: Registry,
  reference: string,
  platform: Platform | undefined,
): Promise<OpenImage> {
  const parsed = parseReference(reference);
  const top = await registry.document(parsed, parsed.digest ?? parsed.tag ?? 'latest');
  if (top === undefined) throw missingImage(reference);
  const image = { name: familiarReference(parsed), place: 'registry' as const };
  return openDocument(registryContent(registry, parsed), top.descriptor, image, platform);
}

async function openLayout(
  folder: string,
  name: string,
  place: 'archive' | 'engine',
  platform: Platform | undefined,
): Promise<OpenImage> {
  const file = join(folder, 'index.json');
  // A pipe or a device would be read forever.
  const found = await lstat(file).catch(() => undefined);
  if (found?.isFile() !== true) throw notAnArchive(name, 'it has no index.json');
  if (found.size > LARGEST_INDEX) throw invalidContent(name, `its index.json has more than ${LARGEST_INDEX} bytes`);
  const index = await readFile(file);
  const document = parseDocument(index, `${name}, index.json`);
  const roots = isIndex(document) ? document.manifests.filter((entry) => !isAttestation(entry)) : [];
  // One image can have several names.
  const [root, ...others] = [...new Map(roots.map((entry) => [entry.digest, entry])).values()];
  if (root === undefined) throw invalidContent(name, 'its index.json names no image');
  if (others.length > 0) throw invalidContent(name, `it contains ${others.length + 1} images; save only one`);
  return openDocument(layoutContent(folder, name), root, { name, place }, platform);
}

/** Follows indexes to the manifest of a platform. */
async function openDocument(
  source: ContentSource,
  root: Descriptor,
  { name, place }: Pick<OpenImage, 'name' | 'place'>,
  platform: Platform | undefined,
): Promise<OpenImage> {
  let digest = root.digest;
  let document = parseDocument(await source.document(digest), `${name}@${digest}`);
  // An index may contain indexes.
  for (let depth = 0; isIndex(document); depth += 1) {
    const images: readonly Descriptor[] = document.manifests.filter((entry) => !isAttestation(entry));
    const wanted: string = platform ?? hostPlatform();
    const found: Descriptor | undefined =
      images.find((entry) => platformOf(entry) === wanted) ??
      (platform === undefined && images.length === 1 ? images[0] : undefined);
    if (found === undefined || depth === DEEPEST) throw absentPlatform(name, wanted, images.map(platformOf));
    digest = found.digest;
    document = parseDocument(await source.document(digest), `${name}@${digest}`);
  }
  const config = parseImageConfig(await source.blob(document.config.digest), `${name}, config`);
  // An image without an index says its platform only here.
  const own = `${config.os}/${config.architecture}`;
  if (platform !== undefined && own !== platform) throw absentPlatform(name, platform, [own]);
  return {
    ...{ name, place, config, manifest: document },
    ...{ digest: root.digest, platform: own },
    source: checkedLayers(source, document.layers),
  };
}

const DEEPEST = 3;
/** Bytes. That of an image has some hundred. */
const LARGEST_INDEX = 4_000_000;

/** Layers whose bytes are compared with their digests while they are read. */
const checkedLayers = (source: ContentSource, layers: readonly Descriptor[]): Pick<ContentSource, 'open'> => ({
  open: async (digest) => {
    const content = await source.open(digest);
    const check = digestCheck({ digest, size: layers.find((layer) => layer.digest === digest)?.size ?? 0 });
    content.once('error', (error) => check.destroy(error));
    return content.pipe(check);
  },
});

/** Unpacks an archive into a temporary folder. @param use uses the folder while it exists */
const withUnpacked = <T>(archive: string, use: (folder: string) => Promise<T>): Promise<T> =>
  withTemporaryFolder('contents', async (folder) => {
    const { failed, stderr } = await execa('tar', ['-xf', resolve(archive), '-C', folder], { reject: false });
    if (failed) throw notAnArchive(basename(archive), stderr.split('\n')[0] ?? '');
    return use(folder);
  });

/** In a line about a file, or a contiguous one (`C`), of GNU's tar (`-rw-r--r-- 0/0 12 …`) or of the one of macOS and the BSDs (`-rw-r--r-- 0 0 0 12 …`). */
const SIZE = /^[-C]\S+ +(?:\S+\/\S+|\d+ +\S+ +\S+) +(\d+)/;

/** A few megabytes can unpack to any size. @throws WorkError if the files of an archive have more bytes than the disk has free */
async function assertFits(archive: string): Promise<void> {
  const folder = tmpdir();
  const { bavail, bsize } = await statfs(folder);
  const list = execa('tar', ['-tvf', resolve(archive), '--numeric-owner'], { reject: false, buffer: false });
  let bytes = 0;
  for await (const line of list) {
    bytes += Number(SIZE.exec(line)?.[1] ?? 0);
    if (bytes <= bavail * bsize) continue;
    list.kill();
    throw new WorkError({
      kind: 'too-large',
      title: 'The archive does not fit on the disk',
      reason: `${basename(archive)} unpacks to more than the ${bavail * bsize} bytes that are free in ${folder}.`,
      hint: 'if you trust the archive, make free space, or choose another disk: TMPDIR=/folder',
    });
  }
}

const notAnArchive = (name: string, reason: string): WorkError =>
  new WorkError({
    kind: 'invalid-content',
    title: 'This is not an OCI archive',
    reason: `${name}: ${reason.replace(/\.$/, '')}.`,
    hint: 'save the image with docker image save (Docker 25 or newer), podman save --format oci-archive, or --output type=oci,dest=FILE',
  });

const absentPlatform = (name: string, wanted: string, existing: readonly string[]): WorkError =>
  new WorkError({
    kind: 'not-found',
    title: 'The image does not have this platform',
    reason: `${name} has no ${wanted}, but ${existing.join(', ') || 'no image'}.`,
    hint: 'choose one of them: --platform PLATFORM',
  });
