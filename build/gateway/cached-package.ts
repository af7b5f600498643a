import { createHash } from 'node:crypto';
import { cacheFolder } from '../cache-folder.ts';
import type { ResolvedPackage } from './resolved-package.ts';

/** Increase this number when the format of the cache changes. */
const CACHE_FORMAT = 8;

/** Cache folder of a package; its name contains the version for people and a key of the integrity. */
export function cachedFolder(kind: 'gateways' | 'plugins', { version, integrity }: ResolvedPackage, name = ''): string {
  const key = createHash('sha256').update(`${CACHE_FORMAT} ${integrity}`).digest('hex').slice(0, 16);
  return cacheFolder(kind, `${name}${name === '' ? '' : '-'}${version}-${key}`);
}
