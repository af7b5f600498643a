import { connect } from 'node:net';
import { join, matchesGlob, normalize } from 'node:path';
import { PROXY_VARIABLES } from '../engine/buildx.ts';
import type { Problem } from '../problem.ts';
import { replaceInLockfile, trimLockfile } from '../steps/trim-lockfile.mjs';
import { overrideFor, splitDependency } from './npm.ts';
import type { PackageManifest } from './package-manifest.ts';
import { GROUPS, type Importer, type Lockfile, lockedVersions, overridden, parseLockfile } from './pnpm-files.ts';
import { type LockedReplacement, lockReplacements, notReplaced, type Replacement } from './replaced-package.ts';
import { readSourceFile } from './source-file.ts';

/** The parts of a workspace's lockfile that affect a build. Source: pnpm-lock.yaml, lockfileVersion 9. */
export interface CheckoutLock {
  /** Folders that the production dependencies of a workspace package lead to, whatever its manifest calls them; by folder of the package. */
  readonly links: ReadonlyMap<string, readonly string[]>;
  /** Version of a direct dependency of the workspace's root. */
  readonly versionOf: (name: string) => string | undefined;
  /** Paths in the checkout that the install reads: patches, and packages outside of the workspace. */
  readonly files: readonly string[];
  readonly replacements: readonly LockedReplacement[];
  readonly problems: readonly Problem[];
}

const LOCKFILE = 'pnpm-lock.yaml';

/**
 * Reads the lockfile, and finds what would make the install fail: dependencies that it does not contain, and packages from
 * unreachable hosts.
 *
 * @param manifests by folder relative to the checkout: `.`, `ui`
 * @param replacements of its dependencies, by the user
 */
