import { copyFile, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { $ } from 'zx';
import { ROOT } from '../../support/command.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-unpack-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const unpack = (into: string) =>
  $({
    env: { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') },
  })`${join(ROOT, 'scripts/debian-unpack')} bookworm ${join(folder, into)} hello`;

it('unpacks the archive whose hash the signed list has, not the newest file in the folder', async () => {
  await unpack('first');
  const archives = join(folder, 'cache/openclaw-image/apt/bookworm/debs');
  const [archive = ''] = (await readdir(archives)).filter((name) => name.startsWith('hello_'));
  // An archive with another program, in the place of apt's and under a newer version.
  await $`dpkg-deb -R ${join(archives, archive)} ${join(folder, 'contents')}`;
  await mkdir(join(folder, 'contents/usr/bin'), { recursive: true });
  await writeFile(join(folder, 'contents/usr/bin/planted'), '');
  await $`dpkg-deb -b ${join(folder, 'contents')} ${join(archives, archive)}`;
  await copyFile(join(archives, archive), join(archives, 'hello_99_amd64.deb'));
  const tomorrow = new Date(Date.now() + 86_400_000);
  for (const name of [archive, 'hello_99_amd64.deb']) await utimes(join(archives, name), tomorrow, tomorrow);
  await unpack('second');
  expect(await readdir(join(folder, 'second/usr/bin'))).toEqual(await readdir(join(folder, 'first/usr/bin')));
});
