import { type Annotations, checkAnnotations } from '../oci/annotations.ts';
import { type ContentSource, registryContent } from '../oci/content.ts';
import {
  ATTESTED_DIGEST,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  isAttestation,
  platformOf,
} from '../oci/descriptor.ts';
import type { Platform } from '../oci/platform.ts';
import type { Repository } from '../oci/reference.ts';
import { nameOf, parseDocument, type Registry } from '../oci/registry.ts';
import { SPDX_PREDICATE, type SpdxDocument } from '../sbom/spdx.ts';
import { readStatements, type Statement } from './attestations.ts';

/** An image index in a registry, with everything it refers to. */
export interface PublishedImage {
  readonly repository: Repository;
  readonly digest: string;
  readonly index: ImageIndex;
  readonly platforms: readonly PublishedPlatform[];
}

export interface PublishedPlatform {
  /** `linux/amd64`. */
  readonly platform: string;
  readonly manifest: Descriptor;
  readonly content: ImageManifest;
  /** From the config. */
  readonly config: { readonly os: string; readonly architecture: string; readonly labels: Annotations };
  /** By predicate type. */
  readonly statements: ReadonlyMap<string, Statement>;
  /** Layers that are missing or incomplete. */
  readonly missing: readonly string[];
}

export interface PublishedCheck {
  readonly name: string;
  readonly passed: boolean;
  readonly found: string;
}

/**
 * Reads an image and everything that it refers to.
 *
 * @returns undefined if there is no such index
 * @throws WorkError if content does not match its digest
 */
export async function readPublishedImage(
  registry: Registry,
  repository: Repository,
  reference: string,
): Promise<PublishedImage | undefined> {
  const document = await registry.document(repository, reference);
  if (document === undefined) return undefined;
  const index = parseDocument<ImageIndex>(document.bytes);
  const source = registryContent(registry, repository);
  const images = (index.manifests ?? []).filter((one) => !isAttestation(one));
  const platforms = await Promise.all(
    images.map(async (manifest) => {
      const about = (index.manifests ?? []).filter(
        (one) => isAttestation(one) && one.annotations?.[ATTESTED_DIGEST] === manifest.digest,
      );
      return readPlatform(registry, repository, source, manifest, about);
    }),
  );
  return { repository, digest: document.descriptor.digest, index, platforms };
}

async function readPlatform(
  registry: Registry,
  repository: Repository,
  source: ContentSource,
  manifest: Descriptor,
  about: readonly Descriptor[],
): Promise<PublishedPlatform> {
  const content = parseDocument<ImageManifest>(await source.document(manifest.digest));
  const [config, statements, there] = await Promise.all([
    source.blob(content.config.digest).then((bytes) =>
      parseDocument<{
        readonly os: string;
        readonly architecture: string;
        readonly config?: { readonly Labels?: Annotations };
      }>(bytes),
    ),
    Promise.all(about.map((one) => readStatements(source, one))),
    Promise.all(content.layers.map((layer) => registry.hasBlob(repository, layer))),
  ]);
  return {
    platform: platformOf(manifest),
    manifest,
    content,
    config: { os: config.os, architecture: config.architecture, labels: config.config?.Labels ?? {} },
    statements: new Map(statements.flatMap((one) => [...one])),
    missing: content.layers.flatMap(({ digest }, index) => (there[index] === true ? [] : [digest])),
  };
}

/** The fields of a provenance that are read here. Source: https://slsa.dev/spec/v1.0/provenance, BuildKit's slsa-definitions.md */
export interface Provenance {
  readonly buildDefinition?: {
    readonly buildType?: string;
    readonly externalParameters?: {
      readonly request?: { readonly args?: Readonly<Record<string, string>> };
      readonly image?: string;
    };
    readonly resolvedDependencies?: readonly {
      readonly uri?: string;
      readonly digest?: Readonly<Record<string, string>>;
    }[];
  };
  readonly runDetails?: { readonly builder?: { readonly id?: string } };
}

/** The expected origin of an image. */
export interface ExpectedOrigin {
  readonly source?: string;
  readonly builder?: RegExp | undefined;
}

export const PROVENANCE_PREDICATE = 'https://slsa.dev/provenance/v1';

const SOURCE = 'org.opencontainers.image.source';
const REVISION = 'org.opencontainers.image.revision';

/**
 * Checks an image against the rules for every release. Pure.
 *
 * @param wanted required platforms
 * @param expected the expected provenance, if it is known from elsewhere than the image
 */
