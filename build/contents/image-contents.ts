import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type DockerCli, runDocker } from '../engine/docker-cli.ts';
import { type ContentSource, layoutContent } from '../oci/content.ts';
import { type Descriptor, isAttestation } from '../oci/descriptor.ts';
import { isIndex, parseDocument } from '../oci/document.ts';
import { installedPackages, namesPackages, versionsByName } from './installed-packages.ts';
import { type ImageFile, mergeLayers } from './merged-layers.ts';

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
  readSavedLayers(cli, reference, (source, layers) => readLayers(source, layers, reference));

/** Reads the layers of an image in the engine from the output of `docker image save`. @param read uses them while they exist */
export async function readSavedLayers<T>(
  cli: DockerCli,
  reference: string,
  read: (source: ContentSource, layers: readonly Descriptor[]) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-diff-'));
  try {
    const archive = join(folder, 'image.tar');
    const { exitCode, stderr } = await runDocker(cli, ['image', 'save', '--output', archive, reference]);
    if (exitCode !== 0) throw new Error(`docker image save ${reference}: ${stderr}`);
    await execa('tar', ['-xf', archive, '-C', folder]);
    const source = layoutContent(folder);
    let document = parseDocument(await readFile(join(folder, 'index.json')), reference);
    while (isIndex(document)) {
      const digest = document.manifests.find((descriptor) => !isAttestation(descriptor))?.digest ?? '';
      document = parseDocument(await source.document(digest), `${reference}@${digest}`);
    }
    return await read(source, document.layers);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

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
