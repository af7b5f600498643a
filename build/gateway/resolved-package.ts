import { readdir, readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { prerelease, rcompare } from 'semver';
import { cacheFolder } from '../cache-folder.ts';
import { countValues, MOST_VALUES } from '../json-values.ts';
import { LARGEST_DOCUMENT, readBytes } from '../oci/response.ts';
import { type Problem, problemWith, RequestError, requestError, WorkError } from '../problem.ts';
import type { GatewayChoice } from '../spec/image-spec.ts';
import { closest } from '../spec/suggestion.ts';
import type { PackagedGateway } from './gateway.ts';
import type { GitDependencies } from './git-dependency.ts';
import { PACKAGE } from './is-checkout.ts';
import { explainNpmError, type NpmOptions, npmErrorCode } from './npm.ts';
import { checkedManifest, isExactVersion } from './package-json.ts';
import type { PackageManifest } from './package-manifest.ts';

/** A resolved npm package: an exact version with its integrity. */
export interface ResolvedPackage {
  /** Specifier for pacote: `openclaw@2026.9.6`, or `file:/…/openclaw.tgz`. */
  readonly selector: string;
  readonly version: string;
  readonly integrity: string;
  /** Its package.json, if the registry provided it. */
  readonly manifest?: PackageManifest;
  /** Replacements of its dependencies: `libsignal` → `npm:libsignal@2.0.1`. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Commits of dependencies from git to use; others are at the newest commit of what the package names. */
  readonly git?: GitDependencies | undefined;
  /** The package-lock.json to use; undefined: a new one. */
  readonly lockfile?: string | undefined;
}

/** @throws RequestError if the version does not exist, with the nearest versions */
export async function resolveGatewayPackage(
  choice: Exclude<GatewayChoice, { kind: 'checkout' }>,
  npm: NpmOptions,
): Promise<ResolvedPackage> {
  if (choice.kind === 'registry') return resolvePublished(choice.selector, npm);
  const { default: pacote } = await import('pacote');
  try {
    const manifest = await pacote.manifest(`file:${choice.path}`, npm);
    if (manifest.name !== PACKAGE) {
      const problem = `is the package ${manifest.name}`;
      throw requestError('--package', choice.path, problem, `give a file created with npm pack ${PACKAGE}`);
    }
    if (!isExactVersion(manifest.version)) throw new Error(`its version is ${JSON.stringify(manifest.version)}`);
    return { selector: `file:${choice.path}`, version: manifest.version, integrity: manifest._integrity };
  } catch (error) {
    if (error instanceof RequestError) throw error;
    const reason = `is not a packed npm package (${(error as Error).message})`;
    throw new RequestError([problemWith('--package', choice.path, reason, `create one with npm pack ${PACKAGE}`)], {
      cause: error,
    });
  }
}

async function resolvePublished(selector: string, npm: NpmOptions): Promise<ResolvedPackage> {
  const known = await readKnownVersion(selector);
  if (known !== undefined) return known;
  const { default: fetch } = await import('npm-registry-fetch');
  try {
    // The document of one version is a hundred times smaller than that of the whole package.
    const body = (await fetch(`/${PACKAGE}/${selector}`, npm)).body as unknown as Readable;
    // Each piece of an answer adds listeners.
    body.setMaxListeners(0);
    const bytes = await readBytes({ body }, LARGEST_DOCUMENT, `npm's document of ${selector}`);
    if (countValues(bytes) > MOST_VALUES) throw new SyntaxError(`it has more than ${MOST_VALUES} values`);
    const manifest = checkedManifest(JSON.parse(bytes.toString('utf8')) as PackageManifest, `${PACKAGE}@${selector}`);
    return {
      selector: `${PACKAGE}@${manifest.version}`,
      version: manifest.version,
      integrity: manifest.dist.integrity,
      manifest,
    };
  } catch (error) {
    if (error instanceof WorkError) throw error;
    if (npmErrorCode(error) !== 'E404') throw explainNpmError(error, `${PACKAGE}@${selector}`);
    throw new RequestError([await unknownVersion(PACKAGE, selector, '--package', npm)], { cause: error });
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

async function unknownVersion(name: string, selector: string, source: string, npm: NpmOptions): Promise<Problem> {
  const { default: pacote } = await import('pacote');
  const value = `${name}@${selector}`;
  const packument = await pacote.packument(name, npm).catch(() => undefined);
  if (packument === undefined) return problemWith(source, value, 'does not exist on npm', 'check the name');
  const versions = Object.keys(packument.versions);
  const newest = versions
    .filter((version) => prerelease(version) === null)
    .sort(rcompare)
    .slice(0, 3);
  const near = closest(selector, [...versions, ...Object.keys(packument['dist-tags'])]);
  return problemWith(
    source,
    value,
    'is not a version or tag on npm',
    `${near.length > 0 ? `the nearest are ${near.join(', ')}; ` : ''}the newest are ${newest.join(', ')}`,
  );
}
