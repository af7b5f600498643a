import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { $ } from 'zx';
import { mergeLayers } from '../../build/contents/merged-layers.ts';
import { withImage } from '../../build/contents/open-image.ts';
import { digestOf, MEDIA_TYPES } from '../../build/oci/descriptor.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import { endsInWords, mutated, WORD } from '../support/hostile.ts';

// Somebody else wrote the layout or the archive that `image:verify`, `image:diff` and `release join` read.

const RUNS = 300;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-layouts-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Opens a layout or an archive, and reads all its layers. */
const read = (path: string): Promise<unknown> =>
  withImage(
    { kind: 'archive', path },
    {
      engine: undefined,
      registry: openRegistries({ credentials: async () => undefined, retries: { seconds: 0, onWait: () => {} } }),
    },
    undefined,
    ({ source, manifest }) => mergeLayers(source, manifest.layers, { texts: () => true, fingerprints: true }),
  );

interface Entry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'symlink' | 'link' | 'fifo' | 'character-device';
  readonly content: string;
}
const ENTRY: fc.Arbitrary<Entry> = fc.record({
  name: fc.oneof(
    WORD,
    fc.constantFrom(
      'a/.wh.',
      'a/b/.wh...',
      '.wh.x',
      'a/.wh..wh..opq',
      '../../planted',
      '../planted',
      '/etc/x',
      'a/./b',
    ),
  ),
  type: fc.constantFrom('file', 'file', 'directory', 'symlink', 'link', 'fifo', 'character-device'),
  content: fc.string(),
});

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  const chunks: Buffer[] = [];
  const reading = (async () => {
    for await (const chunk of archive) chunks.push(chunk as Buffer);
  })();
  for (const { name, type, content } of entries)
    if (type === 'file') archive.entry({ name, type }, content);
    else archive.entry({ name, type, linkname: content === '' ? 'x' : content });
  archive.finalize();
  await reading;
  return Buffer.concat(chunks);
}

const DESCRIPTOR = { mediaType: MEDIA_TYPES.manifest, digest: `sha256:${'a'.repeat(64)}`, size: 1 };
const INDEX = { schemaVersion: 2, manifests: [{ ...DESCRIPTOR, platform: { os: 'linux', architecture: 'amd64' } }] };
const CONFIG = {
  os: 'linux',
  architecture: 'amd64',
  config: { Env: ['A=b'] },
  rootfs: { type: 'layers', diff_ids: [] },
};

it('reads or explains whatever a layout contains, and writes nothing beside it', async () => {
  const memory = process.memoryUsage().rss;
  const layout = join(folder, 'layout');
  const blobs = join(layout, 'blobs/sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (bytes: Buffer, mediaType: string) => {
    const digest = digestOf(bytes);
    await writeFile(join(blobs, digest.slice('sha256:'.length)), bytes);
    return { mediaType, digest, size: bytes.length };
  };
  await fc.assert(
    fc.asyncProperty(
      fc.array(ENTRY, { maxLength: 6 }),
      fc.oneof({ weight: 3, arbitrary: fc.constant(CONFIG) }, { weight: 1, arbitrary: mutated(CONFIG) }),
      fc.boolean(),
      fc.integer({ min: 0, max: 9 }),
      async (entries, config, isCut, number) => {
        const tar = gzipSync(await tarOf(entries));
        const layer = await put(
          isCut ? tar.subarray(0, tar.length - 9) : tar,
          'application/vnd.oci.image.layer.v1.tar+gzip',
        );
        const manifest = {
          schemaVersion: 2,
          mediaType: MEDIA_TYPES.manifest,
          config: await put(Buffer.from(JSON.stringify(config) ?? ''), 'application/vnd.oci.image.config.v1+json'),
          layers: [layer],
        };
        const root = await put(Buffer.from(JSON.stringify(manifest)), MEDIA_TYPES.manifest);
        const index = number === 0 ? INDEX : { ...INDEX, manifests: [{ ...INDEX.manifests[0], ...root }] };
        await writeFile(join(layout, 'index.json'), JSON.stringify(index));
        await endsInWords(() => read(layout));
      },
    ),
    { numRuns: RUNS },
  );
  expect(await readdir(folder)).toEqual(['layout']);
  expect(process.memoryUsage().rss - memory).toBeLessThan(300 << 20);
  await rm(layout, { recursive: true });
});

it('explains whatever an index of a layout says', async () => {
  const layout = join(folder, 'layout');
  await mkdir(layout, { recursive: true });
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        mutated(INDEX).map((value) => JSON.stringify(value) ?? ''),
        fc.string(),
      ),
      async (text) => {
        await writeFile(join(layout, 'index.json'), text);
        await endsInWords(() => read(layout));
      },
    ),
    { numRuns: RUNS },
  );
  await rm(layout, { recursive: true });
});

it('unpacks no archive over its temporary folder', async () => {
  const archive = join(folder, 'image.tar');
  const temporary = join(folder, 'tmp');
  await mkdir(temporary);
  vi.stubEnv('TMPDIR', temporary);
  await fc.assert(
    fc.asyncProperty(fc.array(ENTRY, { maxLength: 6 }), async (entries) => {
      await writeFile(archive, await tarOf(entries));
      await endsInWords(() => read(archive));
    }),
    { numRuns: 30, examples: ['../planted', '../../planted'].map((name) => [[{ name, type: 'file', content: 'x' }]]) },
  );
  vi.unstubAllEnvs();
  expect(await readdir(temporary)).toEqual([]);
  expect((await readdir(folder)).sort()).toEqual(['image.tar', 'tmp']);
  await rm(archive);
  await rm(temporary, { recursive: true });
});

it('refuses a small archive that would fill the disk, before it is unpacked', async () => {
  await writeFile(join(folder, 'zeros'), '');
  await truncate(join(folder, 'zeros'), 9e12);
  const archive = join(folder, 'image.tar.gz');
  await $({ cwd: folder })`tar --sparse -czf ${archive} zeros`;
  await expect(read(archive)).rejects.toMatchObject({
    failure: { kind: 'too-large', reason: expect.stringMatching(/^image\.tar\.gz unpacks to more than the \d+ bytes/) },
  });
});
