import { lookup } from 'node:dns/promises';
import { join } from 'node:path';
import type { Problem } from '../problem.ts';
import { trimLockfile } from '../steps/trim-lockfile.mjs';
import type { PackageManifest } from './package-manifest.ts';
import { GROUPS, type Importer, type Lockfile, parseLockfile } from './pnpm-files.ts';
import { readSourceFile } from './source-file.ts';

/** The parts of a workspace's lockfile that affect a build. Source: pnpm-lock.yaml, lockfileVersion 9. */
export interface CheckoutLock {
  /** Version of a direct dependency of the workspace's root. */
  readonly versionOf: (name: string) => string | undefined;
  /** Paths in the checkout that the install reads: patches, and packages outside of the workspace. */
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

const LOCKFILE = 'pnpm-lock.yaml';

/**
 * Reads the lockfile, and finds what would make the install fail: dependencies that it does not contain, and packages from
 * unreachable hosts.
 *
 * @param manifests by folder relative to the checkout: `.`, `ui`
 */
export async function readCheckoutLock(
  root: string,
  manifests: ReadonlyMap<string, PackageManifest>,
): Promise<CheckoutLock> {
  const text = await readSourceFile(join(root, LOCKFILE)).catch(() => undefined);
  if (text === undefined) {
    const hint = 'create it with pnpm install';
    return {
      versionOf: () => undefined,
      files: [],
      problems: [{ source: '--source', value: root, reason: `has no ${LOCKFILE}`, hint }],
    };
  }
  const needed = trimLockfile(text, (folder) => manifests.has(folder));
  const lock = await parseLockfile(needed, join(root, LOCKFILE));
  const stale: Problem[] = [];
  for (const [folder, manifest] of manifests) {
    // A .pnpmfile changes manifests, so only pnpm can compare them.
    if (lock.pnpmfileChecksum !== undefined) break;
    const file = folder === '.' ? 'package.json' : `${folder}/package.json`;
    for (const { name, specifier, locked } of differences(manifest, lock.importers?.[folder], lock.overrides ?? {}))
      stale.push({
        source: `${file}:${lineOf(await readSourceFile(join(root, file)), `"${name}"`)}`,
        value: `${name}@${specifier}`,
        reason: `is not in ${LOCKFILE}, which has ${locked ?? 'no such dependency'}`,
        hint: 'run pnpm install in the checkout, and commit the lockfile',
      });
  }
  return {
    versionOf: (name) => {
      for (const group of GROUPS) {
        const version = lock.importers?.['.']?.[group]?.[name]?.version;
        if (version !== undefined) return version.replace(/\(.*$/s, '');
      }
      return undefined;
    },
    files: localFiles(lock),
    problems: [...stale, ...(await unreachableHosts(lock, text))],
  };
}

/** Patches, and packages that the lockfile names by a path. */
function localFiles({ packages = {}, patchedDependencies = {} }: Lockfile): readonly string[] {
  const patches = Object.values(patchedDependencies).map((patch) => (typeof patch === 'string' ? '' : patch.path));
  const local = Object.values(packages).map(({ resolution }) =>
    resolution?.tarball?.startsWith('file:') ? resolution.tarball.slice('file:'.length) : resolution?.directory,
  );
  return [...new Set([...patches, ...local])].flatMap((path = '') =>
    path === '' || path.startsWith('..') ? [] : [path],
  );
}

/** The package that an override replaces: `a>@scope/b@^1` → `@scope/b`. Source: https://pnpm.io/settings#overrides */
const overridden = (selector: string): string => /^(@?[^@]+)/.exec(selector.split('>').at(-1) ?? '')?.[1] ?? selector;

function differences(
  manifest: PackageManifest,
  importer: Importer | undefined,
  overrides: Readonly<Record<string, string>>,
): readonly { readonly name: string; readonly specifier: string; readonly locked: string | undefined }[] {
  // A dependency in several groups is locked in one: optional before production before development.
  const specifiers: Readonly<Record<string, string>> = {
    ...manifest.devDependencies,
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
  };
  const locked: Record<string, string> = {};
  for (const group of GROUPS) {
    for (const [name, { specifier }] of Object.entries(importer?.[group] ?? {})) locked[name] = specifier;
  }
  return Object.entries(specifiers).flatMap(([name, specifier]) => {
    // The lockfile contains the override instead of the specifier in the manifest; `-` removes the dependency.
    const replacements = Object.entries(overrides).flatMap(([selector, to]) =>
      overridden(selector) === name ? [to] : [],
    );
    const isLocked = [specifier, ...replacements].includes(locked[name] ?? '-');
    return isLocked ? [] : [{ name, specifier, locked: locked[name] }];
  });
}

const lineOf = (text: string, part: string): number =>
  text.slice(0, Math.max(0, text.indexOf(part))).split('\n').length;

/** Finds each needed package that comes by URL or git from an unreachable host. Packages from a registry are reachable if the registry is. */
async function unreachableHosts(lock: Lockfile, text: string): Promise<readonly Problem[]> {
  const byHost = new Map<string, { readonly name: string; readonly address: string }[]>();
  for (const [name, { resolution }] of Object.entries(lock.packages ?? {})) {
    const address =
      resolution?.repo ?? (/^https?:/.test(name.replace(/^.+?@(?=https?:)/, '')) ? resolution?.tarball : undefined);
    const host = address === undefined ? undefined : hostOf(address);
    if (address === undefined || host === undefined) continue;
    byHost.set(host, [...(byHost.get(host) ?? []), { name, address }]);
  }
  const proxied = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY'].some((name) => process.env[name] !== undefined);
  const problems = await Promise.all(
    [...byHost].map(async ([host, packages]): Promise<readonly Problem[]> => {
      // Behind a proxy, the proxy resolves names.
      if (proxied) return [];
      const known = await lookup(host).then(
        () => true,
        () => false,
      );
      if (known) return [];
      return packages.map(({ name, address }) => ({
        source: `${LOCKFILE}:${lineOf(text, address)}`,
        value: name,
        reason: `comes from ${host}, which is unreachable`,
        hint: 'build on a host that reaches it, or lock the package from a reachable registry',
      }));
    }),
  );
  return problems.flat();
}

/** `https://codeload.github.com/…`, and the form of git over SSH without a scheme: `git@github.com:owner/name.git`. */
const hostOf = (address: string): string | undefined =>
  URL.canParse(address) ? new URL(address).hostname : /^(?:[\w.-]+@)?([\w.-]+):/.exec(address)?.[1];
