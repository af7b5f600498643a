import { maxSatisfying, satisfies } from 'semver';
import { type Problem, RequestError } from '../problem.ts';
import type { Overrides } from '../spec/parse-override.ts';
import { closest } from '../spec/suggestion.ts';
import { explainNpmError, type NpmOptions, npmErrorCode } from './npm.ts';
import { GROUPS, type Lockfile } from './pnpm-files.ts';

/** A published package that replaces a dependency of a checkout, at any depth. */
export interface Replacement {
  /** Name of the dependency: `libsignal`. */
  readonly dependency: string;
  /** What the user gave: `npm:libsignal@2.0.1`. */
  readonly spec: string;
  readonly name: string;
  readonly version: string;
  readonly integrity: string;
  /** Ranges of its dependencies, by name. */
  readonly dependencies: Readonly<Record<string, string>>;
  readonly hasCommands: boolean;
}

/** A replacement, as the build writes it into pnpm-lock.yaml: `replaceInLockfile` of build/steps/trim-lockfile.mjs. */
export interface LockedReplacement {
  readonly dependency: string;
  /** The version to write at each dependency: `2.0.1`, or `other@2.0.1` for a package of another name. */
  readonly version: string;
  /** Entries of the sections, as YAML; empty if the lockfile has them. */
  readonly entries: { readonly packages: string; readonly snapshots: string };
}

/**
 * Looks up published packages that replace dependencies.
 *
 * @throws RequestError if one does not exist
 */
export async function resolveReplacements(overrides: Overrides, npm: NpmOptions): Promise<readonly Replacement[]> {
  const { default: pacote } = await import('pacote');
  return Promise.all(
    Object.entries(overrides).map(async ([dependency, spec]): Promise<Replacement> => {
      const selector = spec.startsWith('npm:') ? spec.slice('npm:'.length) : `${dependency}@${spec}`;
      const manifest = await pacote.manifest(selector, npm).catch((error: unknown) => {
        if (!['E404', 'ETARGET'].includes(npmErrorCode(error) ?? '')) throw explainNpmError(error, selector);
        const reason = `is not on npm: it has no ${selector}`;
        const hint = `list the versions: npm view ${selector.replace(/(?<=.)@.*/, '')} versions`;
        throw new RequestError([{ source: '--override', value: `${dependency}=${spec}`, reason, hint }], {
          cause: error,
        });
      });
      return {
        dependency,
        spec,
        name: manifest.name,
        version: manifest.version,
        integrity: manifest._integrity,
        dependencies: { ...manifest.dependencies, ...manifest.optionalDependencies },
        hasCommands: manifest.bin !== undefined,
      };
    }),
  );
}

/**
 * Finds what a replacement needs in the lockfile, so that an install from it stays possible: `pnpm install --frozen-lockfile` looks for no
 * version itself.
 *
 * @param lock of the packages that the build installs
 * @returns why it is not possible
 */
export function lockReplacement(lock: Lockfile, replacement: Replacement): LockedReplacement | Problem {
  const { dependency, spec, name, version, integrity, hasCommands } = replacement;
  const { snapshots = {} } = lock;
  const refuse = (reason: string, hint: string): Problem => ({
    source: '--override',
    value: `${dependency}=${spec}`,
    reason,
    hint,
  });
  const needed = dependenciesIn(lock);
  const former = needed.get(dependency);
  if (former === undefined) {
    const near = closest(dependency, needed.keys());
    const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'leave it out';
    return refuse('replaces nothing: no package needs it', hint);
  }
  const key = `${name}@${version}`;
  const isKnown = snapshots[key] !== undefined;
  // The versions that the replaced package has, else those of any other package.
  const formerSnapshots = [...former].flatMap((ref) => snapshots[ref] ?? snapshots[`${dependency}@${ref}`] ?? []);
  const locked: [string, string][] = [];
  for (const [needs, range] of isKnown ? [] : Object.entries(replacement.dependencies)) {
    const own = formerSnapshots
      .map(({ dependencies = {}, optionalDependencies = {} }) => ({ ...optionalDependencies, ...dependencies })[needs])
      .find((ref) => ref !== undefined && satisfies(withoutPeers(ref), range));
    const others = [...(needed.get(needs) ?? [])].filter((ref) => satisfies(withoutPeers(ref), range));
    const newest = maxSatisfying(others.map(withoutPeers), range);
    const found = own ?? others.find((ref) => withoutPeers(ref) === newest);
    if (found === undefined)
      return refuse(
        `needs ${needs}@${range}, which pnpm-lock.yaml does not contain`,
        `name a version that does not, or add it to the overrides of pnpm in the checkout, and run pnpm install`,
      );
    locked.push([needs, found]);
  }
  const dependencies = locked.map(([needs, found]) => `      ${quoted(needs)}: ${quoted(found)}\n`).join('');
  return {
    dependency,
    version: name === dependency ? version : key,
    entries: isKnown
      ? { packages: '', snapshots: '' }
      : {
          packages: `  ${quoted(key)}:\n    resolution: {integrity: ${integrity}}\n${hasCommands ? '    hasBin: true\n' : ''}\n`,
          snapshots:
            dependencies === ''
              ? `  ${quoted(key)}: {}\n\n`
              : `  ${quoted(key)}:\n    dependencies:\n${dependencies}\n`,
        },
  };
}

/** The locked versions of each dependency, of workspace packages and of others. */
function dependenciesIn({ importers = {}, snapshots = {} }: Lockfile): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const add = (name: string, version: string): void => {
    found.set(name, (found.get(name) ?? new Set()).add(version));
  };
  for (const importer of Object.values(importers))
    for (const group of GROUPS)
      for (const [name, { version }] of Object.entries(importer[group] ?? {})) add(name, version);
  for (const { dependencies = {}, optionalDependencies = {} } of Object.values(snapshots))
    for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies })) add(name, version);
  return found;
}

/** `1.0.0(react@19.0.0)` → `1.0.0`. A version with peers names them in parentheses. */
const withoutPeers = (version: string): string => version.replace(/\(.*$/s, '');

/** YAML needs quotes around `@scope/name`. */
const quoted = (text: string): string => (text.startsWith('@') ? `'${text}'` : text);
