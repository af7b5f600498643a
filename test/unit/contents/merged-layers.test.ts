import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { expect, it } from 'vitest';
import { mergeLayers } from '../../../build/contents/merged-layers.ts';

type Entry = readonly [name: string, content?: string, type?: 'directory' | 'symlink' | 'link', linkname?: string];

/** @returns paths of the merged layers, and the contents of the files */
async function merge(...layers: readonly (readonly Entry[])[]) {
  const archives = await Promise.all(
    layers.map(async (entries) => {
      const archive = pack();
      for (const [name, content = '', type, linkname] of entries)
        archive.entry({ name, ...(type === undefined ? {} : { type, linkname: linkname ?? '' }) }, content);
      archive.finalize();
      return gzipSync(await buffer(archive));
    }),
  );
  const merged = await mergeLayers(
    { open: async (digest) => Readable.from([archives[Number(digest)] ?? Buffer.alloc(0)]) },
    archives.map(({ length }, number) => ({ mediaType: 'x+gzip', digest: String(number), size: length })),
    { texts: () => true, fingerprints: true },
  );
  return { ...merged, paths: [...merged.files.keys()].sort() };
}

it.each<[string, readonly (readonly Entry[])[], readonly string[]]>([
  ['a whiteout hides a file', [[['a'], ['b']], [['.wh.a']]], ['b']],
  ['a whiteout hides a folder', [[['a/b'], ['ab']], [['.wh.a']]], ['ab']],
  ['a name with .wh. inside its path is a name', [[['x.wh.y/a'], ['x.wh.y/b']], [['x.wh.y/.wh.a']]], ['x.wh.y/b']],
  ['a name that contains .wh. is a file', [[['a.wh.b']], [['c']]], ['a.wh.b', 'c']],
  [
    'an opaque folder hides what lower layers have in it',
    [
      [['a/b'], ['c']],
      [['a/.wh..wh..opq'], ['a/d']],
    ],
    ['a/d', 'c'],
  ],
  ['an opaque folder keeps its siblings that came before', [[['a/b']], [['a/d'], ['a/.wh..wh..opq']]], ['a/d']],
  [
    'an opaque root hides everything below',
    [
      [['a/b'], ['c']],
      [['d'], ['.wh..wh..opq']],
    ],
    ['d'],
  ],
  ['a whiteout keeps a new file in the same layer', [[['a']], [['a', 'new'], ['.wh.a']]], ['a']],
  ['a file in the place of a folder', [[['a', '', 'directory'], ['a/b']], [['a', 'x']]], ['a']],
  ['a link in the place of a folder', [[['a/', '', 'directory'], ['a/b']], [['a', '', 'symlink', 'c']]], ['a']],
  ['a link in the place of a folder without an entry', [[['a/b/c']], [['a/b', '', 'symlink', 'd']]], ['a/b']],
  [
    'a file in a folder that a link leads to',
    [
      [
        ['usr/lib/', '', 'directory'],
        ['lib', '', 'symlink', 'usr/lib'],
      ],
      [['lib/x']],
      [['lib/y'], ['lib/.wh.x']],
    ],
    ['lib', 'usr/lib', 'usr/lib/y'],
  ],
  [
    'an opaque folder that a link leads to',
    [
      [['usr/lib/old'], ['lib', '', 'symlink', 'usr/lib']],
      [['lib/.wh..wh..opq'], ['lib/new']],
    ],
    ['lib', 'usr/lib/new'],
  ],
  [
    'a link in a folder that a link leads to',
    [
      [
        ['usr/lib/', '', 'directory'],
        ['lib', '', 'symlink', '/usr/lib'],
      ],
      [['lib/y', '', 'symlink', '../z']],
      [['lib/y/f']],
    ],
    ['lib', 'usr/lib', 'usr/lib/y', 'usr/z/f'],
  ],
  ['a folder without an entry in the place of a file', [[['a']], [['a/b']]], ['a/b']],
  ['a file in the place of a folder, twice', [[['a/b/x']], [['a']], [['a/b/c']], [['a']]], ['a']],
  [
    'a folder in the place of a link',
    [[['lib', '', 'symlink', 'usr/lib']], [['lib/', '', 'directory'], ['lib/x']]],
    ['lib', 'lib/x'],
  ],
  ['names with ./, // and ..', [[['./a//b'], ['/c'], ['d/../e'], ['../f']]], ['a/b', 'c', 'e', 'f']],
])('%s', async (_, layers, paths) => {
  expect((await merge(...layers)).paths).toEqual(paths);
});

