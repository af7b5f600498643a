import { validRange } from 'semver';
import { explainNpmError, type NpmOptions } from './npm.ts';
import { parsePackageJson } from './package-json.ts';
import type { DependencyManifest } from './package-manifest.ts';

const SCRIPT = 'scripts/postinstall-bundled-plugins.mjs';
const PLUGIN_PACKAGE = /^dist\/extensions\/[^/]+\/package\.json$/;

/** The files of a package that say what its install script installs. */
export const SCRIPT_FILES: readonly RegExp[] = [/^scripts\/postinstall-bundled-plugins\.mjs$/, PLUGIN_PACKAGE];

export type ScriptDependencies = Pick<DependencyManifest, 'dependencies' | 'optionalDependencies'>;

/**
 * The dependencies of plugins that the gateway's own install script would fetch from npm, as releases 2026.3.31 to 2026.4.15 do. They are
 * locked and installed with those of the gateway: then the script, which has no network, finds nothing missing.
 *
 * Source: `discoverBundledPluginRuntimeDeps` in that script. The first plugin that names a dependency decides its version.
 * @param files of the package, by path
 */
export function scriptDependencies(files: ReadonlyMap<string, string>): ScriptDependencies {
  const found: { dependencies: Record<string, string>; optionalDependencies: Record<string, string> } = {
    dependencies: {},
    optionalDependencies: {},
  };
  // Later releases install them when the gateway starts, or contain them.
  if (files.get(SCRIPT)?.includes('--omit=dev') !== true) return found;
  for (const path of [...files.keys()].filter((name) => PLUGIN_PACKAGE.test(name)).sort()) {
    const manifest = parsePackageJson(files.get(path) ?? '{}', path);
    for (const group of ['dependencies', 'optionalDependencies'] as const) {
      for (const [name, spec] of Object.entries(manifest[group] ?? {})) {
        const isKnown = Object.hasOwn(found.dependencies, name) || Object.hasOwn(found.optionalDependencies, name);
        // Others are files of the workspace, or repositories.
        if (!isKnown && (validRange(spec) !== null || spec.startsWith('npm:'))) found[group][name] = spec;
      }
    }
  }
  return found;
}

/**
 * Leaves out the packages that depend on a package which cannot be had.
 *
 * @param missing name of that package
 */
export async function withoutParents(
  { dependencies, optionalDependencies }: ScriptDependencies,
  missing: string,
  npm: NpmOptions,
): Promise<ScriptDependencies> {
  const { default: pacote } = await import('pacote');
  const without = async (group: Readonly<Record<string, string>>): Promise<Readonly<Record<string, string>>> => {
    const kept = await Promise.all(
      Object.entries(group).map(async ([name, spec]) => {
        const manifest = await pacote.manifest(`${name}@${spec}`, npm).catch((error: unknown) => {
          throw explainNpmError(error, `${name}@${spec}`);
        });
        return Object.hasOwn(manifest.dependencies ?? {}, missing) ? [] : [[name, spec] as const];
      }),
    );
    return Object.fromEntries(kept.flat());
  };
  return { dependencies: await without(dependencies), optionalDependencies: await without(optionalDependencies) };
}

/** Adds dependencies that a manifest does not have. */
export function withDependencies(manifest: DependencyManifest, more: ScriptDependencies): DependencyManifest {
  const missing = (group: keyof ScriptDependencies): Readonly<Record<string, string>> =>
    Object.fromEntries(
      Object.entries(more[group]).filter(
        ([name]) => !Object.hasOwn(manifest.dependencies, name) && !Object.hasOwn(manifest.optionalDependencies, name),
      ),
    );
  return {
    ...manifest,
    dependencies: { ...manifest.dependencies, ...missing('dependencies') },
    optionalDependencies: { ...manifest.optionalDependencies, ...missing('optionalDependencies') },
  };
}