export async function readCheckoutLock(
  root: string,
  manifests: ReadonlyMap<string, PackageManifest>,
  replacements: readonly Replacement[],
): Promise<CheckoutLock> {
  const text = await readSourceFile(join(root, LOCKFILE)).catch(() => undefined);
  if (text === undefined) {
    const hint = 'create it with pnpm install';
    return {
      links: new Map(),
      versionOf: () => undefined,
      files: [],
      replacements: [],
      problems: [{ source: '--source', value: root, reason: `has no ${LOCKFILE}`, hint }],
    };
  }
  const isInstalled = (folder: string): boolean => manifests.has(folder);
  const original = await parseLockfile(trimLockfile(text, isInstalled), join(root, LOCKFILE));
  const { locked, problems: impossible } = lockReplacements(original, text, replacements);
  const replaced = trimLockfile(replaceInLockfile(text, locked), isInstalled);
  const lock = locked.length === 0 ? original : await parseLockfile(replaced, join(root, LOCKFILE));
  const stale: Problem[] = [];
  for (const [folder, manifest] of manifests) {
    // A .pnpmfile changes manifests, so only pnpm can compare them.
    if (lock.pnpmfileChecksum !== undefined) break;
    const file = folder === '.' ? 'package.json' : `${folder}/package.json`;
    for (const { name, specifier, locked } of differences(manifest, lock.importers?.[folder], lock))
      stale.push({
        source: `${file}:${lineOf(await readSourceFile(join(root, file)), `"${name}"`)}`,
        value: `${name}@${specifier}`,
        reason: `is not in ${LOCKFILE}, which has ${locked ?? 'no such dependency'}`,
        hint: 'run pnpm install in the checkout, and commit the lockfile',
      });
  }
  return {
    links: linksOf(lock),
    versionOf: (name) => {
      for (const group of GROUPS) {
        const version = lock.importers?.['.']?.[group]?.[name]?.version;
        if (version !== undefined) return version.replace(/\(.*$/s, '');
      }
      return undefined;
    },
    files: localFiles(lock),
    replacements: locked,
    problems: [...stale, ...impossible, ...notReplaced(lock, locked), ...(await unreachableHosts(lock, text))],
  };
}

/** A dependency of the form `link:../x`, by a range or an override too, is a folder of the checkout. */
function linksOf({ importers = {} }: Lockfile): CheckoutLock['links'] {
  const foldersOf = (folder: string, importer: Importer): readonly string[] =>
    Object.values({ ...importer.dependencies, ...importer.optionalDependencies }).flatMap(({ version }) => {
      const path = version.startsWith('link:') ? normalize(join(folder, version.slice('link:'.length))) : '..';
      return path.startsWith('..') || path.startsWith('/') ? [] : [path];
    });
  return new Map(Object.entries(importers).map(([folder, importer]) => [folder, foldersOf(folder, importer)]));
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

function differences(
  manifest: PackageManifest,
  importer: Importer | undefined,
  { overrides = {}, ignoredOptionalDependencies: ignored = [] }: Lockfile,
): readonly { readonly name: string; readonly specifier: string; readonly locked: string | undefined }[] {
  const optional = Object.entries(manifest.optionalDependencies ?? {}).filter(
    ([name]) => !ignored.some((pattern) => matchesGlob(name, pattern)),
  );
  // A dependency in several groups is locked in one: optional before production before development.
  const specifiers: Readonly<Record<string, string>> = {
    ...manifest.devDependencies,
    ...manifest.dependencies,
    ...Object.fromEntries(optional),
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

/** The name by which packages need an entry of the lockfile, which can differ from its own. */
function dependencyOf(lock: Lockfile, key: string): string {
  const { name, address } = splitDependency(key);
  const found = [...lockedVersions(lock)].find(([, versions]) => versions.has(key) || versions.has(address));
  return found?.[0] ?? name;
}

const lineOf = (text: string, part: string): number =>
  text.slice(0, Math.max(0, text.indexOf(part))).split('\n').length;

/**
 * Finds each needed package that comes by URL or git from an unreachable host. Packages from a registry are reachable if the registry is.
 *
 * @param text of the lockfile, for the lines
 */
async function unreachableHosts(lock: Lockfile, text: string): Promise<readonly Problem[]> {
  // Behind a proxy, the proxy connects.
  if (PROXY_VARIABLES.some((name) => (process.env[name] ?? '') !== '')) return [];
  const byHost = new Map<string, { readonly name: string; readonly address: string }[]>();
  for (const [name, { resolution }] of Object.entries(lock.packages ?? {})) {
    const address =
      resolution?.repo ?? (/^https?:/.test(name.replace(/^.+?@(?=https?:)/, '')) ? resolution?.tarball : undefined);
    const host = address === undefined ? undefined : hostOf(address);
    if (address === undefined || host === undefined) continue;
    byHost.set(host, [...(byHost.get(host) ?? []), { name, address }]);
  }
  const problems = await Promise.all(
    [...byHost].map(async ([host, packages]): Promise<readonly Problem[]> => {
      const [, name = '', port = ''] = /^(.*):(\d+)$/.exec(host) ?? [];
      const isReachable = await acceptsConnections(name, Number(port));
      const isSsh = isReachable && packages.some(({ address }) => isOverSsh(address));
      if (isReachable && !isSsh) return [];
      return packages.map((locked) => ({
        source: `${LOCKFILE}:${lineOf(text, locked.address)}`,
        value: locked.name,
        reason: isSsh
          ? `comes from ${name} over SSH, and a build has no key for it`
          : `comes from ${Object.values(PORTS).includes(port) ? name : host}, which is unreachable`,
        hint: `${isSsh ? 'name it by an https address in the checkout' : 'build on a host that reaches it'}, or replace it by a published package: --override ${overrideFor(dependencyOf(lock, locked.name))}`,
      }));
    }),
  );
  return problems.flat();
}

/** `ssh://…`, `git+ssh://…`, and git's short form without a scheme: `git@github.com:owner/name.git`. */
const isOverSsh = (address: string): boolean => /^(?:git\+)?ssh:/.test(address) || !/^[\w+]+:\/\//.test(address);

const PORTS: Readonly<Record<string, string>> = {
  'https:': '443',
  'http:': '80',
  'git:': '9418',
  'ssh:': '22',
};

/**
 * Host and port of `https://codeload.github.com/…`, and of git over SSH without a scheme: `git@github.com:owner/name.git`.
 *
 * @returns undefined for an address without a host, such as a folder
 */
function hostOf(address: string): string | undefined {
  const overSsh = /^(?:[\w.-]+@)?([\w-]+(?:\.[\w-]+)+):(?!\/\/)/.exec(address)?.[1];
  if (overSsh !== undefined) return `${overSsh}:22`;
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port } = new URL(address);
  const usual = PORTS[protocol.replace(/^git\+/, '')];
  if (hostname === '' || (port === '' && usual === undefined)) return undefined;
  return `${hostname.replace(/^\[|\]$/g, '')}:${port === '' ? usual : port}`;
}

/** Whether a host has an address, and answers within five seconds. */
const acceptsConnections = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5000 });
    const end = (answers: boolean) => () => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', end(true)).once('error', end(false)).once('timeout', end(false));
  });
