import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, inImage, run } from '../support/command.ts';
import { packGateway } from '../support/pack-gateway.ts';

// A gateway whose own install script changes every part of the package, as those of 2026.8 do.
const FILES: Readonly<Record<string, string>> = {
  'package.json': JSON.stringify({
    name: 'openclaw',
    version: '2026.8.1',
    description: 'A package that has an install script',
    license: 'MIT',
    bin: { openclaw: 'openclaw.mjs' },
    dependencies: { 'is-odd': '3.0.1', bundled: '1.0.0' },
    bundleDependencies: ['bundled'],
    scripts: { postinstall: 'node scripts/postinstall.mjs' },
  }),
  'openclaw.mjs': '#!/usr/bin/env node\n',
  'scripts/postinstall.mjs': `import { appendFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
rmSync('dist/openclaw-install-guard');
rmSync('dist/old', { recursive: true });
rmSync('dist/control-ui/old.js');
rmSync('docs/a file with spaces.md');
rmSync('skills/old', { recursive: true });
rmSync('.pending');
writeFileSync('dist/changed.js', 'changed');
writeFileSync('dist/control-ui/written.js', 'written');
writeFileSync('docs/written.md', 'written', { mode: 0o600 });
renameSync('dist/moved.js', 'dist/there.js');
mkdirSync('dist/empty');
appendFileSync('node_modules/is-odd/index.js', '// patched');
writeFileSync('node_modules/is-odd/new.js', 'new');
symlinkSync('index.js', 'node_modules/is-odd/link.js');
appendFileSync('node_modules/bundled/index.js', '// patched');
rmSync('node_modules/bundled/old.js');
const online = await fetch('https://example.org').then(() => true, () => false);
writeFileSync('dist/online', String(online));
`,
  'dist/build-info.json': JSON.stringify({ commit: 'a'.repeat(40), builtAt: '2026-08-01T00:00:00.000Z' }),
  'dist/openclaw-install-guard': '',
  'dist/old/a.js': '',
  'dist/old/deep/b.js': '',
  'dist/moved.js': 'moved',
  'node_modules/bundled/package.json': JSON.stringify({ name: 'bundled', version: '1.0.0' }),
  'node_modules/bundled/index.js': '// bundled ',
  'node_modules/bundled/old.js': '',
  'dist/changed.js': 'before',
  'dist/kept.js': 'kept',
  'dist/control-ui/index.html': '<html>',
  'dist/control-ui/old.js': '',
  'docs/a file with spaces.md': '',
  'docs/kept.md': '',
  'skills/old/SKILL.md': '',
  'skills/new/SKILL.md': '',
  '.pending': '',
};
const IMAGE = 'openclaw-image-test:own-scripts';

let folder = '';

const build = (archive: string, ...more: readonly string[]) =>
  run(['build', '--package', archive, '--tag', IMAGE, ...more]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-own-'));
  // As npm packed release 2026.7.1-2.
  const { exitCode, stderr } = await build(await packGateway(folder, 'whole', FILES, 0o600));
  expect(exitCode, stderr).toBe(0);
});
afterAll(async () => {
  await docker('image', 'rm', '--force', IMAGE);
  await rm(folder, { recursive: true, force: true });
});

it("the image is as if npm had installed the package: without what the package's own script deletes, with what it writes", async () => {
  const { stdout } = await inImage(IMAGE, 'cd /app && find . -path ./node_modules -prune -o -type f -print | sort');
  expect(stdout.split('\n')).toEqual(
    [
      ...[
        './dist/build-info.json',
        './dist/changed.js',
        './dist/control-ui/index.html',
        './dist/control-ui/written.js',
      ],
      ...[
        './dist/kept.js',
        './dist/online',
        './dist/there.js',
        './docs/kept.md',
        './docs/written.md',
        './openclaw.mjs',
        './package.json',
      ],
      ...['./scripts/postinstall.mjs', './skills/new/SKILL.md'],
    ].sort(),
  );
  const contents = await inImage(IMAGE, 'cd /app && cat dist/changed.js dist/control-ui/written.js && ls dist');
  expect(contents.stdout).toContain('changedwritten');
  expect(contents.stdout).not.toContain('old');
  expect(contents.stdout).toMatch(/^empty$/m);
});

it('its script sees and changes dependencies, bundled ones too', async () => {
  const line = `cd /app/node_modules && tail -n 1 is-odd/index.js && cat is-odd/new.js && readlink is-odd/link.js && cat bundled/index.js && ls bundled is-number`;
  const { stdout } = await inImage(IMAGE, line);
  expect(stdout).toContain('// patchednewindex.js\n// bundled // patched');
  expect(stdout).not.toContain('old.js');
  expect(stdout).toMatch(/is-number:\n[\s\S]*index\.js/);
});

it('everybody can read its files, whatever modes they have in the package, and whatever its script gives them', async () => {
  const { stdout } = await inImage(IMAGE, 'find /app ! -type l ! -perm -a+r -o -type d ! -perm -a+rx');
  expect(stdout).toBe('');
});

it('its script has no network', async () => {
  expect((await inImage(IMAGE, 'cat /app/dist/online')).stdout).toBe('false');
});

describe('a build whose layers are not complete', () => {
  const idOf = async (): Promise<string> => (await docker('image', 'inspect', IMAGE, '--format', '{{.Id}}')).stdout;

  it.each([
    ['a link that leads nowhere', "symlinkSync('../packages/ai', 'dist/ai');", '/app/dist/ai'],
    [
      'a command that fails',
      "writeFileSync('openclaw.mjs', '#!/usr/bin/env node\\nthrow new Error(\"no such module\")');",
      'no such module',
    ],
  ])('fails with %s, and the tag stays', async (name, line, expected) => {
    const before = await idOf();
    const script = `import { symlinkSync, writeFileSync } from 'node:fs';\n${line}\n`;
    const archive = await packGateway(folder, name.replaceAll(' ', '-'), {
      ...FILES,
      'scripts/postinstall.mjs': script,
    });
    const failed = await build(archive, '--json');
    expect(failed.exitCode).toBe(1);
    expect(failed.stdout).toContain(expected);
    expect(await idOf()).toBe(before);
    const untested = await build(archive, '--no-smoke');
    expect(untested.exitCode, untested.stderr).toBe(0);
    // It still counts as not tested.
    expect((await build(archive)).exitCode).toBe(1);
  });
});
