import type { MergedLayers } from './merged-layers.ts';

/** A package in an image, as recorded by its package manager; or a program that no package manager knows. */
export interface InstalledPackage {
  readonly kind: 'debian' | 'npm' | 'python' | 'program';
  readonly name: string;
  readonly version: string;
  /** Debian architecture; undefined for other kinds. */
  readonly architecture: string | undefined;
  /** The license as its author declared it; undefined if it is not a single expression. */
  readonly license: string | undefined;
  /** The file that says so; undefined for what the image's variables say. */
  readonly path: string | undefined;
}

export const DPKG_STATUS = 'var/lib/dpkg/status';
/** Packages that were unpacked without dpkg, one file each, as in distroless images. Source: https://github.com/GoogleContainerTools/distroless */
const DPKG_STATUS_FOLDER = /^var\/lib\/dpkg\/status\.d\/[^/]+(?<!\.md5sums)$/;
const NODE = 'usr/local/bin/node';
const OS_RELEASE = /^(?:etc|usr\/lib)\/os-release$/;
/** The gateway's own package. */
export const GATEWAY_MANIFEST = 'app/package.json';
/** Source: https://packaging.python.org/en/latest/specifications/recording-installed-packages/ */
const PYTHON_METADATA =
  /^usr\/(?:local\/)?lib\/python3[^/]*\/(?:dist|site)-packages\/[^/]+\.(?:dist-info\/METADATA|egg-info(?:\/PKG-INFO)?)$/;
/** Debian's machine-readable copyright files. Source: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/ */
const COPYRIGHT = /^usr\/share\/doc\/([^/]+)\/copyright$/;
/** The versions of the browsers that a Playwright downloads. */
const BROWSERS = /^app\/(?:.*\/)?node_modules\/playwright-core\/browsers\.json$/;

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
  path === DPKG_STATUS ||
  path === GATEWAY_MANIFEST ||
  [OS_RELEASE, DPKG_STATUS_FOLDER, PYTHON_METADATA, COPYRIGHT, BROWSERS].some((pattern) => pattern.test(path)) ||
  npmFolder(path) !== undefined;

/**
 * @param variables of the image, which name the version of Node: `NODE_VERSION=24.1.0`
 * @returns the installed packages, sorted. Several copies of one version count once
 */
export function installedPackages(
  { files, texts }: Pick<MergedLayers, 'files' | 'texts'>,
  variables: readonly string[] = [],
): readonly InstalledPackage[] {
  const packages = [
    ...debianPackages(texts, files),
    ...npmPackages(texts),
    ...pythonPackages(texts),
    ...nodeProgram(variables, files),
    ...browsers(texts, files),
  ];
  const keyOf = ({ kind, name, version, architecture = '' }: InstalledPackage): string =>
    `${kind} ${name} ${version} ${architecture}`;
  return [...new Map(packages.map((entry) => [keyOf(entry), entry])).entries()]
    .sort(([entry], [other]) => (entry < other ? -1 : 1))
    .map(([, entry]) => entry);
}

/** @returns Debian packages: name → version; npm packages: name → versions, separated by commas */
export function versionsByName(packages: readonly Pick<InstalledPackage, 'kind' | 'name' | 'version'>[]): {
  readonly debian: ReadonlyMap<string, string>;
  readonly npm: ReadonlyMap<string, string>;
} {
  const npm = new Map<string, string[]>();
  for (const { kind, name, version } of packages)
    if (kind === 'npm') npm.set(name, [...(npm.get(name) ?? []), version]);
  return {
    debian: new Map(packages.flatMap(({ kind, name, version }) => (kind === 'debian' ? [[name, version]] : []))),
    npm: new Map([...npm].map(([name, versions]) => [name, versions.sort().join(', ')])),
  };
}

/** The Debian release, `12`; undefined if the image is not Debian. */
export const debianRelease = ({ texts }: Pick<MergedLayers, 'texts'>): string | undefined =>
  /^VERSION_ID="?([^"\n]+)"?$/m.exec([...texts].find(([path]) => OS_RELEASE.test(path))?.[1] ?? '')?.[1];

function debianPackages(
  texts: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, unknown>,
): readonly InstalledPackage[] {
  const installed = (texts.get(DPKG_STATUS) ?? '').split('\n\n');
  const unpacked = [...texts].flatMap(([path, text]) =>
    DPKG_STATUS_FOLDER.test(path) ? [{ path, paragraph: text }] : [],
  );
  const field = (paragraph: string, name: string): string =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(paragraph)?.[1] ?? '';
  const found = [
    ...installed
      .filter((paragraph) => field(paragraph, 'Status').endsWith(' installed'))
      .map((paragraph) => ({ path: DPKG_STATUS, paragraph })),
    ...unpacked,
  ];
  return found.map(({ path, paragraph }) => {
    const [name, architecture] = [field(paragraph, 'Package'), field(paragraph, 'Architecture')];
    const copyright = `usr/share/doc/${name}/copyright`;
    const lists = [`var/lib/dpkg/info/${name}.list`, `var/lib/dpkg/info/${name}:${architecture}.list`];
    return {
      kind: 'debian',
      ...{ name, version: field(paragraph, 'Version'), architecture },
      license: debianLicense(texts.get(copyright)),
      // Each layer with apt's changes has all of dpkg's status; a file of the package is in the layer that installed it.
      path: [...lists, copyright].find((file) => files.has(file)) ?? path,
    };
  });
}

