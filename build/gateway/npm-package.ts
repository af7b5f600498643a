import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { prerelease, rcompare, valid } from 'semver';
import { cacheFolder, fillCache } from '../cache-folder.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import type { GatewayChoice } from '../spec/image-spec.ts';
import { closest } from '../spec/suggestion.ts';
import type { PackagedGateway } from './gateway.ts';
import { lockGateway, manifestIn, writeLocked } from './gateway-lock.ts';
import { PACKAGE } from './is-checkout.ts';
import { explainNpmError, npmErrorCode, npmOptions } from './npm.ts';
import { ownInstallScripts, type PackageManifest, repositoryUrl } from './package-manifest.ts';
import { readPackedFiles } from './packed-file.ts';

/** Increase this number when the format of the cache changes. */
const CACHE_FORMAT = 7;

/** A resolved npm package: an exact version with its integrity. */
export interface ResolvedPackage {
  /** Specifier for pacote: `openclaw@2026.9.6`, or `file:/…/openclaw.tgz`. */
  readonly selector: string;
  readonly version: string;
  readonly integrity: string;
  /** Its package.json, if the registry provided it. */
  readonly manifest?: PackageManifest;
}

/** @throws RequestError if the version does not exist, with the nearest versions */
export async function resolveGatewayPackage(choice: GatewayChoice): Promise<ResolvedPackage> {
  if (choice.kind === 'registry') return resolvePublished(choice.selector);
  const { default: pacote } = await import('pacote');
  try {
    const manifest = await pacote.manifest(`file:${choice.path}`, await npmOptions());
    if (manifest.name !== PACKAGE) {
      const problem = `is the package ${manifest.name}`;
      throw new RequestError([
        {
          source: '--package',
          value: choice.path,
          reason: problem,
          wayOut: `give a file created with npm pack ${PACKAGE}`,
        },
      ]);
    }
    return { selector: `file:${choice.path}`, version: manifest.version, integrity: manifest._integrity };
  } catch (error) {
    if (error instanceof RequestError) throw error;
    const reason = `is not a packed npm package (${(error as Error).message})`;
    throw new RequestError(
      [{ source: '--package', value: choice.path, reason, wayOut: `create one with npm pack ${PACKAGE}` }],
      { cause: error },
    );
  }
}

async function resolvePublished(selector: string): Promise<ResolvedPackage> {
  const known = await readKnownVersion(selector);
  if (known !== undefined) return known;
  const { default: fetch } = await import('npm-registry-fetch');
  try {
    // The document of one version is a hundred times smaller than that of the whole package.
    const manifest = (await fetch.json(`/${PACKAGE}/${selector}`, await npmOptions())) as unknown as PackageManifest & {
      readonly dist: { readonly integrity: string };
    };
    return {
      selector: `${PACKAGE}@${manifest.version}`,
      version: manifest.version,
      integrity: manifest.dist.integrity,
      manifest,
    };
  } catch (error) {
    if (npmErrorCode(error) !== 'E404') throw explainNpmError(error, `${PACKAGE}@${selector}`);
    throw new RequestError([await unknownVersion(PACKAGE, selector, '--package')], { cause: error });
  }
}

/** A published version never changes, so a cached one is not requested again. A tag is not a version. */
async function readKnownVersion(version: string): Promise<ResolvedPackage | undefined> {
  const folders = await readdir(cacheFolder('gateways')).catch(() => []);
  for (const folder of folders.filter((name) => name.startsWith(`${version}-`))) {
    const text = await readFile(cacheFolder('gateways', folder, 'gateway.json'), 'utf8').catch(() => '{}');
    const { origin, integrity } = JSON.parse(text) as Partial<PackagedGateway>;
    if (origin === `${PACKAGE}@${version}` && integrity !== undefined) return { selector: origin, version, integrity };
  }
  return undefined;
}

