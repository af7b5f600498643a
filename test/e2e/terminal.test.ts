import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { docker, ROOT, sameBase } from '../support/command.ts';
import { makeCheckout } from '../support/make-checkout.ts';

const IMAGE = 'openclaw-image-test:terminal';

let checkout = '';
beforeAll(async () => {
  checkout = await makeCheckout('new');
});
afterAll(async () => {
  await docker('image', 'rm', '--force', IMAGE);
  await rm(checkout, { recursive: true, force: true });
});

/** Builds in a pseudo-terminal, which script(1) provides. @returns the output, without colours and movements of the cursor */
async function buildInTerminal(columns: number): Promise<string> {
  const build = ['scripts/run', 'build', '--source', checkout, '--tag', IMAGE, ...sameBase()].join(' ');
  const { CI: _, ...environment } = process.env;
  const { exitCode, stdout } = await execa(
    'script',
    ['--quiet', '--return', '--command', `stty cols ${columns} rows 30; exec ${build}`, '/dev/null'],
    {
      cwd: ROOT,
      env: { ...environment, TERM: 'xterm-256color', DOCKER_HOST: inject('engine').host },
      extendEnv: false,
      reject: false,
    },
  );
  expect(exitCode, stdout).toBe(0);
  return stripVTControlCharacters(stdout);
}

it.each([80, 160])('shows a bar for each stage in %i columns, and ends with five lines', async (columns) => {
  await appendFile(join(checkout, 'src/index.js'), `\n// ${Date.now()}\n`);
  const lines = (await buildInTerminal(columns)).split(/[\r\n]+/);
  // A longer line would be wrapped, and the next drawing would not replace all of it.
  const bars = lines.filter((line) => /[█░]{10}/.test(line));
  expect(bars.filter((line) => line.length >= columns)).toEqual([]);
  expect(
    bars.some((line) => / {2}server +\d+\.\d s/.test(line)),
    bars.join('\n'),
  ).toBe(true);
  // BuildKit's names of steps.
  expect(bars.join('\n')).not.toMatch(/\[.* \d+\/\d+\]/);
  const closing = lines.slice(lines.findIndex((line) => line.startsWith('Built in')));
  expect(closing.map((line) => line.trim().split(/ {2,}/)[0]).filter((word) => word !== '')).toEqual([
    expect.stringMatching(/^Built in \d+\.\d s$/),
    'image',
    'digest',
    'size',
    'rebuilt',
    'next',
  ]);
});

it('says what was rebuilt, and why', async () => {
  await appendFile(join(checkout, 'docs/index.md'), `\n${Date.now()}\n`);
  const output = await buildInTerminal(160);
  expect(output).toMatch(/^rebuilt +docs \(docs\/index\.md changed\); \d+ of \d+ layers were cached/m);
  expect(output).toMatch(/^size +\d+ MB compressed, (?:as|[\d.]+ k?B (?:larger|smaller) than) the last build/m);
});
