import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RequestError, WorkError } from '../problem.ts';
import { dependencyManifest } from '../steps/dependency-manifest.mjs';
import { type DependencyLayer, dependencyLayers, layerList } from './dependency-layers.ts';
import { type LockedPackage, lockDependencies, tarballSizes } from './dependency-lock.ts';
import { assertOverridesUsed, missingFromGit, unpublishedDependencies } from './dependency-problems.ts';
import type { OmissionReason, PackagedGateway } from './gateway.ts';
import { fetchGitDependency, type GitDependencies } from './git-dependency.ts';
import { explainNpmError, GitDependencyError, type NpmOptions, refusedGitDependency, splitDependency } from './npm.ts';
import { parsePackageJson } from './package-json.ts';
import {
  allowedScripts,
  type DependencyManifest,
  type PackageManifest,
  withAllowedScripts,
  withOverrides,
} from './package-manifest.ts';
import type { ResolvedPackage } from './resolved-package.ts';
import { type ScriptDependencies, withDependencies } from './script-dependencies.ts';

/** The locked dependencies of a gateway. */
export interface GatewayLock {
  /** Empty if there are none. */
  readonly git: GitDependencies;
  /** Dependencies that the gateway's own install script would fetch. */
  readonly ofScripts: ScriptDependencies;
  /** Those of them, and optional ones from git, that cannot be had, by name. */
  readonly leftOut?: Readonly<Record<string, OmissionReason>>;
  /** Replacements of dependencies: those of the request, and packed ones from git. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly packages: readonly LockedPackage[];
  /** Bytes of each tarball, by address. */
  readonly sizes: ReadonlyMap<string, number>;
  readonly layers: readonly DependencyLayer[];
  /** Name of the cached gateway whose lockfile this one started from. */
  readonly basedOn: string | undefined;
}

/** Sizes of known tarballs, stored beside gateway.json for the next version. */
const SIZES = 'sizes.json';

/**
 * Locks the dependencies in the package's manifest, which the registry provides before the package is downloaded.
 *
 * @param folder where package.json and package-lock.json are written
 * @param earlier folder of a cached gateway to start from: packages that need not change keep their version, and their layer
 * @param ofScripts dependencies that the gateway's own install script would fetch
 * @throws WorkError if the registry cannot be read
 */
export async function lockGateway(
  resolved: ResolvedPackage,
  folder: string,
  npm: NpmOptions,
  earlier: string | undefined,
  onStep: (step: string) => void,
  ofScripts: ScriptDependencies = { dependencies: {}, optionalDependencies: {} },
): Promise<GatewayLock> {
  // A given lockfile decides everything.
  const before =
    resolved.lockfile === undefined ? await readCached<PackagedGateway>(earlier, 'gateway.json') : undefined;
  const published = dependencyManifest(resolved.manifest ?? (await readManifest(resolved, npm)));
  const manifest = withDependencies(published, ofScripts);
  const replaced = new Set(Object.keys({ ...resolved.overrides, ...resolved.git }));
  const problems = await unpublishedDependencies(manifest.dependencies, originOf(resolved), replaced);
  if (problems.length > 0) throw new RequestError(problems.map(({ name: _, ...problem }) => problem));
  const optional = await unpublishedDependencies(manifest.optionalDependencies, originOf(resolved), replaced);
  for (const { name, reason, hint } of optional)
    onStep(`leaving out ${name}, which is optional: it ${reason}; ${hint}`);
  const impossible = Object.fromEntries(optional.map(({ name, reason, hint }) => [name, { reason, hint }]));
  const start = resolved.lockfile ?? (await readText(earlier, 'dependencies/package-lock.json'));
  const { packages, git, leftOut, overrides } = await lockWithGit(
    without(manifest, impossible),
    resolved,
    folder,
    npm,
    start,
    onStep,
  );
  const sizes = await tarballSizes(packages, (await readCached<Record<string, number>>(earlier, SIZES)) ?? {}, npm);
  return {
    git,
    ofScripts,
    leftOut: { ...impossible, ...leftOut },
    overrides,
    packages,
    sizes,
    layers: dependencyLayers(packages, sizes, before?.dependencyLayers ?? []),
    basedOn: earlier === undefined || resolved.lockfile !== undefined ? undefined : basename(earlier),
  };
}

/** The manifest without some optional dependencies. */
const without = (manifest: DependencyManifest, names: Readonly<Record<string, unknown>>): DependencyManifest => ({
  ...manifest,
  optionalDependencies: Object.fromEntries(
    Object.entries(manifest.optionalDependencies).filter(([name]) => !Object.hasOwn(names, name)),
  ),
});

/** A package with more dependencies from git is a mistake. */
const MOST_FROM_GIT = 20;

/**
 * Locks the dependencies. Those from git are fetched at a commit, and installed from a packed file: npm fetches no repository. An optional
 * one that cannot be fetched is left out.
 */