export function publishedChecks(
  { repository, index, platforms }: PublishedImage,
  wanted: readonly Platform[],
  expected: ExpectedOrigin = {},
): readonly PublishedCheck[] {
  const there = platforms.map(({ platform }) => platform);
  const absent = wanted.filter((one) => !there.includes(one));
  const annotations = index.annotations ?? {};
  return [
    {
      name: 'platforms',
      passed: absent.length === 0 && there.length > 0,
      found: absent.length === 0 ? there.join(', ') : `${nameOf(repository)} has no ${absent.join(', ')}`,
    },
    annotationsCheck('index annotations', annotations, annotations),
    ...platforms.flatMap((one) => platformChecks(one, annotations, expected)),
  ];
}

function platformChecks(
  one: PublishedPlatform,
  annotations: Annotations,
  expected: ExpectedOrigin,
): readonly PublishedCheck[] {
  const { platform, config, content, statements, missing, manifest } = one;
  const is = `${config.os}/${config.architecture}`;
  const sbom = statements.get(SPDX_PREDICATE)?.predicate as SpdxDocument | undefined;
  const counts = (['deb', 'npm'] as const).map(
    (kind) =>
      (sbom?.packages ?? []).filter(({ externalRefs }) =>
        externalRefs.some(({ referenceLocator }) => referenceLocator.startsWith(`pkg:${kind}/`)),
      ).length,
  );
  const [debian = 0, npm = 0] = counts;
  return [
    { name: `${platform} config`, passed: is === platform, found: `the config says ${is}` },
    annotationsCheck(`${platform} annotations`, content.annotations ?? {}, annotations),
    {
      name: `${platform} layers`,
      passed: missing.length === 0,
      found: missing.length === 0 ? `${content.layers.length} layers` : `missing: ${missing.join(', ')}`,
    },
    provenanceCheck(one, annotations, expected),
    {
      name: `${platform} SBOM`,
      passed: debian > 0 && npm > 0 && isAbout(statements.get(SPDX_PREDICATE), manifest),
      found: sbom === undefined ? 'none' : `${debian} Debian and ${npm} npm packages`,
    },
  ];
}

function annotationsCheck(name: string, annotations: Annotations, same: Annotations): PublishedCheck {
  const problems = checkAnnotations(annotations).map(({ key, reason }) => `${key} ${reason}`);
  const differing = Object.keys(same).filter((key) => annotations[key] !== same[key]);
  const found = [...problems, ...(differing.length === 0 ? [] : [`${differing.join(', ')} differ from the index`])];
  const keys = Object.keys(annotations).length;
  return { name, passed: found.length === 0, found: found.length === 0 ? `${keys} keys` : found.join('; ') };
}

const isAbout = (statement: Statement | undefined, manifest: Descriptor): boolean =>
  statement?.subject.some(({ digest }) => `sha256:${digest['sha256']}` === manifest.digest) === true;

/** The provenance must name the source, the revision and the builder, as the annotations do. */
function provenanceCheck(
  { platform, statements, manifest, content }: PublishedPlatform,
  annotations: Annotations,
  { source, builder: trusted }: ExpectedOrigin,
): PublishedCheck {
  const name = `${platform} provenance`;
  const statement = statements.get(PROVENANCE_PREDICATE) as Statement<Provenance> | undefined;
  if (statement === undefined) return { name, passed: false, found: 'none' };
  const { buildDefinition, runDetails } = statement.predicate;
  const values = Object.values(buildDefinition?.externalParameters?.request?.args ?? {});
  const builder = runDetails?.builder?.id ?? '';
  const said = { ...annotations, ...content.annotations };
  const lacking = [SOURCE, REVISION].filter((key) => !values.includes(said[key] ?? ''));
  const wrong = [
    ...(isAbout(statement, manifest) ? [] : ['describes another image']),
    ...lacking.map((key) => `does not contain ${key} ${said[key] ?? ''}`),
    ...(builder === '' ? ['names no builder'] : []),
    ...(source !== undefined && said[SOURCE] !== source ? [`was built from ${said[SOURCE]}, not from ${source}`] : []),
    ...(trusted !== undefined && !trusted.test(builder) ? [`was built by ${builder}`] : []),
  ];
  const revision = said[REVISION]?.slice(0, 12) ?? '';
  return {
    name,
    passed: wrong.length === 0,
    found: wrong.length === 0 ? `${said[SOURCE]} ${revision}, built by ${builder}` : wrong.join('; '),
  };
}
