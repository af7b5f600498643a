import { glob } from 'node:fs/promises';
import { dirname, join, matchesGlob } from 'node:path';
import type { WorkspaceDependency } from './gateway.ts';
import { parsePackageJson } from './package-json.ts';
import type { PackageManifest } from './package-manifest.ts';
import type { Workspace } from './pnpm-files.ts';
import { readSourceFile } from './source-file.ts';

/**
 * The workspace packages that the builds need: the root, `ui`, `packages/*`, the given plugins, plugins whose scripts the server's build
 * runs, and those that any of these needs. Other plugins are left out, so that their dependencies are not installed.
 *
 * @param plugins folders of plugins: the requested ones, and those that the server's build compiles into the server
 */
export async function workspacePackages(
  root: string,
  workspace: Workspace,
  plugins: readonly string[],
): Promise<readonly string[]> {
  // pnpm takes `./a/` as `a`.
  const packages = (workspace.packages ?? []).map((pattern) =>
    pattern.replace(/^(!?)(?:\.\/)+/, '$1').replace(/\/$/, ''),
  );
  const excluded = packages.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : []));
  const manifests = new Map([['.', await readManifest(root, '.')]]);
  const folders = new Set<string>(['.']);
  for (const pattern of packages.filter((candidate) => !['', '.'].includes(candidate) && !candidate.startsWith('!'))) {
    for await (const file of glob(`${pattern}/package.json`, { cwd: root })) {
      const folder = dirname(file);
      if (folder === '.' || folder.includes('node_modules') || excluded.some((other) => matchesGlob(folder, other)))
        continue;
      const [top] = folder.split('/');
      const manifest = await readManifest(root, folder);
      manifests.set(folder, manifest);
      if (top !== 'extensions' || plugins.includes(folder) || hasAssetScripts(manifest)) folders.add(folder);
    }
  }
  // Iterating over a set includes the elements that are added meanwhile.
  for (const folder of folders)
    for (const needed of neededFolders(manifests.get(folder), manifests)) folders.add(needed);
  return [...folders].sort();
}

/** The folders of the workspace packages that a package needs at run time. */
const neededFolders = (
  manifest: PackageManifest | undefined,
  manifests: ReadonlyMap<string, PackageManifest>,
): readonly string[] => linkedFolders({ ...manifest?.dependencies, ...manifest?.optionalDependencies }, manifests);

/**
 * The folders of the workspace packages that the gateway, or a package that it needs, has as development dependencies. pnpm checks their
 * versions in every install.
 */
export const developmentFolders = (
  manifests: ReadonlyMap<string, PackageManifest>,
  needed: readonly WorkspaceDependency[],
): readonly string[] =>
  ['.', ...needed.map(({ folder }) => folder)].flatMap((folder) =>
    linkedFolders(manifests.get(folder)?.devDependencies ?? {}, manifests),
  );

function linkedFolders(
  dependencies: Readonly<Record<string, string>>,
  manifests: ReadonlyMap<string, PackageManifest>,
): readonly string[] {
  const folderOf = new Map([...manifests].map(([folder, { name }]) => [name, folder]));
  return Object.entries(dependencies).flatMap(([name, range]) => {
    const folder = folderOf.get(/^workspace:(@?[^@]+)@/.exec(range)?.[1] ?? name);
    return /^(workspace|link|file):/.test(range) && folder !== undefined ? [folder] : [];
  });
}

/** The manifest of a workspace package. */
export async function readManifest(root: string, folder: string): Promise<PackageManifest> {
  const file = join(root, folder, 'package.json');
  return parsePackageJson(await readSourceFile(file), file);
}

/** Whether the server's build runs scripts of a plugin, which need its dependencies. Source: scripts/bundled-plugin-assets.mjs of the gateway */
export const hasAssetScripts = ({ openclaw }: PackageManifest): boolean => openclaw?.assetScripts !== undefined;

