import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContentsNode } from '../../../build/contents/contents-tree.ts';
import { imageLine } from '../../../build/contents/image-line.ts';
import { instructionName, type ReadImage } from '../../../build/contents/image-summary.ts';
import { readImages } from '../../../build/contents/read-image.ts';
import { openRegistries } from '../../../build/oci/registry.ts';
import { reportContent, reportPage } from '../../../build/report/page/page.ts';
import { reportText } from '../../../build/report/report-text.ts';
import { type LayerFiles, makeArchive, npmPackages } from '../../support/make-archive.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-summary-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const registry = openRegistries({ retries: { seconds: 0, onWait: () => {} } });

/** Writes and reads archives. @returns one image for each */
async function read(...images: readonly (readonly LayerFiles[])[]): Promise<readonly ReadImage[]> {
  const locations = await Promise.all(
    images.map(async (layers, index) => {
      const path = join(folder, `${index}.tar`);
      await makeArchive(path, layers, `1.0.${index}`);
      return { kind: 'archive' as const, path };
    }),
  );
  return readImages(locations, { engine: undefined, registry }, undefined, () => {});
}

const STATUS = `Package: curl
Status: install ok installed
Architecture: amd64
Version: 7.88.1
Depends: libcurl4

Package: libcurl4
Status: install ok installed
Architecture: amd64
Version: 7.88.1
`;
const BASE: LayerFiles = [
  ['var/lib/dpkg/status', STATUS],
  ['var/lib/dpkg/info/curl.list', '/usr\n/usr/bin/curl\n/bin/old-curl\n'],
  ['var/lib/dpkg/info/libcurl4:amd64.list', '/usr/lib/libcurl.so\n'],
  ['usr/bin/curl', 'c'.repeat(500)],
  ['usr/bin/old-curl', 'o'.repeat(300)],
  ['usr/lib/libcurl.so', 'l'.repeat(4000)],
  ['etc/motd', 'm'.repeat(100)],
];
const GATEWAY: LayerFiles = [
  ['app/package.json', JSON.stringify({ name: 'openclaw', version: '2026.9.6', dependencies: { ms: '^2.0.0' } })],
  ['app/dist/index.js', 'i'.repeat(2000)],
  ['app/node_modules/ms/package.json', JSON.stringify({ name: 'ms', version: '2.1.3' })],
  ['app/node_modules/ms/index.js', 'x'.repeat(700)],
  ['etc/motd', 'changed'],
];

describe('an image', () => {
  it('has the sizes of its layers and packages', async () => {
    const [image] = await read([BASE, GATEWAY]);
    const { summary } = image as ReadImage;
    expect(summary).toMatchObject({ place: 'archive', version: '1.0.0', created: '2030-01-01T00:00:00Z' });
    expect(summary.layers.map(({ name, files }) => ({ name, files }))).toEqual([
      { name: 'part-1', files: BASE.length },
      { name: 'part-2', files: GATEWAY.length },
    ]);
    const size = (files: LayerFiles) => files.reduce((sum, [, content]) => sum + content.length, 0);
    expect(summary.size.unpacked).toBe(size(BASE) + size(GATEWAY));
    expect(summary.size.compressed).toBe(summary.layers.reduce((sum, layer) => sum + layer.compressed, 0));
    const unpacked = Object.fromEntries(summary.packages.map(({ name, unpacked: sum }) => [name, sum]));
    const ms = JSON.stringify({ name: 'ms', version: '2.1.3' }).length + 700;
    // A file in /bin, which Debian links to /usr/bin, counts too. The gateway does not count its dependencies.
    expect(unpacked).toEqual({ curl: 800, libcurl4: 4000, ms, openclaw: 2000 + (GATEWAY[0]?.[1].length ?? 0) });
  });

  it('names files that a later layer replaces or removes', async () => {
    const [image] = await read([BASE, GATEWAY, [['usr/lib/.wh.libcurl.so', '']]]);
    const { waste } = (image as ReadImage).summary;
    expect(waste).toMatchObject({ bytes: 4100, count: 2 });
    expect(waste.files).toEqual([
      { path: 'usr/lib/libcurl.so', size: 4000, layer: 0, by: 2 },
      { path: 'etc/motd', size: 100, layer: 0, by: 1 },
    ]);
  });

  it('says why its largest parts are there', async () => {
    const [image] = await read([BASE, GATEWAY]);
    const parts = (image as ReadImage).summary.largest;
    const why = Object.fromEntries(parts.map(({ name, why: chain, layer }) => [name, [...chain, layer]]));
    expect(why).toEqual({
      'libcurl4 7.88.1': ['curl 7.88.1', 'part-1'],
      'curl 7.88.1': ['part-1'],
      'openclaw: dist': ['part-2'],
      'openclaw: package.json': ['part-2'],
      'ms 2.1.3': ['openclaw 2026.9.6', 'part-2'],
      // Of no package.
      '/var/lib': ['part-1'],
      '/etc/motd': ['part-2'],
    });
  });

  it('is a tree of layers, packages and folders that lists each byte once', async () => {
    const [image] = await read([BASE, GATEWAY]);
    const { tree, summary } = image as ReadImage;
    const paths = (node: ContentsNode, above = ''): readonly string[] =>
      (node.children ?? []).flatMap((child) => [`${above}${child.name}`, ...paths(child, `${above}${child.name} > `)]);
    expect(paths(tree)).toEqual(
      expect.arrayContaining(['part-1 > curl 7.88.1 > usr/bin > curl', 'part-2 > openclaw 2026.9.6 > dist > index.js']),
    );
    // The first file /etc/motd is replaced.
    expect(tree.unpacked).toBe(summary.size.unpacked - 100);
    const leaves = (node: ContentsNode): number =>
      node.children === undefined ? node.unpacked : node.children.reduce((sum, child) => sum + leaves(child), 0);
    expect(leaves(tree)).toBe(tree.unpacked);
  });

  it('counts each copy of a package', async () => {
    const copy = (folder: string): LayerFiles => [
      [`${folder}/node_modules/ms/package.json`, '{"name":"ms","version":"2.1.3"}'],
      [`${folder}/node_modules/ms/index.js`, 'x'.repeat(1000)],
    ];
    const [image] = await read([[...copy('app'), ...copy('app/node_modules/debug')]]);
    expect(image?.tree.unpacked).toBe(image?.summary.size.unpacked);
  });

  it('names large files of no package', async () => {
    const [image] = await read([[['opt/model/weights.bin', 'w'.repeat(10_000)]]]);
    expect(image?.summary.largest).toMatchObject([{ name: '/opt/model', unpacked: 10_000, layer: 'part-1' }]);
  });

  it('is refused for a platform that it does not have', async () => {
    const path = join(folder, 'platform.tar');
    await makeArchive(path, [BASE]);
    const other = process.arch === 'arm64' ? 'linux/amd64' : 'linux/arm64';
    const reading = readImages([{ kind: 'archive', path }], { engine: undefined, registry }, other, () => {});
    await expect(reading).rejects.toThrow('The image does not have this platform');
  });

  it('is refused if a layer differs from its digest', async () => {
    const path = join(folder, 'damaged.tar');
    await makeArchive(path, [BASE]);
    const layout = await mkdtemp(join(folder, 'layout-'));
    await execa('tar', ['-xf', path, '-C', layout]);
    const [good] = await readImages(
      [{ kind: 'archive', path: layout }],
      { engine: undefined, registry },
      undefined,
      () => {},
    );
    const blob = join(layout, 'blobs', (good?.summary.layers[0]?.digest ?? '').replace(':', '/'));
    const bytes = await readFile(blob);
    bytes[bytes.length - 5] = (bytes.at(-5) ?? 0) ^ 1;
    await writeFile(blob, bytes);
    await expect(
      readImages([{ kind: 'archive', path: layout }], { engine: undefined, registry }, undefined, () => {}),
    ).rejects.toThrow(/digest|layer/);
  });
});

