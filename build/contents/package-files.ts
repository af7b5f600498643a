import { GATEWAY_MANIFEST, type InstalledPackage, installedPackages, npmPackages } from './installed-packages.ts';
import type { MergedLayers } from './merged-layers.ts';

/** The package that a file belongs to. */
export interface FileOwner {
  readonly kind: InstalledPackage['kind'] | 'gateway';
  readonly name: string;
  readonly version: string;
  /** Its folder, without a slash at the end; empty for a package whose files are in many folders. */
  readonly folder: string;
}

/** The lists of files of Debian packages. Source: dpkg(1), "FILES" */
const DPKG_LIST = /^var\/lib\/dpkg\/info\/([^/:]+)(?::[^/]+)?\.list$/;
/** Node has no list of its files. */
const NODE_FILES =
  /^usr\/local\/(?:bin\/node|include\/node\/|share\/doc\/node\/|share\/man\/man1\/node\.1|lib\/node_modules\/corepack\/)/;
/** Folders of Debian's root that are links to the same folders in usr, in most images. */
const MERGED_FOLDER = /^(?:bin|sbin|lib|lib32|lib64)\//;

/** Whether a file says which files belong to a Debian package. */
export const listsFiles = (path: string): boolean => DPKG_LIST.test(path);

/**
 * Finds the package of each file. Pure.
 *
 * @param merged layers with the texts that `namesPackages` and `listsFiles` select
 * @param variables of the image, which name the version of Node: `NODE_VERSION=24.1.0`
 * @returns undefined for a file that no package lists
 */
export function packageOfFiles(
  merged: Pick<MergedLayers, 'files' | 'texts'>,
  variables: readonly string[],
): (path: string) => FileOwner | undefined {
  const installed = installedPackages(merged, variables);
  const folders = new Map<string, FileOwner>();
  for (const { name, version, path = '' } of npmPackages(merged.texts)) {
    const folder = path.slice(0, -'/package.json'.length);
    folders.set(folder, { kind: path === GATEWAY_MANIFEST ? 'gateway' : 'npm', name, version, folder });
  }
  let node: FileOwner | undefined;
  for (const { kind, name, version, path = '' } of installed) {
    if (kind !== 'program') continue;
    if (name === 'node') node = { kind, name, version, folder: '' };
    else folders.set(path, { kind, name, version, folder: path });
  }
  const listed = debianFiles(merged.texts, installed);
  return (path) => {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const owner = folders.get(path.slice(0, end));
      if (owner !== undefined) return owner;
    }
    return listed.get(path) ?? (NODE_FILES.test(path) ? node : undefined);
  };
}

function debianFiles(
  texts: ReadonlyMap<string, string>,
  installed: readonly InstalledPackage[],
): ReadonlyMap<string, FileOwner> {
  const versions = new Map(
    installed.flatMap(({ kind, ...one }) => (kind === 'debian' ? [[one.name, one.version]] : [])),
  );
  const owners = new Map<string, FileOwner>();
  for (const [list, text] of texts) {
    const [, name] = DPKG_LIST.exec(list) ?? [];
    const version = versions.get(name ?? '');
    if (name === undefined || version === undefined) continue;
    const owner: FileOwner = { kind: 'debian', name, version, folder: '' };
    for (const line of text.split('\n')) {
      const path = line.slice(1);
      owners.set(path, owner);
      if (MERGED_FOLDER.test(path)) owners.set(`usr/${path}`, owner);
    }
  }
  return owners;
}
