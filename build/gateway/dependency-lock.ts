import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '@npmcli/arborist';
import type { LargeDependency } from './gateway.ts';
import { explainNpmError, npmOptions } from './npm.ts';
import type { DependencyManifest } from './package-manifest.ts';

/** A package that a lockfile installs on Linux. */
export interface LockedPackage {
  readonly name: string;
  /** The folder below node_modules that holds it, or holds what holds it. */
  readonly folder: string;
  readonly tarball: string | undefined;
  readonly hasInstallScript: boolean;
}

/**
 * Writes package.json and package-lock.json: exact versions and integrity of everything that npm will install.
 *
 * The lockfile names no registry, so that the same one serves every mirror.
 * @param folder is made to hold just these two files
 */
export async function lockDependencies(
  manifest: DependencyManifest,
  folder: string,
): Promise<readonly LockedPackage[]> {
  const { default: Arborist } = await import('@npmcli/arborist');
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(join(folder, 'package-lock.json'), { force: true });
  const arborist = new Arborist({
    ...(await npmOptions()),
    path: folder,
    packageLockOnly: true,
    omitLockfileRegistryResolved: true,
    audit: false,
    progress: false,
  });
  try {
    const tree = await arborist.reify({ save: true });
    return [...tree.inventory.values()].filter((node) => !node.isRoot && suitsImage(node)).map(describe);
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

function describe(node: Node): LockedPackage {
  return {
    name: node.packageName ?? node.name,
    folder: /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(node.location)?.[1] ?? node.name,
    tarball: node.resolved?.startsWith('http') === true ? node.resolved : undefined,
    hasInstallScript: (node as { readonly hasInstallScript?: boolean }).hasInstallScript === true,
  };
}

/** A layer of its own is worth it from here on: a smaller package costs less to send again than a layer costs to keep. */
const LARGE = 600_000;
/** Overlay file systems take 127 layers; the base, the system and the gateway need theirs. */
const MOST_LAYERS = 24;

/**
 * Which folders of node_modules are large.
 *
 * @param sizes bytes of each tarball, by its address
 */
export function largeDependencies(
  packages: readonly LockedPackage[],
  sizes: ReadonlyMap<string, number>,
): readonly LargeDependency[] {
  const totals = new Map<string, number>();
  for (const { folder, tarball } of packages) {
    totals.set(folder, (totals.get(folder) ?? 0) + (sizes.get(tarball ?? '') ?? 0));
  }
  return [...totals]
    .map(([name, size]) => ({ name, size }))
    .filter(({ size }) => size >= LARGE)
    .sort((a, b) => b.size - a.size || a.name.localeCompare(b.name))
    .slice(0, MOST_LAYERS);
}

/** Asks the registry how large each tarball is. One that it does not say of stays among the small ones. */
export async function tarballSizes(packages: readonly LockedPackage[]): Promise<ReadonlyMap<string, number>> {
  const { default: fetch } = await import('npm-registry-fetch');
  const options = await npmOptions();
  const sizes = new Map<string, number>();
  await Promise.all(
    [...new Set(packages.flatMap(({ tarball }) => tarball ?? []))].map(async (tarball) => {
      const response = await fetch(tarball, { ...options, method: 'HEAD' }).catch(() => undefined);
      const size = Number(response?.headers.get('content-length') ?? Number.NaN);
      if (Number.isFinite(size)) sizes.set(tarball, size);
    }),
  );
  return sizes;
}
