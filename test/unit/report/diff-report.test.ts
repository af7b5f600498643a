import { expect, it } from 'vitest';
import type { ImageDifference } from '../../../build/contents/compare-images.ts';
import { diffMarkdown, diffReport } from '../../../build/report/diff-report.ts';

const names = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ name: `app/${index}.js`, now: { size: 1000, fingerprint: '' } }));
const difference = (changes: Partial<ImageDifference> = {}): ImageDifference => ({
  layers: { shared: [{ digest: 'sha256:1', size: 200e6 }], pulled: [{ digest: 'sha256:2', size: 42e6 }] },
  bytesToPull: 42e6,
  size: { before: 240e6, after: 242e6 },
  files: { added: names(1), changed: [], removed: [] },
  debian: { added: [], changed: [{ name: 'git', before: '1:2.39.1', now: '1:2.39.5' }], removed: [] },
  npm: { added: [], changed: [], removed: [] },
  ...changes,
});
const images = { before: 'openclaw:before', after: 'openclaw:after' };

it('begins with what a host pulls, and the change of the size', () => {
  const text = diffMarkdown(difference(), images);
  expect(text.split('\n')[0]).toBe('### `openclaw:before` → `openclaw:after`');
  expect(text).toContain('pulls **42.0 MB**. The second image is 2.0 MB larger (242 MB).');
  expect(diffReport(difference())).toContain('The second image is 2.0 MB larger (242 MB).');
});

it.each([
  [{ before: 242e6, after: 240e6 }, '2.0 MB smaller (240 MB)'],
  [{ before: 240e6, after: 240e6 }, 'of the same size (240 MB)'],
])('says how the size changes: %j', (size, expected) => {
  expect(diffMarkdown(difference({ size }), images)).toContain(expected);
});

it('folds lists, and cuts long ones', () => {
  const text = diffMarkdown(difference({ files: { added: names(300), changed: [], removed: [] } }), images);
  expect(text).toContain('<details><summary>files: 300 added, 0 changed, 0 removed</summary>');
  expect(text).toContain('… and 200 more');
  expect(text).toContain('| changed | git | 1:2.39.1 | 1:2.39.5 |');
  expect(text).toContain('npm packages: 0 added, 0 changed, 0 removed');
  expect(text.length).toBeLessThan(65_536);
});

it('keeps a name from breaking the table', () => {
  const odd = { added: [{ name: 'a|b\n| c', now: { size: 1, fingerprint: '' } }], changed: [], removed: [] };
  const rows = diffMarkdown(difference({ files: odd }), images).split('\n');
  expect(rows.filter((row) => row.startsWith('| added')).length).toBe(1);
});
