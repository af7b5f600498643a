import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../build/cache-folder.ts';
import { ROOT } from '../support/command.ts';

const TOOLS = cacheFolder('test-tools');

/** Shell programs of this project, by their first line. */
async function shellPrograms(): Promise<readonly string[]> {
  const folders = ['scripts', 'build/steps', 'build/verify'].map((folder) =>
    readdir(join(ROOT, folder), { recursive: true, withFileTypes: true }),
  );
  const files = (await Promise.all(folders))
    .flat()
    .filter((entry) => entry.isFile() && (entry.parentPath.includes('scripts') || entry.name.endsWith('.sh')))
    .map(({ parentPath, name }) => join(parentPath, name));
  const read = files.map(async (file) => ((await readFile(file, 'utf8')).startsWith('#') ? [file] : []));
  return (await Promise.all(read)).flat();
}

beforeAll(() => execa(join(ROOT, 'scripts/debian-unpack'), ['bookworm', TOOLS, 'shellcheck']));

it('shellcheck finds nothing', async () => {
  const programs = await shellPrograms();
  expect(programs.length).toBeGreaterThan(8);
  const { exitCode, all } = await execa(join(TOOLS, 'usr/bin/shellcheck'), ['--external-sources', ...programs], {
    cwd: ROOT,
    reject: false,
    all: true,
  });
  expect({ exitCode }, all).toEqual({ exitCode: 0 });
});

// macOS has bash 3.2, which the test machine does not have. So search for newer features by name.
describe("a script for the user's host, in scripts/docker and scripts/clawdock,", () => {
  const LATER: readonly (readonly [what: string, pattern: RegExp])[] = [
    ['associative arrays (4.0)', /\b(?:declare|local|typeset)\s+-\w*A/],
    ['mapfile (4.0)', /\b(?:mapfile|readarray)\b/],
    ['change of case (4.0)', /\$\{\w+(?:\^|,)/],
    ['&>> and |& (4.0)', /&>>|\|&/],
    ['coproc (4.0)', /\bcoproc\b/],
    ['negative subscripts (4.3)', /\[-\d+\]/],
    ['name references (4.3)', /\b(?:declare|local)\s+-\w*n\b/],
    ['transformations (4.4)', /\$\{\w+@[A-Z]\}/],
    ['wait -n (4.3)', /\bwait -n\b/],
    ['EPOCHSECONDS, SRANDOM (5.0)', /\$\{?(?:EPOCH|SRANDOM)/],
    ['GNU options of the host', /\b(?:readlink -f|sed -i|date -d|stat -c %[^g]|find [^|]*-printf|mktemp --)/],
  ];
  it.each(LATER)('does without %s', async (_, pattern) => {
    const programs = (await shellPrograms()).filter((file) => /scripts\/(?:docker|clawdock)\//.test(file));
    expect(programs.length).toBeGreaterThan(6);
    for (const file of programs) {
      const text = await readFile(file, 'utf8');
      // A line for a container can use GNU tools.
      expect(text.replace(/--entrypoint sh[\s\S]*?'\n?[^']*'/g, ''), file).not.toMatch(pattern);
    }
  });
});
