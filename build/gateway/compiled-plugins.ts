import { statSync } from 'node:fs';
import { join } from 'node:path';
import { packageImports } from './local-imports.ts';
import type { PackageManifest } from './package-manifest.ts';
import { readManifest } from './workspace-packages.ts';

/**
 * The plugins whose dependencies the server's build compiles into the server: its sources import a file of the plugin, and that file, or
 * one that it imports, imports a package that only the plugin declares. Without the package the build would end well, and the gateway would
 * not start. So it is in releases 2026.3.22 to 2026.3.31.
 *
 * @param root the checkout
 * @param imported what the server's sources import from other folders
 * @param gateway the manifest of the checkout
 * @returns folders: `extensions/telegram`
 */
export async function compiledPlugins(
  root: string,
  imported: readonly string[],
  gateway: PackageManifest,
): Promise<readonly string[]> {
  const files = imported.filter(
    (path) => IN_PLUGIN.test(path) && IS_CODE.test(path) && statSync(join(root, path)).isFile(),
  );
  const names = new Map<string, Set<string>>();
  for (const [file, packages] of await packageImports(root, files)) {
    const folder = IN_PLUGIN.exec(file)?.[1];
    if (folder !== undefined) names.set(folder, (names.get(folder) ?? new Set()).union(new Set(packages)));
  }
  const declared = declaredBy(gateway);
  const compiled: string[] = [];
  for (const [folder, packages] of names) {
    const own = declaredBy(await readManifest(root, folder).catch(() => undefined));
    if ([...packages].some((name) => own.has(name) && !declared.has(name))) compiled.push(folder);
  }
  return compiled.sort();
}

const IN_PLUGIN = /^(extensions\/[^/]+)\//;
const IS_CODE = /\.[cm]?[jt]sx?$/;

const declaredBy = ({
  dependencies,
  optionalDependencies,
  devDependencies,
}: Partial<PackageManifest> = {}): ReadonlySet<string> =>
  new Set(Object.keys({ ...devDependencies, ...dependencies, ...optionalDependencies }));