it.each<[string, readonly (readonly Entry[])[]]>([
  [
    'through links in a circle',
    [
      [
        ['a', '', 'symlink', 'b'],
        ['b', '', 'symlink', 'a'],
      ],
      [['a/x']],
    ],
  ],
  ['that links make endless', [[['a', '', 'symlink', 'a/'.repeat(2000)]], [['a/x']]]],
  ['of more than 4096 characters', [[['a'.repeat(5000)]]]],
])('refuses a path %s, which no engine unpacks', async (_, layers) => {
  await expect(merge(...layers)).rejects.toMatchObject({ failure: { kind: 'invalid-content' } });
});

it('gives a hard link the content of the file that it names through a link', async () => {
  const lower: readonly Entry[] = [
    ['usr/lib/p', 'T'],
    ['lib', '', 'symlink', 'usr/lib'],
  ];
  expect((await merge(lower, [['h', '', 'link', 'lib/p']])).texts.get('h')).toBe('T');
});

it.each(['.wh.', 'a/.wh.', 'a/.wh..', 'a/c/.wh...'])('refuses %s, which hides no file of its folder', async (name) => {
  await expect(merge([['a/b'], ['a/c/d']], [[name]])).rejects.toMatchObject({ failure: { kind: 'invalid-content' } });
});

it('has the number of the layer that wrote a file last, and the text behind a hard link', async () => {
  const { layers, texts } = await merge(
    [
      ['a', 'one'],
      ['b', 'two'],
    ],
    [
      ['a', 'three'],
      ['c', '', 'link', 'a'],
    ],
  );
  expect(Object.fromEntries(layers)).toEqual({ a: 1, b: 0, c: 1 });
  expect(Object.fromEntries(texts)).toEqual({ a: 'three', b: 'two', c: 'three' });
});

it.each<[string, readonly (readonly Entry[])[], { written: number; replaced: number }]>([
  ['a file that stays', [[['a', '12345']]], { written: 5, replaced: 0 }],
  ['a file that a later layer replaces', [[['a', '12345']], [['a', '123']]], { written: 8, replaced: 5 }],
  ['a file that a later layer removes', [[['a', '12345']], [['.wh.a']]], { written: 5, replaced: 5 }],
  [
    'a folder that a later layer removes',
    [
      [
        ['a/b', '12345'],
        ['a/c', '1'],
      ],
      [['.wh.a']],
    ],
    { written: 6, replaced: 6 },
  ],
  [
    'a file that is removed, and comes again',
    [[['a', '12']], [['.wh.a']], [['a', '345']]],
    { written: 5, replaced: 2 },
  ],
  [
    'a hard link',
    [
      [
        ['a', '12345'],
        ['b', '', 'link', 'a'],
      ],
    ],
    { written: 5, replaced: 0 },
  ],
])('counts the bytes of %s', async (_, layers, bytes) => {
  expect((await merge(...layers)).bytes).toEqual(bytes);
});

it.each([1 << 20, 7])(
  'reads zstd layers with several frames and skippable ones, in chunks of %i bytes',
  async (length) => {
    const archive = pack();
    for (const name of ['a', 'b', 'c']) archive.entry({ name }, name.repeat(1000));
    archive.finalize();
    const tar = await buffer(archive);
    const skippable = Buffer.from('502a4d18050000003132333435', 'hex');
    const frames = [0, 600, 1700, tar.length].flatMap((start, index, starts) => [
      skippable,
      ...(index === 3 ? [] : [zstdCompressSync(tar.subarray(start, starts[index + 1]))]),
    ]);
    const bytes = Buffer.concat(frames);
    const chunks = Array.from({ length: Math.ceil(bytes.length / length) }, (_, index) =>
      bytes.subarray(index * length, (index + 1) * length),
    );
    const read = (all: readonly Buffer[]) =>
      mergeLayers(
        { open: async () => Readable.from(all) },
        [{ mediaType: 'x+zstd', digest: '0', size: bytes.length }],
        { texts: () => true, fingerprints: true },
      );
    expect([...(await read(chunks)).texts.values()]).toEqual(['a', 'b', 'c'].map((name) => name.repeat(1000)));
    await expect(read([bytes.subarray(0, bytes.length - 20)])).rejects.toThrow('ends within a frame');
  },
);
