import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** The rooms in the order of the table in ARCHITECTURE.md: a room may import from those above it. */
const ROOMS = [...read('ARCHITECTURE.md').matchAll(/^\| `([a-z]+)` \| /gm)].map(([, name = '']) => name);
/** The files that start the program. They may import everything. */
const ENTRIES = ['build/main.ts', 'build/setup.ts'];
const FILES = globSync('build/**/*.{ts,mjs,cjs}', { cwd: ROOT }).sort();

const roomOf = (file: string): string => (file.split('/').length === 2 ? '' : (file.split('/')[1] ?? ''));
const importsOf = (file: string): readonly string[] =>
  [...read(file).matchAll(/(?:from |import\()'(\.[^']+)'/g)].map(([, path = '']) =>
    normalize(join(dirname(file), path)),
  );

it('has every room in the table of ARCHITECTURE.md, and no other', () => {
  expect([...new Set(FILES.map(roomOf))].filter((room) => room !== '').sort()).toEqual([...ROOMS].sort());
});

it.each(FILES.filter((file) => !ENTRIES.includes(file)))('%s imports no room that is lower in the table', (file) => {
  const own = ROOMS.indexOf(roomOf(file));
  const lower = importsOf(file).filter((path) => ROOMS.indexOf(roomOf(path)) > own);
  expect(lower).toEqual([]);
});

it('has no files that import each other in a circle', () => {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const index = path.indexOf(file);
    if (index >= 0) circles.push([...path.slice(index), file].join(' → '));
    if (index >= 0 || done.has(file)) return;
    for (const next of importsOf(file)) if (FILES.includes(next)) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of FILES) visit(file, []);
  expect(circles).toEqual([]);
});

it('has no file with more than 350 lines', () => {
  const sources = globSync('{build,test,scripts}/**/*.{ts,mjs,cjs,sh}', { cwd: ROOT }).filter(
    (file) => !file.includes('node_modules'),
  );
  expect(sources.filter((file) => read(file).split('\n').length > 351)).toEqual([]);
});

it('loads no npm package in setup.ts, which also runs with the Node of an image', () => {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    // Types are removed before the program runs, and `await import()` runs only where its result is needed.
    for (const [, names = '', path = ''] of read(file).matchAll(/^import (.*?)(?: from )?'([^']+)'/gms)) {
      if (names.startsWith('type ') || path.startsWith('node:')) continue;
      if (path.startsWith('.')) visit(normalize(join(dirname(file), path)));
      else packages.add(`${file}: ${path}`);
    }
  };
  visit('build/setup.ts');
  expect(seen.size).toBeGreaterThan(20);
  expect([...packages]).toEqual([]);
});
