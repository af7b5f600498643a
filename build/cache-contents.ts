import type { Dirent } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, isAbandoned } from './cache-folder.ts';

/** A kind of contents of the cache folder. */
interface CacheKind {
  readonly folder: string;
  readonly holds: string;
  /** Whether each entry can go by itself when it is old; undefined: the folder is kept as a whole. */
  readonly byAge?: true;
}

/** Everything in the cache folder. Everything can be made again; what takes long, or is in use all the time, stays. */
const KINDS: readonly CacheKind[] = [
  { folder: 'gateways', holds: 'packages of the gateway, with their locked dependencies', byAge: true },
  { folder: 'plugins', holds: 'packages of plugins', byAge: true },
  { folder: 'bases', holds: 'bases that were made on this host', byAge: true },
  { folder: 'builds', holds: 'Dockerfiles and records of builds', byAge: true },
  { folder: 'releases', holds: 'images of interrupted releases', byAge: true },
  { folder: 'reproductions', holds: 'images that an interrupted `release reproduce` built again', byAge: true },
  { folder: 'npm', holds: "npm's metadata" },
  { folder: 'engine', holds: 'the private engine, with its images' },
  { folder: 'toolchain', holds: 'Node, pnpm and packages of this project' },
  { folder: 'apt', holds: 'lists and archives of Debian packages' },
  { folder: 'cosign', holds: 'cosign' },
  { folder: 'mmdebstrap', holds: 'the program that makes bases' },
  { folder: 'compile-cache', holds: 'compiled programs of this project' },
];

export interface CacheUse {
  readonly folder: string;
  readonly holds: string;
  readonly entries: number;
  /** Bytes on disk. */
  readonly size: number;
}

/** @returns the use of the disk by kind, the largest first; kinds that are not there are left out */
export async function cacheUse(): Promise<readonly CacheUse[]> {
  const uses = await Promise.all(
    KINDS.map(async ({ folder, holds }) => {
      const path = cacheFolder(folder);
      return { folder, holds, entries: (await entriesOf(path)).length, size: await diskUse(path) };
    }),
  );
  return uses.filter(({ entries }) => entries > 0).sort((a, b) => b.size - a.size);
}

export interface CacheEntry {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  readonly why: 'old' | 'left by a killed run';
}

const DAY = 86_400_000;

/**
 * Finds what can go: entries that no build has used for a while, and what killed runs left.
 *
 * @param days without a use
 */
export async function staleEntries(days: number, now = Date.now()): Promise<readonly CacheEntry[]> {
  const stale: CacheEntry[] = [];
  for (const { folder, byAge } of KINDS) {
    for (const { name } of await entriesOf(cacheFolder(folder))) {
      const path = cacheFolder(folder, name);
      const abandoned = await isAbandoned(path);
      const old = byAge === true && now - (await lastUse(path)) >= days * DAY;
      if (abandoned || old)
        stale.push({ path, size: await diskUse(path), why: abandoned ? 'left by a killed run' : 'old' });
    }
  }
  return stale;
}

export async function removeEntries(entries: readonly CacheEntry[]): Promise<void> {
  for (const { path } of entries) await rm(path, { recursive: true, force: true });
}

const entriesOf = (path: string): Promise<readonly Dirent[]> => readdir(path, { withFileTypes: true }).catch(() => []);

/**
 * The newest time of an entry and of the files in it, in milliseconds since 1970. Reading a folder changes its access time, also in
 * `cache list`, so only that of files counts.
 */
async function lastUse(path: string): Promise<number> {
  const own = await lstat(path).catch(() => undefined);
  const inside = await Promise.all(
    (await entriesOf(path)).map(({ name }) => lstat(join(path, name)).catch(() => undefined)),
  );
  return Math.max(
    0,
    ...[own, ...inside].flatMap((entry) =>
      entry === undefined ? [] : [entry.mtimeMs, ...(entry.isDirectory() ? [] : [entry.atimeMs])],
    ),
  );
}

async function diskUse(path: string): Promise<number> {
  const own = await lstat(path).catch(() => undefined);
  if (own === undefined) return 0;
  let size = own.blocks * 512;
  if (!own.isDirectory()) return size;
  for (const { name } of await entriesOf(path)) size += await diskUse(join(path, name));
  return size;
}
