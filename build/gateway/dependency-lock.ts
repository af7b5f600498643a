import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Node } from '@npmcli/arborist';
import { valid } from 'semver';
import { unpublishedFailure } from './dependency-problems.ts';
import { explainNpmError, type NpmOptions, npmErrorCode } from './npm.ts';
import type { DependencyManifest } from './package-manifest.ts';

/** A locked package that is installed on Linux. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** The top-level folder in node_modules that contains it. */
  readonly folder: string;
  /** `node_modules/a/node_modules/b` */
  readonly location: string;
  /** Requested by exact version, by the gateway or by a pinned package, so it changes with the gateway. */
  readonly pinned: boolean;
  /** Address; one from git is a `file:` beside the lockfile. */
  readonly tarball: string;
  readonly hasInstallScript: boolean;
}

/**
 * Writes package.json and package-lock.json: exact versions and integrity of everything that npm will install.
 *
 * The lockfile contains no registry addresses, so it works with every mirror.
 * @param folder where both files are written
 * @param earlier contents of a lockfile to start from: packages that need not change keep their version, and their layer
 */
export async function lockDependencies(
  manifest: DependencyManifest,
  folder: string,
  npm: NpmOptions,
  earlier?: string,
): Promise<readonly LockedPackage[]> {
  const { default: Arborist } = await import('@npmcli/arborist');
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  await rm(join(folder, 'package-lock.json'), { force: true });
  if (earlier !== undefined) await writeFile(join(folder, 'package-lock.json'), earlier);
  const arborist = new Arborist({
    ...npm,
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
      .map((node) => ({ ...describe(node, npm), pinned: pinned.has(node) }));
  } catch (error) {
    throw unpublishedFailure(error) ?? explainNpmError(error, 'the list of dependencies');
  }
}

/** npm skips packages for other systems or C libraries. Packages for other processors are skipped during the build. */
function suitsImage({ package: manifest }: Node): boolean {
  const { os, libc } = manifest as {
    readonly os?: string | readonly string[];
    readonly libc?: string | readonly string[];
  };
  return (os === undefined || [os].flat().includes('linux')) && (libc === undefined || [libc].flat().includes('glibc'));
}

/** The root, and every package reached from it by exact versions only: `1.2.3`, `npm:other@1.2.3`. */
function pinnedBelow(root: Node): ReadonlySet<Node> {
  const pinned = new Set([root]);
  // Iterating over a set includes the elements that are added meanwhile.
  for (const node of pinned) {
    for (const { spec, to } of node.edgesOut.values()) {
      if (to !== null && valid(spec.replace(/^npm:.*@/, '')) !== null) pinned.add(to);
    }
  }
  return pinned;
}

function describe(node: Node, npm: NpmOptions): Omit<LockedPackage, 'pinned'> {
  const name = node.packageName ?? node.name;
  return {
    name,
    version: node.version,
    folder: /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(node.location)?.[1] ?? node.name,
    location: node.location,
    tarball: /^(?:https?|file):/.test(node.resolved ?? '')
      ? (node.resolved ?? '')
      : tarballAddress(name, node.version, npm),
    hasInstallScript: (node as { readonly hasInstallScript?: boolean }).hasInstallScript === true,
  };
}

/** The address of a tarball in a registry. The lockfile contains no addresses, so npm derives them in the same way. */
function tarballAddress(name: string, version: string, npm: NpmOptions): string {
  const scope = name.startsWith('@') ? name.slice(0, name.indexOf('/')) : '';
  const registry = String(npm[`${scope}:registry`] ?? npm['registry']).replace(/\/$/, '');
  return `${registry}/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

/**
 * Asks the registry for the size of each tarball. A tarball without a known size counts as small. A failed request is an error,
 * because the layers must not depend on a lost answer.
 *
 * @param known bytes of tarballs by address; published tarballs do not change
 * @returns bytes by address
 * @throws WorkError if the registry is unreachable
 */
export async function tarballSizes(
  packages: readonly LockedPackage[],
  known: Readonly<Record<string, number>>,
  npm: NpmOptions,
): Promise<ReadonlyMap<string, number>> {
  const { default: fetch } = await import('npm-registry-fetch');
  const sizes = new Map<string, number>();
  await Promise.all(
    [...new Set(packages.map(({ tarball }) => tarball))].map(async (tarball) => {
      if (tarball.startsWith('file:')) return;
      const size = known[tarball] ?? (await requestSize(tarball));
      if (Number.isFinite(size)) sizes.set(tarball, size);
    }),
  );
  return sizes;

  async function requestSize(tarball: string): Promise<number> {
    const response = await fetch(tarball, { ...npm, method: 'HEAD' }).catch((error: unknown) => {
      if (/^E4\d\d$/.test(npmErrorCode(error) ?? '')) return undefined;
      throw explainNpmError(error, tarball);
    });
    return Number(response?.headers.get('content-length') ?? Number.NaN);
  }
}