async function lockWithGit(
  manifest: DependencyManifest,
  { overrides: requested = {}, git: known = {} }: ResolvedPackage,
  folder: string,
  npm: NpmOptions,
  start: string | undefined,
  onStep: (step: string) => void,
): Promise<Pick<GatewayLock, 'packages' | 'git' | 'overrides'> & Required<Pick<GatewayLock, 'leftOut'>>> {
  const git: Record<string, string> = {};
  const leftOut: Record<string, OmissionReason> = {};
  const overrides = { ...requested };
  const fetch = async (dependency: string): Promise<void> => {
    const { name } = splitDependency(dependency);
    if (Object.keys(git).length >= MOST_FROM_GIT)
      throw new GitDependencyError(dependency, `is one of more than ${MOST_FROM_GIT}, which is a mistake`);
    onStep(`fetching ${dependency}`);
    const { resolved, spec } = await fetchGitDependency(dependency, folder, npm);
    git[name] = resolved;
    overrides[name] = spec;
  };
  for (const [name, address] of Object.entries(known)) await fetch(`${name}@${address}`);
  for (;;) {
    try {
      const packages = await lockDependencies(withOverrides(without(manifest, leftOut), overrides), folder, npm, start);
      const missing = (await missingFromGit(await readFile(join(folder, 'package-lock.json'), 'utf8'))).filter(
        (dependency) => ({ ...leftOut, ...overrides })[splitDependency(dependency).name] === undefined,
      );
      for (const dependency of missing) {
        await fetch(dependency).catch((error: unknown) => {
          if (!(error instanceof WorkError)) throw error;
          const { reason, hint } = error.failure;
          const { name } = splitDependency(dependency);
          onStep(`leaving out ${name}, which is optional: ${reason} ${hint}`);
          leftOut[name] = { reason, hint };
        });
      }
      if (missing.length > 0) continue;
      await assertSameSource(git, manifest, folder);
      return { packages, git, leftOut, overrides };
    } catch (error) {
      const dependency = refusedGitDependency(error);
      const isNew = dependency !== undefined && overrides[splitDependency(dependency).name] === undefined;
      if (!isNew || Object.keys(git).length >= MOST_FROM_GIT) throw error;
      await fetch(dependency);
    }
  }
}

/**
 * npm replaces a package everywhere, so all that need a package from git must mean the same.
 *
 * @throws WorkError if another one needs a published version of it, or another repository
 */
async function assertSameSource(git: GitDependencies, manifest: DependencyManifest, folder: string): Promise<void> {
  if (Object.keys(git).length === 0) return;
  const { packages } = JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, Partial<DependencyManifest>>>;
  };
  const { '': _, ...others } = packages;
  for (const name of Object.keys(git)) {
    const specs = [manifest, ...Object.values(others)].flatMap(({ dependencies = {}, optionalDependencies = {} }) =>
      [dependencies[name], optionalDependencies[name]].filter((spec) => spec !== undefined),
    );
    const different = [...new Set(specs)];
    if (different.length > 1)
      throw new GitDependencyError(`${name}@${different[0]}`, `is also needed as ${different.slice(1).join(', ')}`);
  }
}

/**
 * Writes the files beside the lockfile that a build reads, and those that the next lock starts from.
 *
 * @param files of the package, by path
 */
export async function writeLocked(
  { packages, git, ofScripts, leftOut = {}, overrides, sizes, layers, basedOn }: GatewayLock,
  folder: string,
  files: ReadonlyMap<string, string>,
): Promise<
  Pick<PackagedGateway, 'playwrightVersion' | 'allowedScripts' | 'dependencyLayers' | 'git' | 'leftOut' | 'basedOnLock'>
> {
  const manifest = manifestIn(files);
  await assertOverridesUsed(overrides, folder);
  const withScripts = [...new Set(packages.filter((locked) => locked.hasInstallScript).map(({ name }) => name))].sort();
  const versions = new Map(
    withScripts.map((name) => [name, packages.flatMap((of) => (of.name === name ? [of.version] : []))]),
  );
  const allowed = await allowedScripts(manifest, files.get('pnpm-workspace.yaml'), withScripts, versions);
  await writeFile(
    join(folder, 'package.json'),
    withAllowedScripts(
      withOverrides(without(withDependencies(dependencyManifest(manifest), ofScripts), leftOut), overrides),
      withScripts,
      allowed,
    ),
  );
  await writeFile(join(folder, 'layers'), layerList(layers));
  await writeFile(join(dirname(folder), SIZES), JSON.stringify(Object.fromEntries(sizes)));
  return {
    playwrightVersion: packages.find(({ name }) => name === 'playwright-core')?.version,
    allowedScripts: allowed,
    dependencyLayers: layers,
    ...(Object.keys(git).length === 0 ? {} : { git }),
    ...(Object.keys(leftOut).length === 0 ? {} : { leftOut }),
    ...(basedOn === undefined ? {} : { basedOnLock: basedOn }),
  };
}

export const manifestIn = (files: ReadonlyMap<string, string>): PackageManifest =>
  parsePackageJson(files.get('package.json') ?? '{}', "the gateway's package.json");

/** The package, for people: `openclaw@2026.9.6`, or the path of a file. */
export const originOf = ({ selector }: ResolvedPackage): string =>
  selector.startsWith('file:') ? selector.slice('file:'.length) : selector;

/** @returns undefined for the first gateway on this host, or if the cache format of the earlier one is older */
async function readCached<T>(gateway: string | undefined, name: string): Promise<T | undefined> {
  const text = await readText(gateway, name);
  return text === undefined ? undefined : (JSON.parse(text) as T);
}

const readText = async (folder: string | undefined, name: string): Promise<string | undefined> =>
  folder === undefined ? undefined : readFile(join(folder, name), 'utf8').catch(() => undefined);

async function readManifest({ selector }: ResolvedPackage, npm: NpmOptions): Promise<PackageManifest> {
  const { default: pacote } = await import('pacote');
  try {
    const manifest = await pacote.manifest(selector, { ...npm, fullReadJson: true });
    return manifest as unknown as PackageManifest;
  } catch (error) {
    throw explainNpmError(error, selector);
  }
}
