import { readStatements, type Statement } from '../attest/attestation.ts';
import { PROVENANCE_PREDICATE, type Provenance } from '../attest/provenance.ts';
import type { CheckResult } from '../check-result.ts';
import { SPDX_PREDICATE, type SpdxDocument, type SpdxPackage } from '../contents/spdx.ts';
import { ANNOTATION, type Annotations } from '../oci/annotations.ts';
import { checkAnnotations } from '../oci/check-annotations.ts';
import { type ContentSource, registryContent } from '../oci/content.ts';
import {
  ATTESTED_DIGEST,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  isAttestation,
  platformOf,
} from '../oci/descriptor.ts';
import { indexOf, invalidContent, parseImageConfig, parseManifest } from '../oci/document.ts';
import { PLATFORMS, type Platform } from '../oci/platform.ts';
import { type Repository, repositoryOf } from '../oci/reference.ts';
import { atDigest, type Registry } from '../oci/registry.ts';

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

/**
 * Reads an image and everything that it refers to.
 *
 * @returns undefined if the index does not exist
 * @throws WorkError if content does not match its digest
 */
export async function readPublishedImage(
  registry: Registry,
  repository: Repository,
  reference: string,
): Promise<PublishedImage | undefined> {
  const document = await registry.document(repository, reference);
  if (document === undefined) return undefined;
  const index = indexOf(document.content, `${repositoryOf(repository)} ${reference}`);
  const source = registryContent(registry, repository);
  const images = index.manifests.filter((entry) => !isAttestation(entry));
  // Nobody publishes more, and each costs a request for each of its layers.
  if (images.length > MOST_PLATFORMS)
    throw invalidContent(
      atDigest(repository, reference),
      `it has ${images.length} images, not at most ${MOST_PLATFORMS}`,
    );
  // Each image would be read, and its layers looked for, again.
  if (new Set(index.manifests.map(({ digest }) => digest)).size < index.manifests.length)
    throw invalidContent(atDigest(repository, reference), 'it has the same entry several times');
  const platforms = await Promise.all(
    images.map(async (manifest) => {
      const about = index.manifests.filter(
        (entry) => isAttestation(entry) && entry.annotations?.[ATTESTED_DIGEST] === manifest.digest,
      );
      if (about.length > 1)
        throw invalidContent(
          atDigest(repository, reference),
          `${manifest.digest} has ${about.length} attestations, not one`,
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
  const content = parseManifest(await source.document(manifest.digest), manifest.digest);
  if (content.layers.length > MOST_LAYERS)
    throw invalidContent(manifest.digest, `it has ${content.layers.length} layers, not at most ${MOST_LAYERS}`);
  const layers = new Map(content.layers.map((layer) => [layer.digest, layer]));
  const [config, statements, missing] = await Promise.all([
    source.blob(content.config.digest).then((bytes) => parseImageConfig(bytes, content.config.digest)),
    Promise.all(about.map((entry) => readStatements(source, entry))),
    Promise.all(
      [...layers.values()].map(async (layer) => ((await registry.hasBlob(repository, layer)) ? [] : [layer.digest])),
    ),
  ]);
  return {
    platform: platformOf(manifest),
    manifest,
    content,
    config: { os: config.os, architecture: config.architecture, labels: config.config?.Labels ?? {} },
    statements: new Map(statements.flatMap((entry) => [...entry])),
    missing: missing.flat(),
  };
}

const MOST_PLATFORMS = 8;
/** Some of Docker's storage drivers take no more. Source: moby, layer/layer_store.go, the comment on maxLayerDepth */
const MOST_LAYERS = 127;

/** The expected origin of an image. */
export interface ExpectedOrigin {
  readonly source?: string;
  readonly builder?: RegExp | undefined;
}

/**
 * Checks an image against the rules for every release. Pure.
 *
 * @param required platforms that must exist
 * @param expected the expected provenance, if it is known from elsewhere than the image
 */
export function publishedChecks(
  { repository, index, platforms }: PublishedImage,
  required: readonly Platform[],
  expected: ExpectedOrigin = {},
): readonly CheckResult[] {
  const existing = platforms.map(({ platform }) => platform);
  const absent = required.filter((platform) => !existing.includes(platform));
  const annotations = index.annotations ?? {};
  return [
    check(
      'platforms',
      absent.length === 0 && existing.length > 0,
      absent.length === 0 ? existing.join(', ') : `${repositoryOf(repository)} has no ${absent.join(', ')}`,
    ),
    attestationsCheck(index),
    annotationsCheck('index annotations', annotations, annotations),
    ...platforms.flatMap((platform) => platformChecks(platform, annotations, expected)),
  ];
}

/** Everything in the index must be a checked image, or an attestation of one: an entry that no check reads could be anything. */
function attestationsCheck({ manifests }: ImageIndex): CheckResult {
  const images = manifests.filter((entry) => !isAttestation(entry));
  const digests = new Set(images.map(({ digest }) => digest));
  const attestations = manifests.filter(isAttestation);
  const strange = attestations.filter(({ annotations }) => !digests.has(annotations?.[ATTESTED_DIGEST] ?? ''));
  const unknown = images.filter((entry) => !(PLATFORMS as readonly string[]).includes(platformOf(entry)));
  const repeated = images.length - new Set(images.map(platformOf)).size;
  const problems = [
    ...strange.map(({ digest }) => `${digest} attests no image of this index`),
    ...unknown.map((entry) => `${entry.digest} is for ${platformOf(entry) || 'no platform'}`),
    ...(repeated === 0 ? [] : ['several images are for the same platform']),
  ];
  const found = `${images.length} images, ${attestations.length} attestations`;
  return check('index entries', problems.length === 0, problems.join('; ') || found);
}

/** The subject of each check, by the last word of its name. */
const CHECKED: Readonly<Record<string, string>> = {
  platforms: 'the index against the required platforms',
  entries: 'each entry of the index: an image, or an attestation of one',
  annotations: 'the annotations against their schema, and those of a manifest against those of the index',
  config: 'the platform in the config against that in the index',
  layers: 'presence and size of each layer in the registry, not its contents',
  provenance: 'the statement against the digest of the manifest, the annotations, and the expected source and builder',
  SBOM: 'the statement against the digest of the manifest; it lists Debian and npm packages',
};

const check = (name: string, isPassed: boolean, found: string): CheckResult => ({
  name,
  status: isPassed ? 'passed' : 'failed',
  found,
  checked: CHECKED[name.split(' ').at(-1) ?? ''] ?? '',
});

function platformChecks(
  published: PublishedPlatform,
  annotations: Annotations,
  expected: ExpectedOrigin,
): readonly CheckResult[] {
  const { platform, config, content, statements, missing, manifest } = published;
  const configPlatform = `${config.os}/${config.architecture}`;
  const statement = statements.get(SPDX_PREDICATE);
  const locators = packageLocators(statement?.predicate);
  const [debian = 0, npm = 0] = (['deb', 'npm'] as const).map(
    (kind) => locators.filter((of) => of.some((locator) => locator.startsWith(`pkg:${kind}/`))).length,
  );
  return [
    check(`${platform} config`, configPlatform === platform, `the config says ${configPlatform}`),
    annotationsCheck(`${platform} annotations`, content.annotations ?? {}, annotations),
    check(
      `${platform} layers`,
      missing.length === 0,
      missing.length === 0 ? `${content.layers.length} layers` : `missing: ${missing.join(', ')}`,
    ),
    provenanceCheck(published, annotations, expected),
    check(
      `${platform} SBOM`,
      debian > 0 && npm > 0 && isAbout(statement, manifest),
      statement === undefined ? 'none' : `${debian} Debian and ${npm} npm packages`,
    ),
  ];
}

/** Text, or nothing: an object from a document may even lack a way to become text. */
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The package URLs of each package in an SPDX document, which may be anything. */
function packageLocators(predicate: unknown): readonly (readonly string[])[] {
  const { packages } = (predicate ?? {}) as Partial<SpdxDocument>;
  if (!Array.isArray(packages)) return [];
  return packages.map((entry: Partial<SpdxPackage> | null) =>
    Array.isArray(entry?.externalRefs)
      ? entry.externalRefs.map((reference: { readonly referenceLocator?: unknown } | null) =>
          textOf(reference?.referenceLocator),
        )
      : [],
  );
}

function annotationsCheck(name: string, annotations: Annotations, reference: Annotations): CheckResult {
  const invalid = checkAnnotations(annotations).map(({ key, reason }) => `${key} ${reason}`);
  const differing = Object.keys(reference).filter((key) => annotations[key] !== reference[key]);
  const problems = [...invalid, ...(differing.length === 0 ? [] : [`${differing.join(', ')} differ from the index`])];
  const keys = Object.keys(annotations).length;
  return check(name, problems.length === 0, problems.length === 0 ? `${keys} keys` : problems.join('; '));
}

const isAbout = (statement: Statement | undefined, manifest: Descriptor): boolean =>
  statement?.subject.some(({ digest }) => `sha256:${textOf(digest['sha256'])}` === manifest.digest) === true;

/** The provenance must name the source, the revision and the builder, as the annotations do. */
function provenanceCheck(
  { platform, statements, manifest, content }: PublishedPlatform,
  annotations: Annotations,
  { source, builder: trusted }: ExpectedOrigin,
): CheckResult {
  const name = `${platform} provenance`;
  const statement = statements.get(PROVENANCE_PREDICATE) as Statement<Provenance> | undefined;
  if (statement === undefined) return check(name, false, 'none');
  const { buildDefinition, runDetails } = statement.predicate;
  const values = Object.values(buildDefinition?.externalParameters?.request?.args ?? {});
  const builder = textOf(runDetails?.builder?.id);
  const declared = { ...annotations, ...content.annotations };
  const lacking = [ANNOTATION.source, ANNOTATION.revision].filter((key) => !values.includes(declared[key] ?? ''));
  const builtFrom = declared[ANNOTATION.source];
  const problems = [
    ...(isAbout(statement, manifest) ? [] : ['describes another image']),
    ...lacking.map((key) => `does not contain ${key} ${declared[key] ?? ''}`),
    ...(builder === '' ? ['names no builder'] : []),
    ...(source !== undefined && builtFrom !== source ? [`was built from ${builtFrom}, not from ${source}`] : []),
    ...(trusted !== undefined && !trusted.test(builder) ? [`was built by ${builder}`] : []),
  ];
  const revision = declared[ANNOTATION.revision]?.slice(0, 12) ?? '';
  const summary = `${builtFrom} ${revision}, built by ${builder}`;
  return check(name, problems.length === 0, problems.length === 0 ? summary : problems.join('; '));
}
