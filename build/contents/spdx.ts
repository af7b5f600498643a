import { PackageURL } from 'packageurl-js';
import parseLicense from 'spdx-expression-parse';
import type { InstalledPackage } from './installed-packages.ts';

/** The image that an SBOM describes. */
export interface SbomSubject {
  /** `ghcr.io/openclaw/openclaw`. */
  readonly name: string;
  /** Digest of the platform's manifest. */
  readonly digest: string;
  readonly version: string;
  /** Debian architecture: `amd64`. */
  readonly architecture: string;
  /** Debian release: `12`. */
  readonly debian: string | undefined;
  /** ISO 8601. */
  readonly created: string;
  /** npm packages that come from git by name: `git+https://…#COMMIT`. */
  readonly git?: Readonly<Record<string, string>>;
}

export const SPDX_PREDICATE = 'https://spdx.dev/Document';

/** The fields of an SPDX document that are used here. Source: https://spdx.github.io/spdx-spec/v2.3/ */
export interface SpdxDocument {
  readonly spdxVersion: 'SPDX-2.3';
  readonly dataLicense: 'CC0-1.0';
  readonly SPDXID: 'SPDXRef-DOCUMENT';
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly {
    readonly spdxElementId: string;
    readonly relationshipType: 'DESCRIBES' | 'CONTAINS';
    readonly relatedSpdxElement: string;
  }[];
}

export interface SpdxPackage {
  readonly SPDXID: string;
  readonly name: string;
  readonly versionInfo: string;
  readonly downloadLocation: 'NOASSERTION';
  readonly filesAnalyzed: false;
  readonly licenseConcluded: 'NOASSERTION';
  readonly licenseDeclared: string;
  readonly copyrightText: 'NOASSERTION';
  /** The file that names the package, and its layer. */
  readonly sourceInfo?: string;
  readonly primaryPackagePurpose?: 'CONTAINER';
  readonly externalRefs: readonly {
    readonly referenceCategory: 'PACKAGE-MANAGER';
    readonly referenceType: 'purl';
    readonly referenceLocator: string;
  }[];
}

/** Debian's short names of licenses that have other names in SPDX. Source: copyright-format 1.0, "License specification" */
const DEBIAN_NAMES: Readonly<Record<string, string>> = {
  Expat: 'MIT',
  'BSD-2-clause': 'BSD-2-Clause',
  'BSD-3-clause': 'BSD-3-Clause',
  'BSD-4-clause': 'BSD-4-Clause',
  Artistic: 'Artistic-1.0-Perl',
  zlib: 'Zlib',
  ZLIB: 'Zlib',
  'public-domain': 'NOASSERTION',
};

/** `GPL-2+` and `LGPL-2.1` of Debian → `GPL-2.0-or-later`, `LGPL-2.1-only`. */
function gnuLicense(name: string): string | undefined {
  const [, family, version = '', orLater] = /^(A?L?GPL|GFDL)-(\d(?:\.\d)?)(\+?)$/.exec(name) ?? [];
  if (family === undefined) return undefined;
  return `${family}-${version.includes('.') ? version : `${version}.0`}-${orLater === '+' ? 'or-later' : 'only'}`;
}

/**
 * The declared license as an SPDX expression. Package managers allow other values: `UNLICENSED`, `SEE LICENSE IN x`, Debian's own names.
 *
 * @returns `NOASSERTION` if SPDX does not know it
 */
export function spdxLicense(license: string | undefined): string {
  if (license === undefined) return 'NOASSERTION';
  const name = DEBIAN_NAMES[license] ?? gnuLicense(license) ?? license;
  try {
    parseLicense(name);
    return name;
  } catch {
    return 'NOASSERTION';
  }
}

/**
 * The software bill of materials of one platform. Pure: equal packages give equal bytes.
 *
 * @param layerOf digest of the layer that holds a file
 */
export function spdxDocument(
  subject: SbomSubject,
  packages: readonly InstalledPackage[],
  layerOf: (path: string) => string | undefined = () => undefined,
): SpdxDocument {
  const image = spdxPackage('SPDXRef-Image', subject.name, subject.version, imageUrl(subject), undefined);
  const contained = packages.map((entry, index) =>
    spdxPackage(
      `SPDXRef-Package-${index + 1}`,
      entry.name,
      entry.version,
      packageUrl(entry, subject),
      entry.license,
      sourceOf(entry, layerOf),
    ),
  );
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${subject.name}@${subject.digest}`,
    documentNamespace: `https://openclaw.ai/spdx/${subject.digest.replace(':', '-')}`,
    creationInfo: { created: subject.created, creators: ['Organization: OpenClaw', 'Tool: openclaw-image'] },
    packages: [{ ...image, primaryPackagePurpose: 'CONTAINER' }, ...contained],
    relationships: [
      { spdxElementId: 'SPDXRef-DOCUMENT', relationshipType: 'DESCRIBES', relatedSpdxElement: image.SPDXID },
      ...contained.map(({ SPDXID }) => ({
        spdxElementId: image.SPDXID,
        relationshipType: 'CONTAINS' as const,
        relatedSpdxElement: SPDXID,
      })),
    ],
  };
}

function spdxPackage(
  SPDXID: string,
  name: string,
  version: string,
  purl: PackageURL,
  license: string | undefined,
  sourceInfo?: string,
): SpdxPackage {
  return {
    SPDXID,
    name,
    versionInfo: version,
    downloadLocation: 'NOASSERTION',
    filesAnalyzed: false,
    licenseConcluded: 'NOASSERTION',
    licenseDeclared: spdxLicense(license),
    copyrightText: 'NOASSERTION',
    ...(sourceInfo === undefined ? {} : { sourceInfo }),
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl.toString() }],
  };
}

/** Source: https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md */
const imageUrl = ({ name, digest, architecture }: SbomSubject): PackageURL =>
  new PackageURL(
    'oci',
    undefined,
    name.slice(name.lastIndexOf('/') + 1),
    digest,
    { repository_url: name, arch: architecture },
    undefined,
  );

function sourceOf({ path }: InstalledPackage, layerOf: (path: string) => string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const layer = layerOf(path);
  return layer === undefined ? `/${path}` : `/${path} in the layer ${layer}`;
}

/** Source: purl-spec, types deb, npm, pypi and generic. */
function packageUrl(
  { kind, name, version, architecture }: InstalledPackage,
  { debian, git = {} }: SbomSubject,
): PackageURL {
  if (kind === 'npm') {
    const [first = '', second] = name.split('/');
    // Source: purl-spec, known qualifiers: vcs_url, in the form of an SPDX package download location.
    const address = Object.hasOwn(git, name) ? git[name] : undefined;
    const source = address === undefined ? undefined : { vcs_url: address.replace('#', '@') };
    return new PackageURL('npm', second === undefined ? undefined : first, second ?? first, version, source);
  }
  // Source: purl-spec, types-doc/pypi-definition.md: lower case, and - instead of _.
  if (kind === 'python') return new PackageURL('pypi', undefined, name.toLowerCase().replaceAll('_', '-'), version);
  if (kind === 'program') return new PackageURL('generic', undefined, name, version);
  const qualifiers = {
    ...(architecture === undefined ? {} : { arch: architecture }),
    ...(debian === undefined ? {} : { distro: `debian-${debian}` }),
  };
  return new PackageURL('deb', 'debian', name, version, qualifiers, undefined);
}
