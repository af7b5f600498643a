import { maxSatisfying, satisfies } from 'semver';
import { type Problem, problemWith, RequestError } from '../problem.ts';
import type { Overrides } from '../spec/parse-override.ts';
import { quote } from '../steps/trim-lockfile.mjs';
import { unusedOverride } from './dependency-problems.ts';
import { explainNpmError, type NpmOptions, npmErrorCode } from './npm.ts';
import { type LockedVersions, type Lockfile, lockedVersions, overridden } from './pnpm-files.ts';

type Versions = Readonly<Record<string, string>>;

/** A published package that replaces a dependency of a checkout, at any depth. */
export interface Replacement {
  /** Name of the dependency: `libsignal`. */
  readonly dependency: string;
  /** The value of the option: `npm:libsignal@2.0.1`. */
  readonly spec: string;
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** Address of its archive if it is not the usual one of its registry. */
  readonly tarball?: string;
  /** Ranges, by name. */
  readonly dependencies: Versions;
  readonly optionalDependencies: Versions;
  /** Names of packages that its users must have. */
  readonly peers: readonly string[];
  readonly hasCommands: boolean;
}

/** A replacement, as the build writes it into pnpm-lock.yaml: `replaceInLockfile` of build/steps/trim-lockfile.mjs. */
export interface LockedReplacement {
  readonly dependency: string;
  /** The version to write at each dependency: `2.0.1`, or `other@2.0.1` for a package of another name. */
  readonly version: string;
  /** The version with the name: `libsignal@2.0.1`. */
  readonly alias: string;
  /** Entries of the sections, as YAML; empty if the lockfile has them. */
  readonly entries: { readonly packages: string; readonly snapshots: string };
}

/** Source: https://w3c.github.io/webappsec-subresource-integrity/#integrity-metadata-description */
const INTEGRITY = /^sha(?:1|256|384|512)-[\w+/]+={0,2}$/;

/**
 * Looks up published packages that replace dependencies.
 *
 * @throws RequestError that names all that do not exist
 */
export async function resolveReplacements(overrides: Overrides, npm: NpmOptions): Promise<readonly Replacement[]> {
  const results = await Promise.all(
    Object.entries(overrides).map(([dependency, spec]) => resolveReplacement(dependency, spec, npm)),
  );
  const problems = results.filter((result) => 'reason' in result);
  if (problems.length > 0) throw new RequestError(problems);
  return results.filter((result) => 'integrity' in result);
}