/**
 * The folders of the checkout that the gateway and the requested plugins need at run time: workspace packages, and others that a
 * dependency names by `link:`. pnpm links them into `node_modules`, so they belong in the image.
 *
 * @param manifests by folder; the gateway's own is `.`
 * @param links of the lockfile: the folders that each package leads to
 * @param plugins folders of the requested plugins
 */
export function workspaceDependencies(
  manifests: ReadonlyMap<string, PackageManifest>,
  links: ReadonlyMap<string, readonly string[]> = new Map(),
  plugins: readonly string[] = [],
): readonly WorkspaceDependency[] {
  const needed = new Map<string, WorkspaceDependency>();
  const visit = (from: string): void => {
    for (const folder of [...neededFolders(manifests.get(from), manifests), ...(links.get(from) ?? [])]) {
      if (folder === '.' || needed.has(folder)) continue;
      const packed = manifests.get(folder);
      const entry = entryOf(packed);
      needed.set(folder, { folder, files: filesToCopy(packed), ...(entry === undefined ? {} : { entry }) });
      visit(folder);
    }
  };
  for (const root of ['.', ...plugins]) visit(root);
  return [...needed.values()].sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** The file that an import of a package loads. Source: https://nodejs.org/api/packages.html#package-entry-points */
function entryOf({ main, exports }: PackageManifest = { name: '', version: '' }): string | undefined {
  const target = exports !== null && typeof exports === 'object' && '.' in exports ? exports['.'] : exports;
  const path = exports === undefined ? main : conditional(target);
  return path === undefined || !/^\.?\/?[\w@][\w./@-]*\.[cm]?js$/.test(path) ? undefined : path.replace(/^\.\//, '');
}

/** The path for an import on Node. Conditions have priority in their order. */
function conditional(target: unknown): string | undefined {
  if (typeof target === 'string') return target;
  if (target === null || typeof target !== 'object' || Array.isArray(target)) return undefined;
  const chosen = Object.entries(target).find(([condition]) => ['node', 'import', 'default'].includes(condition));
  return conditional(chosen?.[1]);
}

/** npm always packs package.json and the files that it names. @returns nothing for all files: no list, or one that begins with a glob */
function filesToCopy(manifest: PackageManifest | undefined): readonly string[] {
  const { files, main, bin = {} } = manifest ?? {};
  if (files === undefined || files.some((pattern) => /^(?:\.?\/)?[*?{[]/.test(pattern))) return [];
  const named = [main ?? '', ...(typeof bin === 'string' ? [bin] : Object.values(bin))];
  return [...new Set(['package.json', ...packedPaths([...files, ...named])])];
}

/** A pattern with a glob in its first part, or `./`, which may name any top-level entry; or one that excludes a whole one. */
const IS_GLOB_AT_TOP = /^(?:\.?\/)?[^/!]*[*?[\]{}]|^\.?\/?$|^!(?:\.?\/)?[^/]+(?:\/\**)*$/;

/**
 * The files and folders that npm packs of a gateway before its build, at least. The list of npm itself costs a second, so it decides only
 * where a pattern may name any top-level entry.
 */
export async function packedByNpm(root: string, manifest: PackageManifest): Promise<readonly string[]> {
  const { files } = manifest;
  if (files !== undefined && !files.some((pattern) => IS_GLOB_AT_TOP.test(pattern))) return packedPaths(files);
  const { default: packlist } = await import('npm-packlist');
  // It would look for bundled dependencies in node_modules, which a checkout does not have.
  const { bundleDependencies: _, bundledDependencies: __, ...others } = manifest;
  // npm 11 takes `./` as everything.
  const patterns = files?.map((pattern) => (pattern === './' ? '*' : pattern));
  const described = patterns === undefined ? others : { ...others, files: patterns };
  const tree = { path: root, realpath: root, package: described, isProjectRoot: true, edgesOut: new Map() };
  const packed = await packlist(tree as unknown as Parameters<typeof packlist>[0]);
  return [...new Set(packed.map((path) => path.split('/')[0] ?? ''))].sort();
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
