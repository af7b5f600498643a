import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cacheUse, removeEntries, staleEntries } from '../../build/cache-contents.ts';
import { explainFolderError, fillCache } from '../../build/cache-folder.ts';

let folder = '';
let before: string | undefined;
beforeEach(async () => {
  before = process.env['XDG_CACHE_HOME'];
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-cache-'));
  process.env['XDG_CACHE_HOME'] = folder;
});
afterEach(async () => {
  if (before === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = before;
  await rm(folder, { recursive: true, force: true });
});

/** Writes a file in the cache. @param days since its last use */
async function put(path: string, days: number, content = 'x'): Promise<void> {
  const file = join(folder, 'openclaw-image', path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  const time = new Date(Date.now() - days * 86_400_000);
  for (const part of [file, dirname(file)]) await utimes(part, time, time);
}

it('is empty if there is no cache folder', async () => {
  expect(await cacheUse()).toEqual([]);
  expect(await staleEntries(0)).toEqual([]);
});

it('removes what is old, and what killed runs left, but no engine and no toolchain', async () => {
  await put('gateways/2026.9.5-a/package.tgz', 40);
  await put('gateways/2026.9.6-b/package.tgz', 1);
  await put('bases/slim.partial-Xy12/file', 1);
  await put('engine/data/file', 400);
  await put('toolchain/1/file', 400);
  const stale = await staleEntries(30);
  expect(stale.map(({ path, why }) => [path.slice(folder.length + '/openclaw-image/'.length), why])).toEqual([
    ['gateways/2026.9.5-a', 'old'],
    ['bases/slim.partial-Xy12', 'left by a killed run'],
  ]);
  await removeEntries(stale);
  expect(await readdir(join(folder, 'openclaw-image/gateways'))).toEqual(['2026.9.6-b']);
  expect(await readdir(join(folder, 'openclaw-image/bases'))).toEqual([]);
});

it('does not take its own listing for a use', async () => {
  await put('gateways/2026.9.5-a/package.tgz', 40);
  await cacheUse();
  expect((await staleEntries(30)).length).toBe(1);
  expect((await staleEntries(30)).length).toBe(1);
});

it('keeps what a run is writing now', async () => {
  await put('bases/slim.partial-Xy12/file', 0);
  expect(await staleEntries(30)).toEqual([]);
});

it('shows the size of each kind, the largest first', async () => {
  await put('gateways/a/package.tgz', 0, 'x'.repeat(100_000));
  await put('plugins/a/package.tgz', 0);
  const uses = await cacheUse();
  expect(uses.map(({ folder: kind, entries }) => [kind, entries])).toEqual([
    ['gateways', 1],
    ['plugins', 1],
  ]);
  expect(uses[0]?.size).toBeGreaterThanOrEqual(100_000);
});

it('is swept of what killed runs left when the next run fills a folder', async () => {
  await put('bases/slim.partial-Xy12/file', 1);
  await put('bases/slim.partial-Zz34/file', 0);
  await fillCache(join(folder, 'openclaw-image/bases/slim'), async () => {});
  expect(await readdir(join(folder, 'openclaw-image/bases'))).toEqual(['slim', 'slim.partial-Zz34']);
});

it.each([
  ['EROFS', 'folder-unwritable', 'cannot be written'],
  ['EACCES', 'folder-unwritable', 'may not be written by this user'],
  ['ENOSPC', 'disk-full', 'full'],
])('explains %s in the cache folder, and leaves other errors as they are', (code, kind, why) => {
  const at = (path: string) => explainFolderError(Object.assign(new Error(code), { code, path }));
  expect(at(join(folder, 'openclaw-image/builds/a'))).toMatchObject({
    failure: { kind, reason: expect.stringContaining(why), hint: expect.stringContaining('XDG_CACHE_HOME=') },
  });
  expect(at('/etc/x')).not.toHaveProperty('failure');
});
