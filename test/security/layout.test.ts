import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { withImage } from '../../build/contents/open-image.ts';
import { layoutContent } from '../../build/oci/content.ts';
import { digestOf, MEDIA_TYPES } from '../../build/oci/descriptor.ts';
import { parseDocument } from '../../build/oci/document.ts';
import { openRegistries } from '../../build/oci/registry.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('a blob of a layout that somebody else wrote', () => {
  let folder = '';
  let blob = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openclaw-image-layout-'));
    await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
    blob = join(folder, 'blobs', DIGEST.replace(':', '/'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each<[string, () => Promise<unknown>]>([
    ['a pipe', () => $`mkfifo ${blob}`],
    ['a link to a device', () => symlink('/dev/zero', blob)],
    ['a folder', () => mkdir(blob)],
    ['a file of 3 GB', () => writeFile(blob, '').then(() => truncate(blob, 3e9))],
  ])('is refused by name if it is %s', async (_, make) => {
    await make();
    const content = layoutContent(folder);
    const refused = { failure: { kind: 'invalid-content', reason: expect.stringContaining(DIGEST) } };
    await expect(content.document(DIGEST)).rejects.toMatchObject(refused);
    await expect(content.blob(DIGEST)).rejects.toMatchObject(refused);
  });

  it('is named if it is missing', async () => {
    const content = layoutContent(folder);
    const missing = { failure: { kind: 'not-found', reason: `${folder} does not contain ${DIGEST}.` } };
    for (const read of [content.document, content.blob, content.open])
      await expect(read(DIGEST)).rejects.toMatchObject(missing);
  });

  it('is not opened as a layer if it is a pipe', async () => {
    await $`mkfifo ${blob}`;
    await expect(layoutContent(folder).open(DIGEST)).rejects.toMatchObject({ failure: { kind: 'invalid-content' } });
  });
});

it('an image without one of its layers is named by its archive, not by a folder that is gone', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-layout-'));
  const put = async (value: unknown, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(value));
    const digest = digestOf(bytes);
    await mkdir(join(folder, 'image/blobs/sha256'), { recursive: true });
    await writeFile(join(folder, 'image/blobs', digest.replace(':', '/')), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const config = await put(
    { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [DIGEST] } },
    'application/vnd.oci.image.config.v1+json',
  );
  const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: DIGEST, size: 9 };
  const manifest = await put(
    { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config, layers: [layer] },
    MEDIA_TYPES.manifest,
  );
  await writeFile(join(folder, 'image/index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
  await $({ cwd: folder })`tar -C image -cf image.tar .`;
  const registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 0, onWait: () => {} } });
  const reading = withImage(
    { kind: 'archive', path: join(folder, 'image.tar') },
    { engine: undefined, registry },
    undefined,
    ({ source }) => source.open(DIGEST),
  );
  await expect(reading).rejects.toMatchObject({
    failure: { kind: 'not-found', reason: `image.tar does not contain ${DIGEST}.` },
  });
  await rm(folder, { recursive: true });
});

describe('a document that programs could read in two ways', () => {
  const descriptor = { mediaType: MEDIA_TYPES.manifest, digest: DIGEST, size: 1 };
  const manifest = { config: descriptor, layers: [] };
  it.each([
    ['an index with layers', { manifests: [], layers: [] }],
    ['an index with a config', { manifests: [], config: descriptor }],
    ['an index that calls itself a manifest', { mediaType: MEDIA_TYPES.manifest, manifests: [] }],
    ['a manifest that calls itself an index', { mediaType: MEDIA_TYPES.index, ...manifest }],
    [
      "a manifest that calls itself Docker's list",
      { mediaType: 'application/vnd.docker.distribution.manifest.list.v2+json', ...manifest },
    ],
  ])('is refused: %s', (_, value) => {
    expect(() => parseDocument(Buffer.from(JSON.stringify(value)), 'x')).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ kind: 'invalid-content' }) }),
    );
  });

  it.each([
    ['without a media type', manifest],
    ["of Docker's", { mediaType: 'application/vnd.docker.distribution.manifest.v2+json', ...manifest }],
  ])('is a manifest %s', (_, value) => {
    expect(parseDocument(Buffer.from(JSON.stringify(value)), 'x')).toEqual(value);
  });
});
