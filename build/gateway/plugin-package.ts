import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prerelease, rcompare, satisfies } from 'semver';
import { fillCache } from '../cache-folder.ts';
import { printable } from '../printable.ts';
import { type Problem, problemWith, RequestError, WorkError } from '../problem.ts';
import { closest } from '../spec/suggestion.ts';
import { dependencyManifest } from '../steps/dependency-manifest.mjs';
import { cachedFolder } from './cached-package.ts';
import { lockDependencies } from './dependency-lock.ts';
import { download } from './download.ts';
import type { BakedPlugin, PackagedGateway } from './gateway.ts';
import { explainNpmError, type NpmOptions, npmErrorCode, refusedGitDependency } from './npm.ts';
import { checkedPackument, isPackageName, parsePackageJson } from './package-json.ts';
import { withAllowedScripts } from './package-manifest.ts';
import { compareVersions, parseVersion } from './version.ts';

/** A version of a plugin, with the fields that decide which one is chosen. */
export interface PluginVersion {
  readonly version: string;
  readonly gatewayRange: string;
  readonly integrity: string;
}

/**
 * Chooses the newest plugin version whose peer range accepts the gateway; stable versions take precedence over prereleases.
 *
 * Corrections have the gateway's meaning (version.ts): `2026.3.13-1` is newer than `2026.3.13`, and accepted wherever that is.
 */
export function choosePluginVersion(
  versions: readonly PluginVersion[],
  gatewayVersion: string,
): PluginVersion | undefined {
  const gateway = parseVersion(gatewayVersion);
  const names =
    gateway !== undefined && gateway.kind !== 'prerelease' ? [gatewayVersion, gateway.date] : [gatewayVersion];
  return versions
    .filter(({ gatewayRange }) => names.some((name) => satisfies(name, gatewayRange, { includePrerelease: true })))
    .sort((a, b) => Number(isPrerelease(a.version)) - Number(isPrerelease(b.version)) || newestFirst(a, b))[0];
}

/** A correction (`2026.3.13-1`) is a prerelease for semver, and none for the gateway. */
const isPrerelease = (version: string): boolean =>
  (parseVersion(version)?.kind ?? 'prerelease') === 'prerelease' && prerelease(version) !== null;

/** Uses the gateway's order if both versions are dates. */
function newestFirst({ version: a }: PluginVersion, { version: b }: PluginVersion): number {
  const [first, second] = [parseVersion(a), parseVersion(b)];
  return first === undefined || second === undefined ? rcompare(a, b) : compareVersions(second, first);
}

/**
 * Resolves the requested plugins that are not in the gateway's package.
 *
 * @throws RequestError with every id that is unknown, or that has no version for this gateway
 */
export async function resolvePlugins(
  ids: readonly string[],
  gateway: PackagedGateway,
  npm: NpmOptions,
): Promise<readonly BakedPlugin[]> {
  const problems: Problem[] = [];
  const baked = await Promise.all(
    ids
      .filter((id) => !gateway.bundledPlugins.includes(id))
      .map(async (id) => {
        // Not every name that an object answers to is an entry: `constructor`.
        const listed = Object.hasOwn(gateway.pluginCatalog, id) ? gateway.pluginCatalog[id] : undefined;
        const packageName = listed ?? `@openclaw/${id}`;
        const versions = isPackageName(packageName) ? await readVersions(packageName, npm) : [];
        const chosen = choosePluginVersion(versions, gateway.version);
        if (chosen !== undefined) return { id, packageName, version: chosen.version, integrity: chosen.integrity };
        const plugin = versions.some(({ gatewayRange }) => gatewayRange !== '');
        problems.push(plugin ? unsuitable(id, packageName, versions, gateway) : unknown(id, packageName, gateway));
        return undefined;
      }),
  );
  if (problems.length > 0) throw new RequestError(problems);
  return baked.filter((plugin) => plugin !== undefined);
}