/** @returns the license of a package whose files all have one; undefined if there are several, or the file is free text */
function debianLicense(copyright: string | undefined): string | undefined {
  if (copyright === undefined || !/^Format:.*copyright-format/m.test(copyright)) return undefined;
  const names = new Set([...copyright.matchAll(/^License:[ \t]*(\S.*)$/gm)].map(([, name = '']) => name.trim()));
  return names.size === 1 ? [...names][0] : undefined;
}

function pythonPackages(texts: ReadonlyMap<string, string>): readonly InstalledPackage[] {
  return [...texts].flatMap(([path, text]): readonly InstalledPackage[] => {
    if (!PYTHON_METADATA.test(path)) return [];
    const field = (name: string): string | undefined =>
      new RegExp(`^${name}:[ \\t]*(\\S.*)$`, 'm').exec(text)?.[1]?.trim();
    const [name, version] = [field('Name'), field('Version')];
    if (name === undefined || version === undefined) return [];
    const license = field('License-Expression') ?? field('License');
    return [{ kind: 'python', name, version, architecture: undefined, license, path }];
  });
}

/** Node comes with the base, and no package manager lists it. */
function nodeProgram(variables: readonly string[], files: ReadonlyMap<string, unknown>): readonly InstalledPackage[] {
  const path = files.has(NODE) ? NODE : undefined;
  const version = variables.find((entry) => entry.startsWith('NODE_VERSION='))?.slice('NODE_VERSION='.length);
  return version === undefined
    ? []
    : [{ kind: 'program', name: 'node', version, architecture: undefined, license: 'MIT', path }];
}

/** The browsers that Playwright downloaded: its list has versions by revision, and the folders have revisions. */
function browsers(
  texts: ReadonlyMap<string, string>,
  files: ReadonlyMap<string, unknown>,
): readonly InstalledPackage[] {
  const folders = new Map<string, string>();
  for (const path of files.keys()) {
    const [folder, name = '', revision = ''] =
      /^home\/node\/\.cache\/ms-playwright\/([a-z_]+)-(\d+)(?=\/)/.exec(path) ?? [];
    if (folder !== undefined) folders.set(`${name.replaceAll('_', '-')} ${revision}`, folder);
  }
  if (folders.size === 0) return [];
  const lists = [...texts].flatMap(([path, json]) => (BROWSERS.test(path) ? browserList(json) : []));
  return [...folders].map(([key, path]): InstalledPackage => {
    const [name = '', revision = ''] = key.split(' ');
    const listed = lists.find((entry) => entry.name === name && entry.revision === revision);
    const version = text(listed?.browserVersion) ?? `revision-${revision}`;
    return { kind: 'program', name, version, architecture: undefined, license: undefined, path };
  });
}

interface Browser {
  readonly name?: unknown;
  readonly revision?: unknown;
  readonly browserVersion?: unknown;
}

function browserList(json: string): readonly Browser[] {
  const list = parseObject(json)['browsers'];
  return Array.isArray(list) ? list.filter((entry) => typeof entry === 'object' && entry !== null) : [];
}

/** Every copy of every npm package, the gateway's own among them. */
export function npmPackages(texts: ReadonlyMap<string, string>): readonly InstalledPackage[] {
  const packages: InstalledPackage[] = [];
  for (const [path, json] of texts) {
    const folder = path === GATEWAY_MANIFEST ? 'openclaw' : npmFolder(path);
    if (folder === undefined) continue;
    const manifest = parseObject(json);
    const version = text(manifest['version']);
    if (version === undefined) continue;
    const declared = text(manifest['name']) ?? '';
    const name = NPM_NAME.test(declared) ? declared : folder;
    packages.push({ kind: 'npm', name, version, architecture: undefined, license: text(manifest['license']), path });
  }
  return packages;
}

/** A name with or without a scope, in a form that a package URL can have. */
const NPM_NAME = /^(?:@[^/@\s]+\/)?[^/@\s]+$/;

/** An author may have written anything there. @returns undefined for everything but a text */
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** @returns an empty object for a file that npm cannot read either */
function parseObject(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json.replace(/^\uFEFF/, ''));
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
