import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { baseFolder } from './home-folder.ts';

/** Path in the cache folder, whose contents can be deleted at any time: toolchain, private engine, bases, gateways. */
export const cacheFolder = (...parts: readonly string[]): string =>
  join(baseFolder('XDG_CACHE_HOME', '.cache'), ...parts);

/** Incomplete folders. They are removed when this process ends. */
const partials = new Set<string>();
process.once('exit', () => {
  for (const partial of partials) rmSync(partial, { recursive: true, force: true });
});

/**
 * Fills a cache folder completely or not at all: in a temporary folder, which is renamed at the end.
 *
 * An existing folder is replaced, because the caller found it insufficient. A folder that another process creates meanwhile stays: it
 * has the same contents, and may be in use.
 */
export async function fillCache<T>(folder: string, fill: (partial: string) => Promise<T>): Promise<T> {
  await mkdir(dirname(folder), { recursive: true });
  if (existsSync(folder)) await rm(folder, { recursive: true, force: true });
  const partial = await mkdtemp(`${folder}.partial-`);
  partials.add(partial);
  try {
    const value = await fill(partial);
    await rename(partial, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    });
    return value;
  } finally {
    partials.delete(partial);
    await rm(partial, { recursive: true, force: true });
  }
}