it('compares images in a line: what each update pulls, and what the changed files need', async () => {
  const changed: LayerFiles = [...GATEWAY.slice(0, 3), ['app/node_modules/ms/index.js', 'y'.repeat(900)]];
  const images = await read([BASE, GATEWAY], [BASE, changed], [BASE, changed]);
  const { layers, updates } = imageLine(images);
  expect(layers.map((layer) => layer.in)).toEqual([
    [true, true, true],
    [true, false, false],
    [false, true, true],
  ]);
  const [first, second] = updates;
  expect(first?.pulled).toBe(images[1]?.summary.layers[1]?.compressed);
  expect(first?.limit).toBeGreaterThan(0);
  expect(first?.limit).toBeLessThan(first?.pulled ?? 0);
  expect(second).toMatchObject({ pulled: 0, limit: 0 });
});

it.each([
  ['COPY /finished/large/openai / # buildkit', 'openai'],
  ['COPY --link /finished/server/ / # buildkit', 'server'],
  ['RUN |1 A= /bin/sh -c . /helpers/prelude.sh\napt_install curl git\n # buildkit', 'apt_install curl git'],
  ['/bin/sh -c #(nop) ADD file:1 in / ', 'ADD file:1 in /'],
  ['COPY a b', 'COPY a b'],
  [`RUN ${'x'.repeat(100)}`, `RUN ${'x'.repeat(55)}…`],
])('names the layer of %j %s', (instruction, name) => {
  expect(instructionName(instruction)).toBe(name);
});

describe('a page', () => {
  it('shows names from images as text', async () => {
    const name = '</script><script>alert(1)</script>';
    const images = await read([[[`app/${name}.js`, 'x'.repeat(5000)], ...GATEWAY]]);
    const page = await reportPage(reportContent(images, undefined));
    expect(page).not.toContain('<script>alert');
    expect(page).toContain('\\u003c/script>');
    expect(page).toContain("default-src 'none'");
    expect(page).not.toMatch(/ on[a-z]+="| style="|<(?:img|link)[^>]+(?:src|href)="(?!data:)/);
  });

  it('lists 10,000 packages', async () => {
    const images = await read([BASE, npmPackages(10_000)]);
    const page = await reportPage(reportContent(images, undefined));
    expect(page).toContain('10002 packages, the largest first');
    expect(page.match(/<th scope="row">package-\d+<\/th>/g)?.length).toBe(10_000);
  });
});

it.each([80, 160])('text fits in %i columns', async (columns) => {
  const images = await read([BASE, GATEWAY], [BASE, npmPackages(50)], [BASE, npmPackages(60)]);
  for (const count of [1, 2, 3]) {
    const lines = reportText(reportContent(images.slice(0, count), undefined), columns).split('\n');
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
    expect(lines.some((line) => line.includes('██'))).toBe(true);
  }
});
