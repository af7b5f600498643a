import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { type Descriptor, digestOf } from '../../../build/oci/descriptor.ts';
import { compareLayers, type LayerSource } from '../../../build/release/compare-layers.ts';

interface Layer {
  readonly files: Readonly<Record<string, string>>;
  readonly time?: number;
  readonly mode?: number;
  readonly zstd?: true;
}

async function layerOf({ files, time = 0, mode = 0o644, zstd }: Layer): Promise<readonly [Descriptor, Buffer]> {
  const archive = pack();
  for (const [name, text] of Object.entries(files)) archive.entry({ name, mode, mtime: new Date(time) }, text);
  archive.finalize();
  const plain = await buffer(archive);
  const bytes = zstd ? zstdCompressSync(plain) : gzipSync(plain);
  const mediaType = `application/vnd.oci.image.layer.v1.tar+${zstd ? 'zstd' : 'gzip'}`;
  return [{ mediaType, digest: digestOf(bytes), size: bytes.length }, bytes];
}

async function image(...layers: readonly Layer[]): Promise<LayerSource> {
  const made = await Promise.all(layers.map(layerOf));
  const blobs = new Map(made.map(([{ digest }, bytes]) => [digest, bytes]));
  return {
    layers: made.map(([descriptor]) => descriptor),
    source: { open: async (digest) => Readable.from([blobs.get(digest) ?? Buffer.alloc(0)]) },
  };
}

const BASE: Layer = { files: { 'etc/base': 'base' } };
const compare = async (published: readonly Layer[], rebuilt: readonly Layer[]) =>
  (await compareLayers(await image(...published), await image(...rebuilt), () => {})).map(
    ({ number, status, differences }) => `${number} ${status}: ${differences.join(', ')}`,
  );

describe('a rebuilt image', () => {
  it('is equal if every layer has the same bytes', async () => {
    const app: Layer = { files: { 'app/a.js': 'a' } };
    expect(await compare([BASE, app], [BASE, app])).toEqual(['1 equal: ', '2 equal: ']);
  });

  it.each<[string, Layer, string]>([
    ['a changed byte', { files: { 'app/a.js': 'A', 'app/b.js': 'b' } }, 'app/a.js differs'],
    [
      'a changed mode',
      { files: { 'app/a.js': 'a', 'app/b.js': 'b' }, mode: 0o755 },
      'app/a.js differs, app/b.js differs',
    ],
    ['a missing file', { files: { 'app/a.js': 'a' } }, 'app/b.js only there'],
    ['one more file', { files: { 'app/a.js': 'a', 'app/b.js': 'b', 'app/c.js': 'c' } }, 'app/c.js only here'],
    [
      'another time alone',
      { files: { 'app/a.js': 'a', 'app/b.js': 'b' }, time: 1e12 },
      'only times, the order of files, or the compression',
    ],
    [
      'another compression alone',
      { files: { 'app/a.js': 'a', 'app/b.js': 'b' }, zstd: true },
      'only times, the order of files, or the compression',
    ],
  ])('names the files of a layer with %s', async (_, changed, expected) => {
    const app: Layer = { files: { 'app/a.js': 'a', 'app/b.js': 'b' } };
    expect(await compare([BASE, app], [BASE, changed])).toEqual(['1 equal: ', `2 differs: ${expected}`]);
  });

  it('names Debian packages with both versions, before files', async () => {
    const status = (version: string): Layer => ({
      files: { 'var/lib/dpkg/status': `Package: curl\nStatus: install ok installed\nVersion: ${version}\n\n` },
    });
    expect(await compare([status('7.88.1-1')], [status('7.88.1-2')])).toEqual([
      '1 differs: curl 7.88.1-1 → 7.88.1-2: Debian no longer serves the first, var/lib/dpkg/status differs',
    ]);
  });

  it('names files beside many packages', async () => {
    const system = (version: string, tini: string): Layer => {
      const packages = Array.from(
        { length: 12 },
        (_, index) => `Package: p${index}\nStatus: install ok installed\nVersion: ${version}\n\n`,
      );
      return { files: { 'usr/bin/tini': tini, 'var/lib/dpkg/status': packages.join('') } };
    };
    const [result = ''] = await compare([system('1', 'tini')], [system('2', 'TINI')]);
    expect(result).toContain('usr/bin/tini differs');
    expect(result).toContain('p0 1 → 2');
  });

  it('names layers that only one of both has', async () => {
    const app: Layer = { files: { 'app/a.js': 'a' } };
    expect(await compare([BASE, app], [BASE])).toEqual(['1 equal: ', '2 missing here: ']);
    expect(await compare([BASE], [BASE, app])).toEqual(['1 equal: ', '2 missing there: ']);
  });

  it('names the first ten differences of a layer', async () => {
    const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`app/${index}`, 'x']));
    const [, layer] = await compareLayers(
      await image(BASE, { files }),
      await image(BASE, { files: { a: 'a' } }),
      () => {},
    );
    expect(layer?.differences).toHaveLength(10);
  });
});
