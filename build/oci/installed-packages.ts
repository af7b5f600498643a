import type { MergedLayers } from './merged-layers.ts';

/** A package that an image holds, by what its package manager wrote down. */
export interface InstalledPackage {
  readonly kind: 'debian' | 'npm';
  readonly name: string;
  readonly version: string;
  /** Debian's; undefined for npm. */
  readonly architecture: string | undefined;
  /** As its author has it; undefined where that is not said in a word. */
  readonly license: string | undefined;
}

const DPKG_STATUS = 'var/lib/dpkg/status';
const OS_RELEASE = /^(?:etc|usr\/lib)\/os-release$/;
const NPM_MANIFEST =
  /(?:^|\/)node_modules\/(?:\.pnpm\/[^/]+\/node_modules\/)?((?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/;

/** Which files say what is installed. */
export const namesPackages = (path: string): boolean =>
  path === DPKG_STATUS || OS_RELEASE.test(path) || NPM_MANIFEST.test(path);

/** @returns what is installed, sorted; a package that is there several times in one version, once */
export function installedPackages({ texts }: Pick<MergedLayers, 'texts'>): readonly InstalledPackage[] {
  const found = [...debianPackages(texts.get(DPKG_STATUS) ?? ''), ...npmPackages(texts)];
  const keyOf = ({ kind, name, version, architecture = '' }: InstalledPackage): string =>
    `${kind} ${name} ${version} ${architecture}`;
  return [...new Map(found.map((one) => [keyOf(one), one])).entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([, one]) => one);
}

/** `12`; undefined where it is no Debian, or does not say. */
export const debianRelease = ({ texts }: Pick<MergedLayers, 'texts'>): string | undefined =>
  /^VERSION_ID="?([^"\n]+)"?$/m.exec([...texts].find(([path]) => OS_RELEASE.test(path))?.[1] ?? '')?.[1];

function debianPackages(status: string): readonly InstalledPackage[] {
  const field = (paragraph: string, name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
  return status
    .split('\n\n')
    .filter((paragraph) => field(paragraph, 'Status').endsWith(' installed'))
    .map((paragraph) => ({
      kind: 'debian',
      name: field(paragraph, 'Package'),
      version: field(paragraph, 'Version'),
      architecture: field(paragraph, 'Architecture'),
      license: undefined,
    }));
}

function npmPackages(texts: ReadonlyMap<string, string>): readonly InstalledPackage[] {
  const found: InstalledPackage[] = [];
  for (const [path, text] of texts) {
    const folder = NPM_MANIFEST.exec(path)?.[1];
    if (folder === undefined) continue;
    const {
      name = folder,
      version,
      license,
    } = JSON.parse(text) as {
      readonly name?: string;
      readonly version?: string;
      readonly license?: unknown;
    };
    if (version === undefined) continue;
    const said = typeof license === 'string' ? license : undefined;
    found.push({ kind: 'npm', name, version, architecture: undefined, license: said });
  }
  return found;
}