async function resolveReplacement(dependency: string, spec: string, npm: NpmOptions): Promise<Replacement | Problem> {
  const { default: pacote } = await import('pacote');
  const selector = spec.startsWith('npm:') ? spec.slice('npm:'.length) : `${dependency}@${spec}`;
  const [, name = '', version = ''] = /^(.+)@(.+)$/.exec(selector) ?? [];
  const value = `${dependency}=${spec}`;
  try {
    const manifest = await pacote.manifest(selector, { ...npm, fullMetadata: true });
    const {
      _integrity: integrity = '',
      _resolved: address = '',
      peerDependenciesMeta = {},
    } = manifest as {
      readonly _integrity?: string;
      readonly _resolved?: string;
      readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
    };
    if (manifest.name !== name || manifest.version !== version || !INTEGRITY.test(integrity))
      throw new TypeError('its name, its version or its integrity is another one');
    const usual = `/${name}/-/${name.replace(/^@.+\//, '')}-${version}.tgz`;
    if (!/^https?:\/\/[^\s'"{},]+$/.test(address)) throw new TypeError('it has no address of an archive');
    return {
      ...{ dependency, spec, name, version, integrity },
      ...(decodeURIComponent(new URL(address).pathname).endsWith(usual) ? {} : { tarball: address }),
      dependencies: manifest.dependencies ?? {},
      optionalDependencies: manifest.optionalDependencies ?? {},
      peers: Object.keys(manifest.peerDependencies ?? {}).filter(
        (peer) => peerDependenciesMeta[peer]?.optional !== true,
      ),
      hasCommands: manifest.bin !== undefined,
    };
  } catch (error) {
    if (!['E404', 'ETARGET'].includes(npmErrorCode(error) ?? '')) throw explainNpmError(error, selector);
    const hint = `list the versions: npm view ${name} versions`;
    return problemWith('--override', value, `is not on npm: it has no ${selector}`, hint);
  }
}

/**
 * Finds what replacements need in the lockfile, so that an install from it stays possible: `pnpm install --frozen-lockfile` looks for no
 * version itself. Only dependencies that come from elsewhere than a registry are replaced.
 *
 * @param lock of the packages that the build installs
 * @param text of the whole lockfile
 */
export function lockReplacements(
  lock: Lockfile,
  text: string,
  replacements: readonly Replacement[],
): { readonly locked: readonly LockedReplacement[]; readonly problems: readonly Problem[] } {
  const needed = lockedVersions(lock);
  const results = replacements.map((replacement) => lockReplacement(lock, text, needed, replacement, replacements));
  return {
    locked: results.filter((result) => 'entries' in result),
    problems: results.filter((result) => 'reason' in result),
  };
}

const OVERRIDE_HINT = 'add it to the overrides of pnpm in the checkout, and run pnpm install there';

function lockReplacement(
  lock: Lockfile,
  text: string,
  needed: LockedVersions,
  replacement: Replacement,
  all: readonly Replacement[],
): LockedReplacement | Problem {
  const { dependency, spec, name, version, integrity, tarball, peers, hasCommands } = replacement;
  const refuse = (reason: string, hint: string): Problem =>
    problemWith('--override', `${dependency}=${spec}`, reason, hint);
  const former = [...(needed.get(dependency) ?? [])];
  if (former.length === 0) return unusedOverride(dependency, spec, needed.keys());
  const published = former.find((locked) => !IS_ELSEWHERE.test(locked));
  if (published !== undefined)
    return refuse(
      `replaces ${published}, which pnpm-lock.yaml locks: only what is not from a registry can be`,
      OVERRIDE_HINT,
    );
  if (peers.length > 0) return refuse(`needs peers (${peers.join(', ')}), which differ with each user`, OVERRIDE_HINT);

  const key = `${name}@${version}`;
  const aliased = (suffix: string): Pick<LockedReplacement, 'dependency' | 'version' | 'alias'> => ({
    dependency,
    version: `${name === dependency ? version : key}${suffix}`,
    alias: `${key}${suffix}`,
  });
  const known = knownSuffix(text, key);
  if (known !== undefined) return { ...aliased(known), entries: { packages: '', snapshots: '' } };

  const find = finder(lock, needed, former, dependency, all);
  const { optionalDependencies } = replacement;
  // npm lists the optional ones in both.
  const required = Object.fromEntries(
    Object.entries(replacement.dependencies).filter(([needs]) => optionalDependencies[needs] === undefined),
  );
  const missing = Object.entries(required).find(([needs, range]) => find(needs, range) === undefined);
  if (missing !== undefined)
    return refuse(
      `needs ${missing.join('@')}, which pnpm-lock.yaml does not contain`,
      `name a version that does not, or ${OVERRIDE_HINT}`,
    );
  const group = (title: string, ranges: Versions): string => {
    const lines = Object.entries(ranges).flatMap(([needs, range]) => {
      const found = find(needs, range);
      return found === undefined ? [] : [`      ${quote(needs)}: ${quote(found)}\n`];
    });
    return lines.length === 0 ? '' : `    ${title}:\n${lines.join('')}`;
  };
  const needs = group('dependencies', required) + group('optionalDependencies', optionalDependencies);
  const address = tarball === undefined ? '' : `, tarball: ${tarball}`;
  return {
    ...aliased(''),
    entries: {
      packages: `  ${quote(key)}:\n    resolution: {integrity: ${integrity}${address}}\n${hasCommands ? '    hasBin: true\n' : ''}\n`,
      snapshots: needs === '' ? `  ${quote(key)}: {}\n\n` : `  ${quote(key)}:\n${needs}\n`,
    },
  };
}

/** A version that names no registry: `https://…`, `git+ssh://…`, `@scope/name@https://…`. */
const IS_ELSEWHERE = /^(?:@?[^@:]+@)?(?:https?|git|git\+\w+|ssh|file):|^[\w.-]+@[\w.-]+:/;

/**
 * Whether the lockfile has a package: its peers or its patch in parentheses, or an empty text. undefined if not.
 *
 * @param key `name@version`
 */
function knownSuffix(text: string, key: string): string | undefined {
  const entries = [...text.matchAll(new RegExp(`^ {2}'?${RegExp.escape(key)}((?:\\([^\\n]*\\))?)'?:`, 'gm'))];
  // The first one is in `packages`, which has no suffixes. Those after it are in `snapshots`.
  return entries.slice(1).map(([, suffix = '']) => suffix)[0];
}

/** Finds the locked version of a package that a replacement needs. */
const finder =
  (
    lock: Lockfile,
    needed: LockedVersions,
    former: readonly string[],
    dependency: string,
    all: readonly Replacement[],
  ) =>
  (needs: string, range: string): string | undefined => {
    const { snapshots = {}, overrides = {} } = lock;
    const replaced = all.find((other) => other.dependency === needs);
    if (replaced !== undefined)
      return replaced.name === needs ? replaced.version : `${replaced.name}@${replaced.version}`;
    // The checkout decides its version, whatever the range is.
    const isOverridden = Object.keys(overrides).some((selector) => overridden(selector) === needs);
    const fits = (locked: string): boolean => isOverridden || satisfies(withoutPeers(locked), range);
    // The version that the former package has, else the newest one of any other package.
    const own = former
      .flatMap((locked) => snapshots[locked] ?? snapshots[`${dependency}@${locked}`] ?? [])
      .map(({ dependencies = {}, optionalDependencies = {} }) => ({ ...optionalDependencies, ...dependencies })[needs])
      .find((locked) => locked !== undefined && fits(locked));
    const others = [...(needed.get(needs) ?? [])].filter(fits);
    const newest = maxSatisfying(others.map(withoutPeers), isOverridden ? '*' : range);
    return own ?? others.find((locked) => withoutPeers(locked) === newest);
  };

/** The replacements that did not replace every dependency: the lockfile has a form that is not known. */
export const notReplaced = (lock: Lockfile, locked: readonly LockedReplacement[]): readonly Problem[] => {
  const needed = lockedVersions(lock);
  return locked.flatMap(({ dependency, version, alias }) => {
    const found = needed.get(dependency) ?? new Set();
    if (found.size > 0 && [...found].every((other) => other === version || other === alias)) return [];
    const value = `${dependency}=${alias}`;
    return [problemWith('--override', value, 'cannot be written into pnpm-lock.yaml', OVERRIDE_HINT)];
  });
};

/** `1.0.0(react@19.0.0)` → `1.0.0`. A version with peers names them in parentheses. */
const withoutPeers = (version: string): string => version.replace(/\(.*$/s, '');
