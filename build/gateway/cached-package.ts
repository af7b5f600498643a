import { createHash } from 'node:crypto';
import { cacheFolder } from '../cache-folder.ts';
import type { ResolvedPackage } from './resolved-package.ts';

/** Increase this number when the format of the cache changes. */
const CACHE_FORMAT = 12;

/** Cache folder of a package; its name contains the version for people and a key of its contents. */
export function cachedFolder(
  kind: 'gateways' | 'plugins',
  { version, integrity, overrides = {}, git = {}, lockfile = '' }: ResolvedPackage,
  name = '',
): string {
  const replaced = Object.entries(overrides).map(([dependency, spec]) => ` ${dependency}=${spec}`);
  const commits = Object.entries(git).map(([dependency, address]) => ` ${dependency}=${address}`);
  const key = createHash('sha256')
    .update(`${CACHE_FORMAT} ${integrity}${replaced.join('')}${commits.join('')}${lockfile}`)
    .digest('hex')
    .slice(0, 16);
  // A recorded lockfile gets a separate folder: otherwise, later locks could start from it.
  const end = lockfile === '' ? '' : '-recorded';
  return cacheFolder(kind, `${name}${name === '' ? '' : '-'}${version}-${key}${end}`);
}
