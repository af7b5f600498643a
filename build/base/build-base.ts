import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cacheFolder, fillCache } from '../cache-folder.ts';
import type { Platform } from '../oci/platform.ts';
import type { Base } from './base.ts';

/**
 * The base for stages whose results the image only copies: the first base of this name and Node version on this host.
 *
 * A new digest of the base brings new Debian packages, but does not change what these stages produce, so they are not repeated.
 * A new Node version repeats them.
 * @returns a build context that replaces the stage `build-base`
 */
export async function buildBaseContext(base: Base, platforms: readonly Platform[]): Promise<string | undefined> {
  const key = createHash('sha256')
    .update(JSON.stringify([base.kind, base.name, base.nodeVersion, platforms]))
    .digest('hex')
    .slice(0, 12);
  const folder = cacheFolder('bases', `build-${base.nodeVersion}-${key}`);
  const file = join(folder, 'context');
  if (!existsSync(file)) {
    const context = await contextOf(base, folder);
    if (context === undefined) return undefined;
    await writeFileAtomic(file, context);
  }
  return readFile(file, 'utf8');
}

/** @returns undefined for an image that only the engine has: it may be deleted at any time */
async function contextOf({ context, from }: Base, folder: string): Promise<string | undefined> {
  const layout = /^oci-layout:\/\/(.*)@(.*)$/.exec(context ?? '');
  if (layout !== null) {
    await fillCache(folder, (partial) => cp(layout[1] ?? '', join(partial, 'layout'), { recursive: true }));
    return `oci-layout://${join(folder, 'layout')}@${layout[2]}`;
  }
  if (!from.includes('@sha256:')) return undefined;
  await fillCache(folder, async () => {});
  return `docker-image://${from}`;
}
