import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { pack } from 'tar-stream';
import type { Engine } from '../engine/engine.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { loadFailure } from '../image/load-archive.ts';
import { type ContentSource, readTree } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatReference, parseReference } from '../oci/reference.ts';

/**
 * Gives an image to the engine, under a name: exactly the bytes that are published.
 *
 * Source: OCI image-spec, image-layout.md; containerd reads the name from the annotation.
 * @throws WorkError where the engine does not take it
 */
export async function loadPiece(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  source: ContentSource,
  root: Descriptor,
  name: string,
): Promise<void> {
  const { documents, blobs } = await readTree(source, root);
  const archive = pack();
  const file = (path: string, content: string | Buffer): void => void archive.entry({ name: path }, content);
  const write = async (): Promise<void> => {
    file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' }));
    const annotations = { 'io.containerd.image.name': formatReference(parseReference(name)) };
    file('index.json', JSON.stringify({ schemaVersion: 2, manifests: [{ ...root, annotations }] }));
    for (const { descriptor, bytes } of documents) file(blobPath(descriptor), bytes);
    for (const blob of blobs)
      await pipeline(await source.open(blob.digest), archive.entry({ name: blobPath(blob), size: blob.size }));
    archive.finalize();
  };
  const load = execa(docker, ['image', 'load', '--quiet'], {
    env: environment,
    extendEnv: false,
    reject: false,
    input: Readable.from(archive),
  });
  // An engine that refuses stops reading; what it said counts.
  const [{ exitCode, stderr, stdout }] = await Promise.all([load, write().catch(() => archive.destroy())]);
  if (exitCode !== 0) throw loadFailure(stderr, exitCode);
  // docker says that it has loaded an image, and ends well, where parts of it were missing.
  const loaded = await inspectLocalImage({ docker, environment }, name);
  if (loaded?.digest !== root.digest || /Error unpacking/.test(stdout))
    throw loadFailure(`${name} is ${loaded?.digest ?? 'not there'} instead of ${root.digest}. ${stdout}`, 1);
}

const blobPath = ({ digest }: Descriptor): string => `blobs/${digest.replace(':', '/')}`;
