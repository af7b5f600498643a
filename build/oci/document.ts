import { countValues, MOST_VALUES } from '../json-values.ts';
import { WorkError } from '../problem.ts';
import { ruleChecker } from '../schema.ts';
import type { Descriptor, ImageIndex, ImageManifest } from './descriptor.ts';
import { DIGEST_PATTERN } from './reference.ts';

/** A document in a registry or a layout: an index or a manifest. */
export type ImageDocument = ImageIndex | ImageManifest;

/** Source: RFC 6838, section 4.2. */
const MEDIA_TYPE = { type: 'string', maxLength: 255 };
/** Some tools write null for no annotations. */
const ANNOTATIONS = { type: ['object', 'null'], additionalProperties: { type: 'string' } } as const;
/** Source: OCI image-spec, descriptor.md. */
export const DESCRIPTOR_SCHEMA = {
  type: 'object',
  required: ['mediaType', 'digest', 'size'],
  properties: {
    mediaType: MEDIA_TYPE,
    digest: { type: 'string', pattern: DIGEST_PATTERN },
    size: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
    platform: {
      type: ['object', 'null'],
      required: ['os', 'architecture'],
      properties: { os: { type: 'string' }, architecture: { type: 'string' } },
    },
    annotations: ANNOTATIONS,
    artifactType: MEDIA_TYPE,
  },
} as const;

/** Source: OCI image-spec, image-index.md. An image for ten platforms has 20 entries. */
const indexRule = ruleChecker({
  type: 'object',
  required: ['manifests'],
  properties: {
    mediaType: MEDIA_TYPE,
    manifests: { type: 'array', maxItems: 100, items: DESCRIPTOR_SCHEMA },
    annotations: ANNOTATIONS,
  },
});

/**
 * Source: OCI image-spec, manifest.md. Some of Docker's storage drivers take 127 layers (moby, layer/layer_store.go, the comment on
 * maxLayerDepth). A build cache has the layers of all stages.
 */
const manifestRule = ruleChecker({
  type: 'object',
  required: ['config', 'layers'],
  properties: {
    mediaType: MEDIA_TYPE,
    artifactType: MEDIA_TYPE,
    config: DESCRIPTOR_SCHEMA,
    layers: { type: 'array', maxItems: 1000, items: DESCRIPTOR_SCHEMA },
    subject: DESCRIPTOR_SCHEMA,
    annotations: ANNOTATIONS,
  },
});

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * Parses an index or a manifest, and checks everything that later code relies on: digests, sizes, numbers of entries.
 *
 * @param name for error messages: `ghcr.io/openclaw/openclaw:latest`
 * @throws WorkError that names the violated rule
 */
export const parseDocument = (bytes: Buffer, name: string): ImageDocument =>
  parseValid<ImageDocument>(bytes, name, (value) => {
    const isList = isObject(value) && 'manifests' in value;
    return (isList ? indexRule(value) : manifestRule(value)) ?? ambiguousType(value as ImageDocument);
  });

/** Whether a media type is that of an index, in OCI's or Docker's words. */
export const isIndexType = (mediaType: string): boolean => /\bindex\b|manifest\.list/.test(mediaType);

/**
 * Why two programs could take a document for different things: one checks it as an index, and an engine runs it as a manifest.
 * Source: CVE-2021-41190, GHSA-qq97-vm5h-rrhg
 */
function ambiguousType(document: ImageDocument): string | undefined {
  const { mediaType } = document;
  if (isIndex(document) && ('config' in document || 'layers' in document))
    return 'it is an index and a manifest at once';
  if (mediaType === undefined || isIndexType(mediaType) === isIndex(document)) return undefined;
  return `it is ${isIndex(document) ? 'an index' : 'a manifest'}, but its mediaType is ${mediaType}`;
}

/** Parses JSON from somebody else. @param rule see `ruleChecker` @throws WorkError that names the violated rule */
export function parseValid<T>(bytes: Buffer, name: string, rule: ReturnType<typeof ruleChecker>): T {
  const value = parseJson(bytes, name);
  const broken = rule(value);
  if (broken !== undefined) throw invalidContent(name, broken);
  return value as T;
}

