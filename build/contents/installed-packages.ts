import type { MergedLayers } from './merged-layers.ts';

/** A package in an image, as recorded by its package manager. */
export interface InstalledPackage {
  readonly kind: 'debian' | 'npm';
  readonly name: string;
  readonly version: string;
  /** Debian architecture; undefined for npm. */
  readonly architecture: string | undefined;
  /** The license as its author declared it; undefined if it is not a single expression. */
  readonly license: string | undefined;
}

const DPKG_STATUS = 'var/lib/dpkg/status';
const OS_RELEASE = /^(?:etc|usr\/lib)\/os-release$/;
const GATEWAY_MANIFEST = 'app/package.json';

/** @returns the name of an installed package's folder; undefined for other package.json files, such as test fixtures */
function npmFolder(path: string): string | undefined {
  if (!path.endsWith('/package.json')) return undefined;
  const [above, ...folders] = `/${path.slice(0, -'/package.json'.length)}`.split('/node_modules/');
  const isOne = folders.every((folder) => /^(?:\.pnpm\/[^/]+|(?:@[^/]+\/)?[^/@.][^/]*)$/.test(folder));
  const name = folders.at(-1);
  return above !== undefined && isOne && name !== undefined && !name.startsWith('.pnpm/') ? name : undefined;
}

/** Whether a file lists installed packages. */
export const namesPackages = (path: string): boolean =>
  path === DPKG_STATUS || path === GATEWAY_MANIFEST || OS_RELEASE.test(path) || npmFolder(path) !== undefined;

/** @returns the installed packages, sorted. Several copies of one version count once */
export function installedPackages({ texts }: Pick<MergedLayers, 'texts'>): readonly InstalledPackage[] {
  const packages = [...debianPackages(texts.get(DPKG_STATUS) ?? ''), ...npmPackages(texts)];
  const keyOf = ({ kind, name, version, architecture = '' }: InstalledPackage): string =>
    `${kind} ${name} ${version} ${architecture}`;
  return [...new Map(packages.map((entry) => [keyOf(entry), entry])).entries()]
    .sort(([entry], [other]) => (entry < other ? -1 : 1))
    .map(([, entry]) => entry);
}

/** The Debian release, `12`; undefined if the image is not Debian. */
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
  const packages: InstalledPackage[] = [];
  for (const [path, text] of texts) {
    const folder = path === GATEWAY_MANIFEST ? 'openclaw' : npmFolder(path);
    const manifest = folder === undefined ? undefined : parseManifest(text);
    if (folder === undefined || manifest?.version === undefined) continue;
    const { name = folder, version, license } = manifest;
    const licenseName = typeof license === 'string' ? license : undefined;
    packages.push({ kind: 'npm', name, version, architecture: undefined, license: licenseName });
  }
  return packages;
}

interface NpmManifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: unknown;
}

/** @returns undefined for a file that npm cannot read either */
function parseManifest(text: string): NpmManifest | undefined {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as NpmManifest;
  } catch {
    return undefined;
  }
}