/** Empty if npm does not have the package. A package without a peer range for the gateway is not a plugin. */
async function readVersions(packageName: string, npm: NpmOptions): Promise<readonly PluginVersion[]> {
  const { default: pacote } = await import('pacote');
  try {
    const { versions } = checkedPackument(await pacote.packument(packageName, npm), packageName);
    return Object.values(versions)
      .map(({ version, dist, peerDependencies }) => ({
        version,
        gatewayRange: peerDependencies?.['openclaw'] ?? '',
        integrity: dist.integrity ?? '',
      }))
      .filter(({ gatewayRange }) => gatewayRange !== '');
  } catch (error) {
    if (error instanceof WorkError) throw error;
    if (npmErrorCode(error) === 'E404') return [];
    throw explainNpmError(error, packageName);
  }
}

function unknown(id: string, packageName: string, gateway: PackagedGateway): Problem {
  if (Object.hasOwn(gateway.pluginCatalog, id)) {
    return problemWith(
      '--extensions',
      id,
      `is a plugin that ${gateway.origin} does not contain, and npm has no package ${packageName} of it`,
      `install it when the gateway runs: docker compose run --rm openclaw-cli plugins install clawhub:${packageName}; ` +
        `or build from a checkout, which has its source: OPENCLAW_SOURCE=DIR`,
    );
  }
  const near = closest(id, [...gateway.bundledPlugins, ...Object.keys(gateway.pluginCatalog)]);
  return problemWith(
    '--extensions',
    id,
    `is not a plugin in ${gateway.origin}, and not an @openclaw package on npm`,
    near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'use an id from dist/extensions/ of the package',
  );
}

function unsuitable(
  id: string,
  packageName: string,
  versions: readonly PluginVersion[],
  gateway: PackagedGateway,
): Problem {
  const oldest = [...versions].sort(newestFirst).at(-1);
  return problemWith(
    '--extensions',
    id,
    `has no version that accepts gateway ${gateway.version} (the oldest ${packageName} requires ${oldest?.gatewayRange ?? 'another'})`,
    'build another gateway version with --package, or leave the plugin out',
  );
}

const fromGit = ({ id, packageName }: BakedPlugin, dependency: string, cause: unknown): WorkError =>
  new WorkError(
    {
      kind: 'git-dependency',
      title: 'A dependency of a plugin comes from a git repository',
      reason: `${packageName} depends on ${printable(dependency)}, and only dependencies of the gateway itself are fetched from git.`,
      hint: `leave ${id} out of --extensions, and install it when the gateway runs: docker compose run --rm openclaw-cli plugins install ${packageName}`,
    },
    { cause },
  );

/**
 * Downloads a plugin and locks its dependencies.
 *
 * @returns the folder with package.tgz and dependencies/, which is the build context of the plugin
 */
export async function readPluginPackage(plugin: BakedPlugin, npm: NpmOptions): Promise<string> {
  const resolved = {
    selector: `${plugin.packageName}@${plugin.version}`,
    version: plugin.version,
    integrity: plugin.integrity,
    lockfile: plugin.lockfile,
  };
  const folder = cachedFolder('plugins', resolved, plugin.id);
  if (existsSync(folder)) return folder;
  await fillCache(folder, async (partial) => {
    await mkdir(join(partial, 'dependencies'));
    const files = await download(resolved, join(partial, 'package.tgz'), npm, [/^package\.json$/]);
    const manifest = dependencyManifest(
      parsePackageJson(files.get('package.json') ?? '{}', `package.json of ${resolved.selector}`),
    );
    const packages = await lockDependencies(manifest, join(partial, 'dependencies'), npm, plugin.lockfile).catch(
      (error: unknown) => {
        const dependency = refusedGitDependency(error);
        throw dependency === undefined ? error : fromGit(plugin, dependency, error);
      },
    );
    // Install scripts of a plugin's dependencies never run: the gateway installs plugins without them too.
    const withScripts = packages.filter((locked) => locked.hasInstallScript).map(({ name }) => name);
    await writeFile(join(partial, 'dependencies', 'package.json'), withAllowedScripts(manifest, withScripts, []));
  });
  return folder;
}
