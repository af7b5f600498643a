import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { type Descriptor, digestOf } from '../../../build/oci/descriptor.ts';
import { compareLayers, compareSettings, type LayerSource } from '../../../build/release/compare-layers.ts';

type EntryHeader = Parameters<ReturnType<typeof pack>['entry']>[0];

interface Layer {
  readonly files: Readonly<Record<string, string>>;
  readonly time?: number;
  readonly mode?: number;
  readonly zstd?: true;
  /** Further entries. */
  readonly entries?: readonly EntryHeader[];
}

async function layerOf({
  files,
  time = 0,
  mode = 0o644,
  zstd,
  entries = [],
}: Layer): Promise<readonly [Descriptor, Buffer]> {
  const archive = pack();
  for (const [name, text] of Object.entries(files)) archive.entry({ name, mode, mtime: new Date(time) }, text);
  for (const header of entries) archive.entry({ mode, mtime: new Date(time), ...header }, '');
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

  it.each<[string, EntryHeader, string]>([
    ['a removed file of a lower layer', { name: 'etc/.wh.base' }, 'removal of etc/base only there'],
    ['a hidden folder', { name: 'etc/.wh..wh..opq' }, 'removal of all in /etc only there'],
    ['a second entry of a file', { name: 'app/a.js' }, 'app/a.js differs'],
    ['a device', { name: 'app/d', type: 'character-device', devmajor: 1, devminor: 5 }, 'app/d only there'],
  ])('names %s', async (_, header, expected) => {
    const app: Layer = { files: { 'app/a.js': 'a' } };
    expect(await compare([BASE, { ...app, entries: [header] }], [BASE, app])).toEqual([
      '1 equal: ',
      `2 differs: ${expected}`,
    ]);
  });

  it.each<[string, EntryHeader, EntryHeader]>([
    [
      'extended attributes, such as capabilities',
      { name: 'app/a', pax: { 'SCHILY.xattr.security.capability': 'x' } },
      { name: 'app/a' },
    ],
    [
      'the number of a device',
      { name: 'app/a', type: 'block-device', devmajor: 8, devminor: 1 },
      { name: 'app/a', type: 'block-device', devmajor: 8, devminor: 2 },
    ],
  ])('compares %s', async (_, there, here) => {
    expect(await compare([{ files: {}, entries: [there] }], [{ files: {}, entries: [here] }])).toEqual([
      '1 differs: app/a differs',
    ]);
  });

  it('names an inserted layer, and not all layers above it', async () => {
    const layers = ['app', 'ui', 'docs'].map((name): Layer => ({ files: { [`app/${name}`]: name } }));
    const inserted: Layer = { files: { 'app/backdoor': 'x' } };
    expect(await compare([BASE, inserted, ...layers], [BASE, ...layers])).toEqual([
      ...['1 equal: ', '2 missing here: app/backdoor only there', '3 equal: ', '4 equal: ', '5 equal: '],
    ]);
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
    expect(await compare([BASE, app], [BASE])).toEqual(['1 equal: ', '2 missing here: app/a.js only there']);
    expect(await compare([BASE], [BASE, app])).toEqual(['1 equal: ', '2 missing there: app/a.js only here']);
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

describe('the settings of a rebuilt image', () => {
  const image = { os: 'linux', architecture: 'amd64' };
  const config = { Entrypoint: ['tini', '--'], User: '1000', Env: ['HOME=/home/node'], Labels: { version: '1' } };

  it('are equal', () => {
    expect(compareSettings({ ...image, config }, { ...image, config: { ...config } })).toEqual([]);
  });

  it.each<[object, string]>([
    [{ Entrypoint: ['sh'] }, 'Entrypoint: ["sh"] there, ["tini","--"] here'],
    [{ User: '0' }, 'User: "0" there, "1000" here'],
    [{ Env: [...config.Env, 'NODE_OPTIONS=--require /x'] }, 'variable NODE_OPTIONS: --require /x only there'],
    [{ Labels: {} }, 'label version: 1 only here'],
    [{ Labels: { ...config.Labels, x: 'null' } }, 'label x: null only there'],
    [{ Env: ['HOME=/x', ...config.Env] }, 'variable HOME: /x, /home/node there, /home/node here'],
    [{ User: '0\n::error::x' }, 'User: "0\\n::error::x" there, "1000" here'],
    [{ OnBuild: ['RUN x'] }, 'OnBuild: ["RUN x"] only there'],
  ])('%j is named', (changed, expected) => {
    expect(compareSettings({ ...image, config: { ...config, ...changed } }, { ...image, config })).toEqual([expected]);
  });
});
