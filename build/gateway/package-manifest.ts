import hostedGit from 'hosted-git-info';
import { satisfies } from 'semver';
import { withoutLogin } from './npm.ts';
import { parseWorkspace } from './pnpm-files.ts';

/** The fields of a package.json that affect an image. */
export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly description?: string;
  readonly license?: string;
  readonly homepage?: string;
  readonly repository?: string | { readonly url?: string };
  readonly engines?: { readonly node?: string };
  readonly scripts?: Readonly<Record<string, string>>;
  /** `pnpm@10.23.0+sha512.…`. Source: https://nodejs.org/api/packages.html#packagemanager */
  readonly packageManager?: string;
  /** Source: https://docs.npmjs.com/cli/configuring-npm/package-json#devengines */
  readonly devEngines?: { readonly packageManager?: { readonly name?: string; readonly version?: string } };
  readonly main?: string;
  readonly exports?: unknown;
  readonly bin?: string | Readonly<Record<string, string>>;
  /** The files that npm packs. */
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly bundleDependencies?: readonly string[] | boolean;
  readonly bundledDependencies?: readonly string[] | boolean;
  readonly openclaw?: { readonly assetScripts?: Readonly<Record<string, string>> };
  readonly pnpm?: {
    readonly onlyBuiltDependencies?: readonly string[];
    readonly patchedDependencies?: Readonly<Record<string, string>>;
  };
}

/** The dependencies of a package, without anything that changes with its version: the key of the dependency layers. */
export interface DependencyManifest {
  readonly private: true;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  /** Replacements of dependencies at any depth. Source: https://docs.npmjs.com/cli/configuring-npm/package-json#overrides */
  readonly overrides?: Readonly<Record<string, string>>;
  /** npm 11's list of packages whose install scripts may run (`npm help install-scripts`). */
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}

/**
 * Replaces dependencies: those of the gateway itself in their place, because npm refuses an override of a direct dependency, and those
 * of other packages by npm's `overrides`.
 */
export function withOverrides(
  manifest: DependencyManifest,
  overrides: Readonly<Record<string, string>> = {},
): DependencyManifest {
  const replaced = (dependencies: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.entries(dependencies).map(([name, spec]) => [name, overrides[name] ?? spec]));
  if (Object.keys(overrides).length === 0) return manifest;
  const dependencies = replaced(manifest.dependencies);
  const optionalDependencies = replaced(manifest.optionalDependencies);
  return { ...manifest, dependencies, optionalDependencies, overrides };
}

/**
 * The dependencies whose install scripts the gateway allows: `allowBuilds` or `onlyBuiltDependencies` in its
 * pnpm-workspace.yaml, or `pnpm.onlyBuiltDependencies` in its package.json.
 *
 * @param withScripts names of the dependencies that have install scripts
 * @param versions their locked versions, by name
 * @returns those that may run; all of them if the gateway has no such list, as in npm
 */
export async function allowedScripts(
  manifest: PackageManifest,
  workspaceYaml: string | undefined,
  withScripts: readonly string[],
  versions: ReadonlyMap<string, readonly string[]> = new Map(),
): Promise<readonly string[]> {
  const workspace = await parseWorkspace(workspaceYaml ?? '', 'pnpm-workspace.yaml of the gateway');
  const { allowBuilds, neverBuiltDependencies: never = [], dangerouslyAllowAllBuilds: all } = workspace;
  const built = workspace.onlyBuiltDependencies ?? manifest.pnpm?.onlyBuiltDependencies;
  const allowed = Object.entries(allowBuilds ?? {}).flatMap(([entry, value]) => (value === true ? [entry] : []));
  const list = allowBuilds === undefined ? built : allowed;
  /** An entry can name versions: `esbuild@0.27.0 || 0.28.0`. Source: https://pnpm.io/settings#allowbuilds */
  const isNamed = (entry: string, name: string): boolean => {
    const at = entry.indexOf('@', 1);
    if (at < 0) return entry === name;
    return entry.slice(0, at) === name && (versions.get(name) ?? []).every((of) => satisfies(of, entry.slice(at + 1)));
  };
  return withScripts.filter(
    (name) =>
      !never.includes(name) && (all === true || list === undefined || list.some((entry) => isNamed(entry, name))),
  );
}

/** The text of a dependency manifest that allows install scripts of the allowed packages only. */
export function withAllowedScripts(
  manifest: DependencyManifest,
  withScripts: readonly string[],
  allowed: readonly string[],
): string {
  const allowScripts = Object.fromEntries(withScripts.map((name) => [name, allowed.includes(name)]));
  return `${JSON.stringify({ ...manifest, allowScripts }, null, 2)}\n`;
}

/** The scripts that npm runs when it installs a package (https://docs.npmjs.com/cli/v11/using-npm/scripts#npm-install). */
export const ownInstallScripts = (manifest: PackageManifest): readonly string[] =>
  ['preinstall', 'install', 'postinstall'].filter((name) => manifest.scripts?.[name] !== undefined);

/** Releases before 2026.3 do not name their repository. */
const GATEWAY_REPOSITORY = 'https://github.com/openclaw/openclaw';

/** `git+https://github.com/o/r.git`, `gitlab:o/r` → `https://github.com/o/r`, `https://gitlab.com/o/r`. */
export function repositoryUrl(manifest: PackageManifest): string {
  const url = typeof manifest.repository === 'string' ? manifest.repository : (manifest.repository?.url ?? '');
  if (url === '') return GATEWAY_REPOSITORY;
  const known = hostedGit.fromUrl(url)?.browse({ noCommittish: true });
  if (known !== undefined) return known;
  return withoutLogin(
    url
      .replace(/^git\+/, '')
      .replace(/^(?:git|ssh):\/\//, 'https://')
      .replace(/^git@([\w.-]+):/, 'https://$1/'),
  ).replace(/\.git$/, '');
}

/** The address of the gateway's site, for an annotation that everybody reads. */
const homepageUrl = (manifest: PackageManifest): string =>
  manifest.homepage?.startsWith('https://') === true ? withoutLogin(manifest.homepage) : repositoryUrl(manifest);

/** The properties of a gateway that its manifest names. */
export const describedBy = (manifest: PackageManifest) => ({
  version: manifest.version,
  nodeRange: manifest.engines?.node ?? '*',
  description: manifest.description ?? '',
  license: manifest.license ?? '',
  homepage: homepageUrl(manifest),
  repository: repositoryUrl(manifest),
});
