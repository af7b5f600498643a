import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../printable.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import { closest } from '../spec/suggestion.ts';
import { npmErrorCode } from './npm.ts';
import type { DependencyManifest } from './package-manifest.ts';

/** Why npm cannot install a dependency elsewhere, by what npm takes its address for; undefined for those that it can. */
const UNPUBLISHED: Readonly<Record<string, string | undefined>> = {
  directory: 'a folder of the host where the package was packed',
  file: 'a file of the host where the package was packed',
  remote: 'an address outside of the npm registry, whose contents can change',
  ssh: 'a git repository over SSH; repositories are fetched over HTTPS only',
};

/** Addresses that pnpm and Yarn replace when they pack. Source: https://pnpm.io/workspaces, https://pnpm.io/catalogs */
const OF_WORKSPACE = /^(?:workspace|catalog|link|portal):/;

/**
 * The direct dependencies that are neither packages of a registry nor git repositories. npm would refuse them with a stack trace, or lock a
 * link to a folder that no image has.
 *
 * @param dependencies addresses by name
 * @param replaced names of dependencies that are replaced
 */
export async function unpublishedDependencies(
  dependencies: Readonly<Record<string, string>>,
  origin: string,
  replaced: ReadonlySet<string>,
): Promise<readonly (Problem & { readonly name: string })[]> {
  const { default: parse } = await import('npm-package-arg');
  return Object.entries(dependencies).flatMap(([name, spec]) => {
    if (replaced.has(name)) return [];
    const isOfWorkspace = OF_WORKSPACE.test(spec);
    const why = isOfWorkspace ? 'an address that only its workspace can read' : UNPUBLISHED[typeOf(parse, name, spec)];
    if (why === undefined) return [];
    const replace = `name a published package: --override ${printable(name)}=VERSION`;
    return [
      {
        name,
        source: '--package',
        value: origin,
        reason: `depends on ${printable(name)}@${printable(spec)}: ${why}`,
        hint: isOfWorkspace ? `pack it with pnpm pack, which writes versions; or ${replace}` : replace,
      },
    ];
  });
}

/** The kind of an address, as npm reads it, and `ssh`: npm reads `git@host:path` as a folder if it does not know the host. */
function typeOf(parse: typeof import('npm-package-arg'), name: string, spec: string): string {
  try {
    const { type } = parse.resolve(name, spec);
    return type === 'directory' && /^[^/\s]+@[^/\s]+:/.test(spec) ? 'ssh' : type;
  } catch {
    return 'directory';
  }
}

/**
 * The optional dependencies from git, of all packages in a lockfile, that npm left out without a word.
 *
 * @param lockfile contents of package-lock.json
 * @returns `libsignal@git+https://github.com/…`, each once
 */
export async function missingFromGit(lockfile: string): Promise<readonly string[]> {
  const { default: parse } = await import('npm-package-arg');
  const { packages } = JSON.parse(lockfile) as {
    readonly packages: Readonly<Record<string, Partial<Pick<DependencyManifest, 'optionalDependencies'>>>>;
  };
  const missing = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.entries(optionalDependencies).flatMap(([name, spec]) =>
      typeOf(parse, name, spec) === 'git' ? [`${name}@${spec}`] : [],
    ),
  );
  return [...new Set(missing)];
}

/** npm's errors about a dependency at any depth, and what they mean. */
const LOCK_ERRORS: Readonly<Record<string, string>> = {
  ETARGET: 'The registry has no such version',
  E404: 'The registry has no such package',
  EALLOWREMOTE: 'It is downloaded from an address outside of the npm registry',
  EUNSUPPORTEDPROTOCOL: 'Only a workspace can read its address',
};

/** @returns the failure that npm's error means; undefined if it says nothing of a dependency */
export function unpublishedFailure(error: unknown): WorkError | undefined {
  const meaning = LOCK_ERRORS[npmErrorCode(error) ?? ''];
  if (meaning === undefined || !(error instanceof Error)) return undefined;
  return new WorkError(
    {
      kind: 'unpublished-dependency',
      title: 'A dependency is not available from the npm registry',
      reason: `${meaning}. npm: ${printable(error.message.split('\n')[0] ?? '')}`,
      hint: 'check the versions of --override; or replace the dependency: --override NAME=VERSION',
    },
    { cause: error },
  );
}

/** @param names of packages that could be meant */
export function unusedOverride(name: string, spec: string, names: Iterable<string>): Problem {
  const near = closest(name, names);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'leave it out';
  return { source: '--override', value: `${name}=${spec}`, reason: 'replaces nothing: no package needs it', hint };
}

/**
 * Refuses replacements of packages that nothing needs: mostly a mistake in the name.
 *
 * @param folder of the lockfile
 * @throws RequestError that names them
 */
export async function assertOverridesUsed(overrides: Readonly<Record<string, string>>, folder: string): Promise<void> {
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, unknown>>;
  };
  const names = new Set(Object.keys(packages).flatMap((path) => path.split('node_modules/').slice(1).slice(-1)));
  const problems = Object.entries(overrides).flatMap(([name, spec]) =>
    names.has(name) ? [] : [unusedOverride(name, spec, names)],
  );
  if (problems.length > 0) throw new RequestError(problems);
}
