import { createWriteStream } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { digestOf, MEDIA_TYPES } from '../../build/oci/descriptor.ts';

/** Files of a layer: path and content. */
export type LayerFiles = readonly (readonly [path: string, content: string])[];

/** Writes an OCI archive with these layers, the lowest first. @param version of the gateway, for its label */
export async function makeArchive(path: string, layers: readonly LayerFiles[], version = ''): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  const blob = (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    archive.entry({ name: `blobs/${digest.replace(':', '/')}` }, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const document = (content: object, mediaType: string) => blob(Buffer.from(JSON.stringify(content)), mediaType);
  const tars: Buffer[] = [];
  for (const files of layers) {
    const layer = pack();
    for (const [name, content] of files) layer.entry({ name }, content);
    layer.finalize();
    tars.push(await buffer(layer));
  }
  const config = document(
    {
      os: 'linux',
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      created: '2030-01-01T00:00:00Z',
      config: { Labels: { 'org.opencontainers.image.version': version } },
      rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
      history: layers.map((_, index) => ({ created_by: `COPY /finished/part-${index + 1} / # buildkit` })),
    },
    'application/vnd.oci.image.config.v1+json',
  );
  const manifest = document(
    {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config,
      layers: tars.map((tar) => blob(gzipSync(tar), 'application/vnd.oci.image.layer.v1.tar+gzip')),
    },
    MEDIA_TYPES.manifest,
  );
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [manifest] };
  archive.entry({ name: 'index.json' }, JSON.stringify(index));
  archive.entry({ name: 'oci-layout' }, JSON.stringify({ imageLayoutVersion: '1.0.0' }));
  archive.finalize();
  await written;
}

/** A layer with npm packages: each has its manifest and a file of its own size. */
export const npmPackages = (count: number): LayerFiles =>
  Array.from({ length: count }, (_, index) => {
    const folder = `app/node_modules/package-${index}`;
    return [
      [`${folder}/package.json`, JSON.stringify({ name: `package-${index}`, version: `1.0.${index % 7}` })],
      [`${folder}/index.js`, `// ${'code '.repeat(1 + (index % 500))}`],
    ] as const;
  }).flat();
