import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isRunning } from './is-running.ts';
import { WorkError } from './problem.ts';

/**
 * Runs work while no other process of this host uses a folder.
 *
 * @throws WorkError that names the other process
 */
export async function withFolderLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const file = `${folder}.lock`;
  await mkdir(dirname(file), { recursive: true });
  await takeFile(file, folder);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function takeFile(file: string, folder: string): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    // A hard link appears together with its content: every lock names its holder.
    const own = `${file}.${process.pid}`;
    await writeFile(own, String(process.pid));
    try {
      await link(own, file);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      await rm(own, { force: true });
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (attempt > 0 || isRunning(holder)) {
      throw new WorkError({
        kind: 'folder-in-use',
        title: 'Another process uses this folder',
        reason: `Process ${holder} works in ${folder}.`,
        hint: `wait until it ends; if it is not one of this project, remove ${file}`,
      });
    }
    // A killed process left its lock. It is renamed first, because only one process can do that; another would remove a new lock.
    const stale = `${file}.${process.pid}.stale`;
    await rename(file, stale).catch(() => {});
    const isStale = (await readFile(stale, 'utf8').catch(() => '')) === String(holder);
    if (!isStale) await link(stale, file).catch(() => {});
    await rm(stale, { force: true });
  }
}
