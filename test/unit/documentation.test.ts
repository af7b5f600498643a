import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import failureKinds from '../../build/failure-kinds.json' with { type: 'json' };

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const PAGES = globSync(['*.md', 'docs/*.md', 'build/README.md'], { cwd: ROOT }).sort();

/** Anchors of a page, as GitHub makes them from headings. */
const anchorsOf = (page: string): readonly string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

describe('a link', () => {
  it.each(PAGES)('in %s leads to a file and a heading that exist', (page) => {
    const broken = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].filter(
      ([, path = '', anchor]) => {
        const target = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchorsOf(target).includes(anchor);
      },
    );
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});

it('README.md has at most 150 lines of at most 100 columns', () => {
  const lines = read('README.md').trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(150);
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
});

it('README.md leads to every page', () => {
  expect(PAGES.filter((page) => page.startsWith('docs/') && !read('README.md').includes(`(${page})`))).toEqual([]);
});

it('code cites only pages and sections that exist', () => {
  const missing = globSync('{build,scripts}/**/*.{ts,sh,mjs}', { cwd: ROOT }).flatMap((file) =>
    [...read(file).matchAll(/(docs\/[a-z-]+\.md)(?:, "([^"]+)"(?: and "([^"]+)")?)?/g)].flatMap(
      ([, page = '', ...sections]) => {
        if (!existsSync(join(ROOT, page))) return [`${file}: ${page}`];
        const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
        return sections.flatMap((section) =>
          section === undefined || headings.includes(section) ? [] : [`${file}: ${page}, ${section}`],
        );
      },
    ),
  );
  expect(missing).toEqual([]);
});

it('the schema of errors has every kind of failure', () => {
  const kinds = Object.keys(failureKinds).sort();
  expect(read('docs/schemas/error.schema.json').replace(/\s/g, '')).toContain(`"enum":${JSON.stringify(kinds)}`);
});

it('every kind of failure is used, and has a cause and a fix', () => {
  const code = globSync('build/**/*.ts', { cwd: ROOT }).map(read).join('\n');
  expect(Object.keys(failureKinds).filter((kind) => !code.includes(`'${kind}'`))).toEqual([]);
  for (const { cause, fix } of Object.values(failureKinds)) {
    expect(cause).toMatch(/^\S.*\.$/);
    expect(fix).toMatch(/^\S.*\.$/);
  }
});
