import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rcompare, valid } from 'semver';
import { cacheFolder, fillCache } from '../cache-folder.ts';
import { RequestError, requestError } from '../problem.ts';
import { cachedFolder } from './cached-package.ts';
import { download } from './download.ts';
import type { OmissionReason, PackagedGateway } from './gateway.ts';
import { type GatewayLock, lockGateway, manifestIn, originOf, writeLocked } from './gateway-lock.ts';
import { GitDependencyError, type NpmOptions } from './npm.ts';
import { parseBuildInfo, parsePluginCatalog, parsePluginManifest } from './package-json.ts';
import { describedBy, ownInstallScripts, type PackageManifest } from './package-manifest.ts';
import { readPackedFiles } from './packed-file.ts';
import type { ResolvedPackage } from './resolved-package.ts';
import { SCRIPT_FILES, type ScriptDependencies, scriptDependencies, withoutParents } from './script-dependencies.ts';

/**
 * Downloads the package (npm checks its integrity), reads its metadata and locks its dependencies.
 *
 * The result is cached by integrity: a second call for the same bytes reads one file.
 * @throws WorkError if the registry cannot be read
 */
export async function readGatewayPackage(
  resolved: ResolvedPackage,
  npm: NpmOptions,
  onStep: (step: string) => void = () => {},
): Promise<PackagedGateway> {
  const folder = cachedFolder('gateways', resolved);
  const metadata = join(folder, 'gateway.json');
  if (existsSync(metadata))
    // Another file may have the same contents.
    return {
      ...(JSON.parse(await readFile(metadata, 'utf8')) as PackagedGateway),
      ...{ origin: originOf(resolved), context: join(folder, 'context') },
    };

  return fillCache(folder, async (partial) => {
    const context = join(partial, 'context');
    const dependencies = join(partial, 'dependencies');
    await mkdir(context, { recursive: true });
    await mkdir(dependencies);
    onStep(`downloading ${resolved.selector} and locking its dependencies`);
    const earlier = await newestGateway();
    const [files, first] = await Promise.all([
      download(resolved, join(context, 'package.tgz'), npm, METADATA_FILES),
      lockGateway(resolved, dependencies, npm, earlier, onStep),
    ]);
    if (![...files.keys()].some((path) => LAUNCHER.test(path))) throw withoutLauncher(originOf(resolved));
    const locked = await lockWithScripts(first, files, resolved, dependencies, npm, earlier, onStep);
    const gateway: PackagedGateway = {
      kind: 'package',
      ...describe(manifestIn(files), files),
      origin: originOf(resolved),
      integrity: resolved.integrity,
      overrides: resolved.overrides ?? {},
      ...(await writeLocked(locked, dependencies, files)),
      context: join(folder, 'context'),
      dependencies: join(folder, 'dependencies'),
    };
    await writeFile(join(partial, 'gateway.json'), `${JSON.stringify(gateway, null, 2)}\n`);
    return gateway;
  });
}

/**
 * Locks the dependencies without an earlier lockfile, so that a reproducible image does not depend on earlier builds on this host.
 *
 * @throws WorkError if the registry cannot be read
 */
export async function lockIndependently(
  gateway: PackagedGateway,
  resolved: ResolvedPackage,
  npm: NpmOptions,
  onStep: (step: string) => void,
): Promise<PackagedGateway> {
  if (gateway.basedOnLock === undefined) return gateway;
  const folder = `${cachedFolder('gateways', resolved)}-independent`;
  const metadata = join(folder, 'gateway.json');
  if (existsSync(metadata)) return JSON.parse(await readFile(metadata, 'utf8')) as PackagedGateway;
  return fillCache(folder, async (partial) => {
    const dependencies = join(partial, 'dependencies');
    await mkdir(dependencies);
    // The same commits, although a branch may have moved since.
    const same = { ...resolved, git: gateway.git };
    const [files, first] = await Promise.all([
      readPackedFiles(createReadStream(join(gateway.context, 'package.tgz')), METADATA_FILES),
      lockGateway(same, dependencies, npm, undefined, onStep),
    ]);
    const locked = await lockWithScripts(first, files, same, dependencies, npm, undefined, onStep);
    const { basedOnLock: _, ...others } = gateway;
    const independent = {
      ...others,
      ...(await writeLocked(locked, dependencies, files)),
      dependencies: join(folder, 'dependencies'),
    };
    await writeFile(join(partial, 'gateway.json'), `${JSON.stringify(independent, null, 2)}\n`);
    return independent;
  });
}

/**
 * Locks again, if the package shows that its install script would fetch further dependencies. One that needs a package from git which
 * cannot be fetched is left out: the script itself goes on without those that it cannot fetch.
 */
