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
const GATEWAY_MANIFEST = 'app/package.json';

/** @returns the folder's name for a package; undefined for a file of one, such as the fixtures of its tests */
function npmFolder(path: string): string | undefined {
  if (!path.endsWith('/package.json')) return undefined;
  const [above, ...folders] = `/${path.slice(0, -'/package.json'.length)}`.split('/node_modules/');
  const isOne = folders.every((folder) => /^(?:\.pnpm\/[^/]+|(?:@[^/]+\/)?[^/@.][^/]*)$/.test(folder));
  const name = folders.at(-1);
  return above !== undefined && isOne && name !== undefined && !name.startsWith('.pnpm/') ? name : undefined;
}

/** Which files say what is installed. */
export const namesPackages = (path: string): boolean =>
  path === DPKG_STATUS || path === GATEWAY_MANIFEST || OS_RELEASE.test(path) || npmFolder(path) !== undefined;

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
    const folder = path === GATEWAY_MANIFEST ? 'openclaw' : npmFolder(path);
    const manifest = folder === undefined ? undefined : parseManifest(text);
    if (folder === undefined || manifest?.version === undefined) continue;
    const { name = folder, version, license } = manifest;
    const said = typeof license === 'string' ? license : undefined;
    found.push({ kind: 'npm', name, version, architecture: undefined, license: said });
  }
  return found;
}

interface NpmManifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: unknown;
}

/** @returns undefined for what npm could not read either */
function parseManifest(text: string): NpmManifest | undefined {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as NpmManifest;
  } catch {
    return undefined;
  }
}
