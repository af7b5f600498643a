import { copyFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '@npmcli/arborist';
import { valid } from 'semver';
import { explainNpmError, type NpmOptions, npmErrorCode, npmOptions } from './npm.ts';
import type { DependencyManifest } from './package-manifest.ts';

/** A package that a lockfile installs on Linux. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** The folder below node_modules that holds it, or holds what holds it. */
  readonly folder: string;
  /** `node_modules/a/node_modules/b` */
  readonly location: string;
  /** Asked for by exact version, by the gateway or by what is pinned itself: it changes with the gateway. */
  readonly pinned: boolean;
  readonly tarball: string;
  readonly hasInstallScript: boolean;
}

/**
 * Writes package.json and package-lock.json: exact versions and integrity of everything that npm will install.
 *
 * The lockfile names no registry, so that the same one serves every mirror.
 * @param folder is made to hold just these two files
 * @param earlier a lockfile to begin with: what need not change keeps its version, and its layer
 */
export async function lockDependencies(
  manifest: DependencyManifest,
  folder: string,
  earlier?: string,
): Promise<readonly LockedPackage[]> {
  const { default: Arborist } = await import('@npmcli/arborist');
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(join(folder, 'package-lock.json'), { force: true });
  if (earlier !== undefined) await copyFile(earlier, join(folder, 'package-lock.json'));
  const options = await npmOptions();
  const arborist = new Arborist({
    ...options,
    path: folder,
    packageLockOnly: true,
    omitLockfileRegistryResolved: true,
    audit: false,
    progress: false,
  });
  try {
    const tree = await arborist.reify({ save: true });
    const pinned = pinnedBelow(tree);
    return [...tree.inventory.values()]
      .filter((node) => !node.isRoot && suitsImage(node))
      .map((node) => ({ ...describe(node, options), pinned: pinned.has(node) }));
  } catch (error) {
    throw explainNpmError(error, 'the list of dependencies');
  }
}

/** npm leaves out what is for another system or C library; which processor it is for is seen at the build. */
function suitsImage({ package: manifest }: Node): boolean {
  const { os, libc } = manifest as {
    readonly os?: string | readonly string[];
    readonly libc?: string | readonly string[];
  };
  return (os === undefined || [os].flat().includes('linux')) && (libc === undefined || [libc].flat().includes('glibc'));
}

/** The root, and what is reached from it by exact versions alone: `1.2.3`, `npm:other@1.2.3`. */
function pinnedBelow(root: Node): ReadonlySet<Node> {
  const pinned = new Set([root]);
  // A set goes on to what is added on the way.
  for (const node of pinned) {
    for (const { spec, to } of node.edgesOut.values()) {
      if (to !== null && valid(spec.replace(/^npm:.*@/, '')) !== null) pinned.add(to);
    }
  }
  return pinned;
}

function describe(node: Node, options: NpmOptions): Omit<LockedPackage, 'pinned'> {
  const name = node.packageName ?? node.name;
  return {
    name,
    version: node.version,
    folder: /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(node.location)?.[1] ?? node.name,
    location: node.location,
    tarball: node.resolved?.startsWith('http') === true ? node.resolved : tarballAddress(name, node.version, options),
    hasInstallScript: (node as { readonly hasInstallScript?: boolean }).hasInstallScript === true,
  };
}

/** Where registries keep a tarball; a lockfile without addresses leaves it to this. */
function tarballAddress(name: string, version: string, options: NpmOptions): string {
  const scope = name.startsWith('@') ? name.slice(0, name.indexOf('/')) : '';
  const registry = String(options[`${scope}:registry`] ?? options['registry']).replace(/\/$/, '');
  return `${registry}/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

/**
 * Asks the registry how large each tarball is. One that it does not say of stays among the small ones; which layers there are must
 * not depend on an answer that was lost.
 *
 * @param known bytes of tarballs that need not be asked for, by address; what is published does not change
 * @returns bytes by address
 * @throws WorkError where the registry cannot be asked
 */
export async function tarballSizes(
  packages: readonly LockedPackage[],
  known: Readonly<Record<string, number>>,
): Promise<ReadonlyMap<string, number>> {
  const { default: fetch } = await import('npm-registry-fetch');
  const options = await npmOptions();
  const sizes = new Map<string, number>();
  await Promise.all(
    [...new Set(packages.map(({ tarball }) => tarball))].map(async (tarball) => {
      const size = known[tarball] ?? (await askSize(tarball));
      if (Number.isFinite(size)) sizes.set(tarball, size);
    }),
  );
  return sizes;

  async function askSize(tarball: string): Promise<number> {
    const response = await fetch(tarball, { ...options, method: 'HEAD' }).catch((error: unknown) => {
      if (/^E4\d\d$/.test(npmErrorCode(error) ?? '')) return undefined;
      throw explainNpmError(error, tarball);
    });
    return Number(response?.headers.get('content-length') ?? Number.NaN);
  }
}