async function lockWithScripts(
  first: GatewayLock,
  files: ReadonlyMap<string, string>,
  ...[resolved, folder, npm, earlier, onStep]: Parameters<typeof lockGateway>
): Promise<GatewayLock> {
  let more = scriptDependencies(files);
  const count = namesOf(more).length;
  if (count === 0) return first;
  onStep(`locking ${count} dependencies of plugins, which its install script would fetch`);
  const leftOut: Record<string, OmissionReason> = {};
  for (;;) {
    try {
      const locked = await lockGateway({ ...resolved, git: first.git }, folder, npm, earlier, onStep, more);
      return { ...locked, leftOut: { ...locked.leftOut, ...leftOut } };
    } catch (error) {
      if (!(error instanceof GitDependencyError)) throw error;
      const fewer = await withoutParents(more, error.dependency, npm);
      const parents = namesOf(more).filter((name) => !namesOf(fewer).includes(name));
      if (parents.length === 0) throw error;
      const { reason, hint } = error.failure;
      onStep(`leaving out ${parents.join(', ')}: ${reason} ${hint}`);
      for (const name of parents) leftOut[name] = { reason, hint };
      more = fewer;
    }
  }
}

const namesOf = ({ dependencies, optionalDependencies }: ScriptDependencies): readonly string[] => [
  ...Object.keys(dependencies),
  ...Object.keys(optionalDependencies),
];

/** Folder of the newest gateway in the cache. */
async function newestGateway(): Promise<string | undefined> {
  const folders = await readdir(cacheFolder('gateways')).catch(() => []);
  const versionOf = (name: string): string | undefined => /^(.+)-[0-9a-f]{16}$/.exec(name)?.[1];
  const [newest] = folders
    .filter((name) => valid(versionOf(name)) !== null)
    .sort((a, b) => rcompare(versionOf(a) ?? '', versionOf(b) ?? ''));
  return newest === undefined ? undefined : cacheFolder('gateways', newest);
}

/** Releases before 2026.3.22 have their plugins as sources, outside of dist/. */
const PLUGIN_MANIFEST = /^(?:dist\/)?extensions\/[^/]+\/openclaw\.plugin\.json$/;
const PLUGIN_CATALOG = /^scripts\/lib\/official-external-[a-z-]+-catalog\.json$/;
/** The command of the gateway, which every image starts. */
const LAUNCHER = /^openclaw\.mjs$/;
const METADATA_FILES = [
  /^package\.json$/,
  /^pnpm-workspace\.yaml$/,
  /^dist\/build-info\.json$/,
  LAUNCHER,
  PLUGIN_MANIFEST,
  PLUGIN_CATALOG,
  ...SCRIPT_FILES,
];

const withoutLauncher = (origin: string): RequestError =>
  requestError(
    '--package',
    origin,
    'has no openclaw.mjs, which starts the gateway',
    'pack a checkout that was built: npm pack',
  );

const BUILD_INFO = 'dist/build-info.json';

function describe(manifest: PackageManifest, files: ReadonlyMap<string, string>) {
  const buildInfo = parseBuildInfo(files.get(BUILD_INFO) ?? '{}', BUILD_INFO);
  const bundledPlugins: string[] = [];
  const pluginCatalog: Record<string, string> = {};
  for (const [path, text] of files) {
    if (PLUGIN_MANIFEST.test(path)) bundledPlugins.push(pluginId(text, path));
    if (PLUGIN_CATALOG.test(path)) Object.assign(pluginCatalog, readCatalog(text, path));
  }
  return {
    ...describedBy(manifest),
    // A part of a commit, or `unknown`, names none.
    revision: /^[0-9a-f]{40}$/.test(buildInfo.commit ?? '') ? (buildInfo.commit ?? '') : '',
    built: buildInfo.builtAt,
    bundledPlugins: [...new Set(bundledPlugins)].filter((id) => id !== '').sort(),
    pluginCatalog,
    installScripts: ownInstallScripts(manifest),
  };
}

/** @returns nothing for a manifest that cannot be read: the gateway skips that plugin too */
function pluginId(text: string, path: string): string {
  try {
    return parsePluginManifest(text, path).id ?? '';
  } catch (error) {
    if (error instanceof RequestError) return '';
    throw error;
  }
}

/** Reads official plugins only: `@openclaw/…`. */
function readCatalog(text: string, path: string): Record<string, string> {
  return Object.fromEntries(
    parsePluginCatalog(text, path)
      .filter(({ name }) => name.startsWith('@openclaw/'))
      .map(({ name, openclaw }) => [
        openclaw?.plugin?.id ?? openclaw?.channel?.id ?? name.slice('@openclaw/'.length),
        name,
      ]),
  );
}
