import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { execa } from 'execa';
import { pack } from 'tar-stream';
import type { DockerCli } from '../engine/docker-cli.ts';
import { loadFailure } from '../engine/load-archive.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { type ContentSource, readTree } from '../oci/content.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatReference, parseReference } from '../oci/reference.ts';

/**
 * Loads an image into the engine under a name: exactly the bytes that are published.
 *
 * Source: OCI image-spec, image-layout.md; containerd reads the name from the annotation.
 * @throws WorkError if the engine rejects the image
 */
export async function loadPlatformImage(
  cli: DockerCli,
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
  const load = execa(cli.docker, ['image', 'load', '--quiet'], {
    env: cli.environment,
    extendEnv: false,
    reject: false,
    input: Readable.from(archive),
  });
  // An engine that rejects the image stops reading. Its error message counts, not the broken pipe.
  const [{ exitCode, stderr, stdout }] = await Promise.all([load, write().catch(() => archive.destroy())]);
  if (exitCode !== 0) throw loadFailure(stderr, exitCode);
  // docker reports success even if parts of the image are missing.
  const loaded = await inspectLocalImage(cli, name);
  if (loaded?.digest !== root.digest || /Error unpacking/.test(stdout))
    throw loadFailure(`${name} is ${loaded?.digest ?? 'missing'} instead of ${root.digest}. ${stdout}`, 1);
}

const blobPath = ({ digest }: Descriptor): string => `blobs/${digest.replace(':', '/')}`;