async function unknownVersion(name: string, selector: string, source: string): Promise<Problem> {
  const { default: pacote } = await import('pacote');
  const value = `${name}@${selector}`;
  const packument = await pacote.packument(name, await npmOptions()).catch(() => undefined);
  if (packument === undefined) return { source, value, reason: 'does not exist on npm', wayOut: 'check the name' };
  const versions = Object.keys(packument.versions);
  const newest = versions
    .filter((version) => prerelease(version) === null)
    .sort(rcompare)
    .slice(0, 3);
  const near = closest(selector, [...versions, ...Object.keys(packument['dist-tags'])]);
  return {
    source,
    value,
    reason: 'is not a version or tag on npm',
    wayOut: `${near.length > 0 ? `the nearest are ${near.join(', ')}; ` : ''}the newest are ${newest.join(', ')}`,
  };
}

/**
 * Downloads the package (npm checks its integrity), reads its metadata and locks its dependencies.
 *
 * The result is cached by integrity: a second call for the same bytes reads one file.
 * @throws WorkError if the registry cannot be read
 */
export async function readGatewayPackage(
  resolved: ResolvedPackage,
  onStep: (step: string) => void = () => {},
): Promise<PackagedGateway> {
  const folder = cachedFolder('gateways', resolved);
  const facts = join(folder, 'gateway.json');
  if (existsSync(facts))
    return { ...(JSON.parse(await readFile(facts, 'utf8')) as PackagedGateway), context: join(folder, 'context') };

  return fillCache(folder, async (partial) => {
    const context = join(partial, 'context');
    const dependencies = join(partial, 'dependencies');
    await mkdir(context, { recursive: true });
    await mkdir(dependencies);
    onStep(`downloading ${resolved.selector} and locking its dependencies`);
    const earlier = await newestGateway();
    const [files, locked] = await Promise.all([
      download(resolved, join(context, 'package.tgz'), FACTS),
      lockGateway(resolved, dependencies, earlier),
    ]);
    const gateway: PackagedGateway = {
      kind: 'package',
      ...describe(manifestIn(files), files),
      origin: resolved.selector.startsWith('file:') ? resolved.selector.slice('file:'.length) : resolved.selector,
      integrity: resolved.integrity,
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
export async function lockedAlone(gateway: PackagedGateway, resolved: ResolvedPackage): Promise<PackagedGateway> {
  if (gateway.lockedAfter === undefined) return gateway;
  const folder = `${cachedFolder('gateways', resolved)}-alone`;
  const facts = join(folder, 'gateway.json');
  if (existsSync(facts)) return JSON.parse(await readFile(facts, 'utf8')) as PackagedGateway;
  return fillCache(folder, async (partial) => {
    const dependencies = join(partial, 'dependencies');
    await mkdir(dependencies);
    const [files, locked] = await Promise.all([
      readPackedFiles(createReadStream(join(gateway.context, 'package.tgz')), FACTS),
      lockGateway(resolved, dependencies, undefined),
    ]);
    const { lockedAfter: _, ...others } = gateway;
    const alone = {
      ...others,
      ...(await writeLocked(locked, dependencies, files)),
      dependencies: join(folder, 'dependencies'),
    };
    await writeFile(join(partial, 'gateway.json'), `${JSON.stringify(alone, null, 2)}\n`);
    return alone;
  });
}

/** Folder of the newest gateway in the cache. */
async function newestGateway(): Promise<string | undefined> {
  const folders = await readdir(cacheFolder('gateways')).catch(() => []);
  const versionOf = (name: string): string | undefined => /^(.+)-[0-9a-f]{16}$/.exec(name)?.[1];
  const [newest] = folders
    .filter((name) => valid(versionOf(name)) !== null)
    .sort((a, b) => rcompare(versionOf(a) ?? '', versionOf(b) ?? ''));
  return newest === undefined ? undefined : cacheFolder('gateways', newest);
}

const PLUGIN_MANIFEST = /^dist\/extensions\/[^/]+\/openclaw\.plugin\.json$/;
const PLUGIN_CATALOG = /^scripts\/lib\/official-external-[a-z-]+-catalog\.json$/;
const FACTS = [
  /^package\.json$/,
  /^pnpm-workspace\.yaml$/,
  /^dist\/build-info\.json$/,
  PLUGIN_MANIFEST,
  PLUGIN_CATALOG,
];

function describe(manifest: PackageManifest, files: ReadonlyMap<string, string>) {
  const buildInfo = JSON.parse(files.get('dist/build-info.json') ?? '{}') as {
    readonly commit?: string;
    readonly builtAt?: string;
  };
  const bundledPlugins: string[] = [];
  const pluginCatalog: Record<string, string> = {};
  for (const [path, text] of files) {
    if (PLUGIN_MANIFEST.test(path)) bundledPlugins.push((JSON.parse(text) as { readonly id: string }).id);
    if (PLUGIN_CATALOG.test(path)) Object.assign(pluginCatalog, readCatalog(text));
  }
  return {
    version: manifest.version,
    nodeRange: manifest.engines?.node ?? '*',
    description: manifest.description ?? '',
    license: manifest.license ?? '',
    homepage: manifest.homepage ?? repositoryUrl(manifest),
    repository: repositoryUrl(manifest),
    revision: buildInfo.commit ?? '',
    built: buildInfo.builtAt,
    bundledPlugins: bundledPlugins.sort(),
    pluginCatalog,
    installScripts: ownInstallScripts(manifest),
  };
}

interface CatalogEntry {
  readonly name: string;
  readonly openclaw?: { readonly plugin?: { readonly id?: string }; readonly channel?: { readonly id?: string } };
}

/** Reads official plugins only: `@openclaw/…`. */
function readCatalog(text: string): Record<string, string> {
  const { entries } = JSON.parse(text) as { readonly entries: readonly CatalogEntry[] };
  return Object.fromEntries(
    entries
      .filter(({ name }) => name.startsWith('@openclaw/'))
      .map(({ name, openclaw }) => [
        openclaw?.plugin?.id ?? openclaw?.channel?.id ?? name.slice('@openclaw/'.length),
        name,
      ]),
  );
}

/** Cache folder of a package; its name contains the version for people and a key of the integrity. */
export function cachedFolder(kind: 'gateways' | 'plugins', { version, integrity }: ResolvedPackage, name = ''): string {
  const key = createHash('sha256').update(`${CACHE_FORMAT} ${integrity}`).digest('hex').slice(0, 16);
  return cacheFolder(kind, `${name}${name === '' ? '' : '-'}${version}-${key}`);
}

/**
 * Downloads a package, and reads some of its files in the same pass.
 *
 * @param archive path to write the package to
 * @param wanted patterns of the paths to read, below the package's root
 * @returns path → text
 * @throws WorkError if the bytes do not match the integrity
 */
export async function download(
  { selector, integrity }: ResolvedPackage,
  archive: string,
  wanted: readonly RegExp[] = [],
): Promise<ReadonlyMap<string, string>> {
  const { default: pacote } = await import('pacote');
  const save = async (bytes: AsyncIterable<Uint8Array>): Promise<ReadonlyMap<string, string>> => {
    const copy = new PassThrough();
    const [files] = await Promise.all([
      readPackedFiles(copy, wanted),
      pipeline(duplicate(bytes, copy), createWriteStream(archive)),
    ]);
    return files;
  };
  try {
    // The archive is the only copy: npm's own cache would take another half second and 100 MB.
    const { cache: _, ...options } = await npmOptions();
    return await pacote.tarball.stream(selector, save, { ...options, integrity });
  } catch (error) {
    if (npmErrorCode(error) === 'EINTEGRITY') {
      throw new WorkError(
        {
          kind: 'integrity',
          title: 'The package does not match its integrity',
          reason: `The bytes of ${selector} do not match ${integrity}.`,
          wayOut: 'try again; if it happens twice, find the proxy that changes packages',
        },
        { cause: error },
      );
    }
    throw explainNpmError(error, selector);
  }
}

/** Passes bytes on, and also writes them to `copy`, at the speed of the slower one. */
async function* duplicate(bytes: AsyncIterable<Uint8Array>, copy: Writable): AsyncGenerator<Uint8Array> {
  try {
    for await (const piece of bytes) {
      if (!copy.write(piece)) await once(copy, 'drain');
      yield piece;
    }
    copy.end();
  } catch (error) {
    copy.destroy(error as Error);
    throw error;
  }
}
