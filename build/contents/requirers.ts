import { satisfies, validRange } from 'semver';
import { DPKG_STATUS, GATEWAY_MANIFEST, type InstalledPackage, installedPackages } from './installed-packages.ts';
import type { MergedLayers } from './merged-layers.ts';

/** An installed package, and the packages that ask for it. */
export interface RequiredPackage {
  readonly kind: 'debian' | 'npm';
  readonly name: string;
  readonly version: string;
  /** Unpacked bytes of its folder; undefined for a Debian package. */
  readonly size: number | undefined;
  /** Number of the layer that installed it, from 0; undefined if it is not known. */
  readonly layer: number | undefined;
  /** From a package that no other asks for to this one: `['openclaw 2026.9.6', 'a 1.0.0', 'libsignal 2.0.1']`. Those from the gateway
   * first, then the shortest. */
  readonly chains: readonly (readonly string[])[];
}

const MOST_CHAINS = 10;

interface Node {
  readonly installed: InstalledPackage;
  /** Names of the packages that this one asks for, with their ranges. */
  readonly asksFor: readonly { readonly name: string; readonly range: string }[];
}

/**
 * Finds who asks for a package of an image. Pure.
 *
 * @param wanted a name, or name and version: `libsignal`, `ms@2.1.3`
 * @returns each installed version; empty if the image does not contain the package
 */
export function requirersOf(
  merged: Pick<MergedLayers, 'files' | 'texts' | 'layers'>,
  wanted: string,
): readonly RequiredPackage[] {
  const [, name = wanted, version] = /^(.+)@([^@]+)$/.exec(wanted) ?? [];
  const depends = debianRequests(merged.texts.get(DPKG_STATUS) ?? '');
  const nodes = installedPackages(merged).flatMap((installed): readonly Node[] => {
    if (installed.kind === 'npm') return [{ installed, asksFor: npmRequests(merged.texts.get(installed.path ?? '')) }];
    return installed.kind === 'debian' ? [{ installed, asksFor: depends.get(installed.name) ?? [] }] : [];
  });
  return nodes
    .filter(({ installed }) => installed.name === name && (version === undefined || installed.version === version))
    .map((node): RequiredPackage => {
      const { kind, path = '' } = node.installed;
      const folder = path.replace(/[^/]*$/, '');
      const size = [...merged.files].reduce(
        (sum, [file, entry]) => sum + (file.startsWith(folder) ? entry.size : 0),
        0,
      );
      return {
        kind: kind as RequiredPackage['kind'],
        ...{ name: node.installed.name, version: node.installed.version },
        size: kind === 'npm' ? size : undefined,
        layer: merged.layers.get(path),
        chains: chainsTo(node, nodes),
      };
    });
}

const labelOf = ({ installed: { name, version } }: Node): string => `${name} ${version}`;

/** The shortest chains from packages that nothing asks for, by breadth-first search. */
function chainsTo(target: Node, nodes: readonly Node[]): readonly (readonly string[])[] {
  const chains: (readonly string[])[] = [];
  const known = new Set([target]);
  let paths: (readonly Node[])[] = [[target]];
  while (paths.length > 0 && chains.length < MOST_CHAINS) {
    const longer: (readonly Node[])[] = [];
    for (const path of paths) {
      const [first = target] = path;
      const requirers = nodes.filter((other) => other !== first && asks(other, first));
      const isRoot = requirers.length === 0 || first.installed.path === GATEWAY_MANIFEST;
      if (isRoot && path.length > 1) chains.push(path.map(labelOf));
      if (isRoot) continue;
      for (const requirer of requirers) {
        // The gateway can end several chains: each of its dependencies is a reason.
        if (known.has(requirer) && requirer.installed.path !== GATEWAY_MANIFEST) continue;
        known.add(requirer);
        longer.push([requirer, ...path]);
      }
    }
    paths = longer;
  }
  // Requests of the gateway come first: npm in the base brings copies of the same packages.
  const [gateway] = nodes.filter(({ installed }) => installed.path === GATEWAY_MANIFEST).map(labelOf);
  const isGateways = ([first]: readonly string[]): boolean => first === gateway;
  return chains.sort((a, b) => Number(isGateways(b)) - Number(isGateways(a))).slice(0, MOST_CHAINS);
}

function asks({ installed, asksFor }: Node, { installed: wanted }: Node): boolean {
  if (installed.kind !== wanted.kind) return false;
  return asksFor.some(
    ({ name, range }) =>
      name === wanted.name &&
      // apt has chosen a version that fits. The name decides if the request is an address, a folder or a tag.
      (installed.kind === 'debian' ||
        validRange(range) === null ||
        satisfies(wanted.version, range, { includePrerelease: true })),
  );
}

function npmRequests(text: string | undefined): Node['asksFor'] {
  const { dependencies, optionalDependencies, peerDependencies } = parsed(text);
  return Object.entries({ ...peerDependencies, ...optionalDependencies, ...dependencies }).map(([name, range]) => {
    const [, alias, aliased] = /^npm:(.+)@([^@]+)$/.exec(String(range)) ?? [];
    return { name: alias ?? name, range: aliased ?? String(range) };
  });
}

type Dependencies = Readonly<Record<string, unknown>>;

function parsed(text: string | undefined): {
  readonly dependencies?: Dependencies;
  readonly optionalDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
} {
  try {
    return JSON.parse((text ?? '{}').replace(/^\uFEFF/, '')) ?? {};
  } catch {
    return {};
  }
}

/** By package. Source: Debian Policy, "Declaring relationships between packages" @param status of dpkg */
const debianRequests = (status: string): ReadonlyMap<string, Node['asksFor']> =>
  new Map(
    status.split('\n\n').map((paragraph) => {
      const lists = [...paragraph.matchAll(/^(?:Pre-)?Depends: (.*)$/gm)].map(([, list = '']) => list);
      const names = lists.flatMap((list) => list.split(/[,|]/)).map((entry) => entry.trim().replace(/[ :(].*$/, ''));
      return [/^Package: (.*)$/m.exec(paragraph)?.[1] ?? '', names.map((name) => ({ name, range: '' }))];
    }),
  );
