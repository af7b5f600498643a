import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where everything lives that can be made again: toolchain, private engine, bases, gateways. */
export const cacheFolder = (...parts: readonly string[]): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'openclaw-image', ...parts);

/** Folders that are being filled: what ends this process leaves none of them. */
const partials = new Set<string>();
process.once('exit', () => {
  for (const partial of partials) rmSync(partial, { recursive: true, force: true });
});

/**
 * Fills a cache folder whole or not at all: in a folder beside it, renamed at the end.
 *
 * What is there already when this begins is replaced: the caller has looked, and it was not enough. What another process puts there
 * meanwhile stays: it is the same, and may be in use.
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
