import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkspaceDependency } from './gateway.ts';
import { parsePackageJson } from './package-json.ts';
import type { PackageManifest } from './package-manifest.ts';
import { parseWorkspace } from './pnpm-files.ts';
import { readSourceFile } from './source-file.ts';

/**
 * The workspace packages that the builds need: the root, `ui`, `packages/*`, the requested plugins, and plugins whose scripts the server's
 * build runs. Other plugins are left out, so that their dependencies are not installed.
 */
export async function workspacePackages(root: string, selected: readonly string[]): Promise<readonly string[]> {
  const file = join(root, 'pnpm-workspace.yaml');
  const { packages } = await parseWorkspace(await readSourceFile(file), file);
  const folders = new Set<string>(['.']);
  for (const pattern of (packages ?? []).filter((candidate) => candidate !== '.' && !candidate.startsWith('!'))) {
    for await (const file of glob(`${pattern}/package.json`, { cwd: root })) {
      const folder = file.replace(/\/package\.json$/, '');
      const [top = '', name = ''] = folder.split('/');
      if (folder.includes('node_modules')) continue;
      if (top === 'extensions' && !selected.includes(name) && !hasAssetScripts(await readManifest(root, folder)))
        continue;
      folders.add(folder);
    }
  }
  return [...folders].sort();
}

/** The manifest of a workspace package. */
export async function readManifest(root: string, folder: string): Promise<PackageManifest> {
  const file = join(root, folder, 'package.json');
  return parsePackageJson(await readSourceFile(file), file);
}

/** Whether the server's build runs scripts of a plugin, which need its dependencies. Source: scripts/bundled-plugin-assets.mjs of the gateway */
export const hasAssetScripts = ({ openclaw }: PackageManifest): boolean => openclaw?.assetScripts !== undefined;

/**
 * The workspace packages that the gateway needs at run time. pnpm links them into `node_modules`, so their folders belong in the image.
 *
 * @param manifests by folder; the gateway's own is `.`
 */
export function workspaceDependencies(manifests: ReadonlyMap<string, PackageManifest>): readonly WorkspaceDependency[] {
  const folderOf = new Map([...manifests].map(([folder, { name }]) => [name, folder]));
  const needed = new Map<string, WorkspaceDependency>();
  const visit = (manifest: PackageManifest | undefined): void => {
    const dependencies = { ...manifest?.dependencies, ...manifest?.optionalDependencies };
    for (const [name, range] of Object.entries(dependencies)) {
      const folder = folderOf.get(/^workspace:(@?[^@]+)@/.exec(range)?.[1] ?? name);
      if (!/^(workspace|link|file):/.test(range) || folder === undefined || folder === '.' || needed.has(folder))
        continue;
      const packed = manifests.get(folder);
      needed.set(folder, { folder, files: filesToCopy(packed) });
      visit(packed);
    }
  };
  visit(manifests.get('.'));
  return [...needed.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** npm always packs package.json and the files that it names. @returns nothing for all files: no list, or one that begins with a glob */
function filesToCopy(manifest: PackageManifest | undefined): readonly string[] {
  const { files, main, bin = {} } = manifest ?? {};
  if (files === undefined || files.some((pattern) => /^(?:\.?\/)?[*?{[]/.test(pattern))) return [];
  const named = [main ?? '', ...(typeof bin === 'string' ? [bin] : Object.values(bin))];
  return [...new Set(['package.json', ...packedPaths([...files, ...named])])];
}

/**
 * The files and folders that `files` in a package.json names, without globs: `docs/**` is `docs`. A pattern that excludes files only makes
 * a package smaller. Source: https://docs.npmjs.com/cli/configuring-npm/package-json#files
 */
export const packedPaths = (patterns: readonly string[]): readonly string[] =>
  patterns
    .filter((pattern) => !pattern.startsWith('!'))
    .map((pattern) => {
      const parts = pattern.replace(/^\.?\//, '').split('/');
      const glob = parts.findIndex((part) => /[*?[\]{}]/.test(part));
      return (glob < 0 ? parts : parts.slice(0, glob)).filter((part) => part !== '').join('/');
    })
    .filter((path) => path !== '' && !path.split('/').includes('..'));
