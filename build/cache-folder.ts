import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { baseFolder } from './home-folder.ts';
import { WorkError } from './problem.ts';

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
  await sweepPartials(dirname(folder));
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

const HOUR = 3_600_000;

/** Whether a killed run left this incomplete folder. A folder that another process fills now is younger than an hour. */
export async function isAbandoned(path: string): Promise<boolean> {
  if (!/\.partial-\w+$/.test(path) || partials.has(path)) return false;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
  return Date.now() - mtimeMs > HOUR;
}

async function sweepPartials(parent: string): Promise<void> {
  for (const name of await readdir(parent))
    if (await isAbandoned(join(parent, name))) await rm(join(parent, name), { recursive: true, force: true });
}

const UNWRITABLE: Readonly<Record<string, string>> = {
  EROFS: 'is on a file system that cannot be written',
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  ENOSPC: 'is on a disk that is full',
  EDQUOT: 'is on a disk whose quota is used up',
  ENOTDIR: 'is not a folder',
};

/** Explains an error of the file system in the cache folder or the state folder; returns every other error as it is. */
export function explainFolderError(error: unknown): unknown {
  const { code = '', path = '' } = (error ?? {}) as { readonly code?: string; readonly path?: string };
  const why = Object.hasOwn(UNWRITABLE, code) ? UNWRITABLE[code] : undefined;
  const folder = FOLDERS.find(({ variable, fallback }) =>
    `${path}/`.startsWith(`${baseFolder(variable, ...fallback)}/`),
  );
  if (why === undefined || folder === undefined || error instanceof WorkError) return error;
  const what = baseFolder(folder.variable, ...folder.fallback);
  return new WorkError(
    {
      kind: code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'folder-unwritable',
      title: `The ${folder.name} folder cannot be written`,
      reason: `${what} ${why} (${code}: ${path}).`,
      hint: `free space or correct its owner (scripts/run cache list shows its use), or name another folder: ${folder.variable}=/other/folder`,
    },
    { cause: error },
  );
}

const FOLDERS = [
  { name: 'cache', variable: 'XDG_CACHE_HOME', fallback: ['.cache'] },
  { name: 'state', variable: 'XDG_STATE_HOME', fallback: ['.local', 'state'] },
] as const;
