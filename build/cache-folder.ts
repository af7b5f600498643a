import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Path in the cache folder, whose contents can be deleted at any time: toolchain, private engine, bases, gateways. */
export const cacheFolder = (...parts: readonly string[]): string =>
  // An empty variable counts as unset, as in the shell scripts.
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'openclaw-image', ...parts);

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
