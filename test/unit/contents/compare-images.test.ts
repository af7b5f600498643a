import { expect, it } from 'vitest';
import { compareImages } from '../../../build/contents/compare-images.ts';
import type { ImageContents } from '../../../build/contents/image-contents.ts';

const image = (
  layers: Record<string, number>,
  files: Record<string, string>,
  npm: Record<string, string>,
): ImageContents => ({
  reference: 'x',
  layers: Object.entries(layers).map(([digest, size]) => ({ digest, size })),
  files: new Map(Object.entries(files).map(([path, fingerprint]) => [path, { size: fingerprint.length, fingerprint }])),
  debian: new Map([['tini', '0.19']]),
  npm: new Map(Object.entries(npm)),
});

it('shows what a host pulls, and what changed', () => {
  const first = image(
    { base: 100, one: 20 },
    { 'app/a': 'a', 'app/b': 'b', 'app/c': 'c' },
    { ms: '2.1.2', old: '1.0.0' },
  );
  const second = image(
    { base: 100, two: 30, three: 4 },
    { 'app/a': 'a', 'app/b': 'bb', 'app/d': 'd' },
    { ms: '2.1.3' },
  );
  const { layers, bytesToPull, files, debian, npm } = compareImages(first, second);
  expect({ shared: layers.shared.length, bytesToPull }).toEqual({ shared: 1, bytesToPull: 34 });
  expect({
    added: files.added.map(({ name }) => name),
    changed: files.changed.map(({ name }) => name),
    removed: files.removed.map(({ name }) => name),
  }).toEqual({ added: ['app/d'], changed: ['app/b'], removed: ['app/c'] });
  expect(debian).toEqual({ added: [], changed: [], removed: [] });
  expect(npm).toEqual({
    added: [],
    changed: [{ name: 'ms', before: '2.1.2', now: '2.1.3' }],
    removed: [{ name: 'old', before: '1.0.0' }],
  });
});

it('finds no difference between an image and itself', () => {
  const one = image({ base: 100 }, { 'app/a': 'a' }, { ms: '2.1.3' });
  expect(compareImages(one, one)).toMatchObject({ bytesToPull: 0, files: { added: [], changed: [], removed: [] } });
});
