import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { withFolderLock } from '../../build/folder-lock.ts';

let folder = '';
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'openclaw-image-lock-')), 'images');
});
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }));

it('lets one process at a time use a folder, and names the other', async () => {
  await withFolderLock(folder, async () => {
    await expect(withFolderLock(folder, async () => 'never')).rejects.toMatchObject({
      failure: {
        kind: 'folder-in-use',
        reason: `Process ${process.pid} works in ${folder}.`,
        hint: expect.stringContaining(`${folder}.lock`),
      },
    });
  });
  expect(await withFolderLock(folder, async () => 'later')).toBe('later');
});

it('gives the folder back after work that fails', async () => {
  await expect(withFolderLock(folder, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(existsSync(`${folder}.lock`)).toBe(false);
});

it('takes over the lock of a killed process', async () => {
  const { stdout: ended } = await execa('sh', ['-c', 'echo $$']);
  await writeFile(`${folder}.lock`, ended);
  expect(await withFolderLock(folder, async () => 'taken')).toBe('taken');
});