/** The entries of an index; a manifest has none. */
export const manifestsOf = (document: ImageDocument): readonly Descriptor[] =>
  isIndex(document) ? document.manifests : [];

export const isIndex = (document: ImageDocument): document is ImageIndex => 'manifests' in document;

/** @throws WorkError if the document is not an index */
export const parseIndex = (bytes: Buffer, name: string): ImageIndex => indexOf(parseDocument(bytes, name), name);

/** @throws WorkError if the document is not an index */
export function indexOf(document: ImageDocument, name: string): ImageIndex {
  if (isIndex(document)) return document;
  throw invalidContent(name, 'it is a manifest, not an index');
}

/** @throws WorkError if the document is not a manifest */
export function parseManifest(bytes: Buffer, name: string): ImageManifest {
  const document = parseDocument(bytes, name);
  if (!isIndex(document)) return document;
  throw invalidContent(name, 'it is an index, not a manifest');
}

/** The config of an image. Source: OCI image-spec, config.md. */
export interface ImageConfig {
  readonly os: string;
  readonly architecture: string;
  readonly created?: string;
  readonly config?: {
    readonly User?: string;
    readonly Env?: readonly string[];
    readonly Entrypoint?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly WorkingDir?: string;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly ExposedPorts?: Readonly<Record<string, object>>;
    readonly Healthcheck?: { readonly Test?: readonly string[]; readonly StartPeriod?: number };
  };
}

/** A config as a registry or a layout stores it. */
export interface StoredConfig extends ImageConfig {
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  /** The instruction of each layer, and instructions without a layer. Source: OCI image-spec, config.md */
  readonly history?: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[];
}

/** The value of a variable in an image's environment. */
export const variableOf = (config: ImageConfig, name: string): string | undefined =>
  config.config?.Env?.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);

/** Docker writes null for an empty list. */
const configRule = ruleChecker({
  type: 'object',
  required: ['os', 'architecture', 'rootfs'],
  properties: {
    os: { type: 'string' },
    architecture: { type: 'string' },
    created: { type: 'string' },
    config: {
      type: 'object',
      properties: {
        Env: { type: ['array', 'null'], items: { type: 'string' } },
        Labels: { type: ['object', 'null'], additionalProperties: { type: 'string' } },
      },
    },
    rootfs: {
      type: 'object',
      required: ['diff_ids'],
      properties: { diff_ids: { type: 'array', items: { type: 'string', pattern: DIGEST_PATTERN } } },
    },
    history: {
      type: ['array', 'null'],
      items: { type: 'object', properties: { created_by: { type: 'string' }, empty_layer: { type: 'boolean' } } },
    },
  },
});

/** @throws WorkError that names the violated rule */
export const parseImageConfig = (bytes: Buffer, name: string): StoredConfig =>
  parseValid<StoredConfig>(bytes, name, configRule);

/** @throws WorkError if the bytes are not valid JSON, or have too many values */
export function parseJson(bytes: Buffer, name: string): unknown {
  if (countValues(bytes) > MOST_VALUES) throw invalidContent(name, `it has more than ${MOST_VALUES} values`);
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    throw invalidContent(name, `its ${bytes.length} bytes are not valid JSON`, { cause: error });
  }
}

/** Kinds of failures to read content that somebody who can push can cause. */
const CONTENT_KINDS: ReadonlySet<string> = new Set([
  'not-found',
  'incomplete',
  'digest-mismatch',
  'too-large',
  'invalid-content',
]);

/** Whether content in a registry is missing, or differs from its description. Not: whether the registry can be reached. */
export const isBadContent = (error: unknown): error is WorkError =>
  error instanceof WorkError && CONTENT_KINDS.has(error.failure.kind);

/** @param reason continues the name */
export const invalidContent = (name: string, reason: string, options?: ErrorOptions): WorkError =>
  new WorkError(
    {
      kind: 'invalid-content',
      title: 'The content is not valid',
      reason: `${name}: ${reason}.`,
      hint: 'find out who wrote it, and publish or download it again',
    },
    options,
  );
