/** Annotations by full key (`org.opencontainers.image.title`). Source: OCI image-spec, annotations.md. */
export type Annotations = Readonly<Record<string, string>>;

/**
 * The annotation keys of OCI that this project reads or writes. ARCHITECTURE.md, "From an option to an image", lists the places of a new
 * one. Source: OCI image-spec, annotations.md.
 */
export const ANNOTATION = {
  baseName: 'org.opencontainers.image.base.name',
  baseDigest: 'org.opencontainers.image.base.digest',
  source: 'org.opencontainers.image.source',
  url: 'org.opencontainers.image.url',
  documentation: 'org.opencontainers.image.documentation',
  licenses: 'org.opencontainers.image.licenses',
  title: 'org.opencontainers.image.title',
  description: 'org.opencontainers.image.description',
  version: 'org.opencontainers.image.version',
  revision: 'org.opencontainers.image.revision',
  created: 'org.opencontainers.image.created',
} as const;

/** Names the dependencies that the builder of an image has replaced: `libsignal=npm:libsignal@2.0.1`. Only on images that have some. */
export const OVERRIDES_ANNOTATION = 'ai.openclaw.image.overrides';

/** Names the dependencies from git, with their commits: `libsignal=git+https://…#COMMIT`. Only on images that have some. */
export const GIT_ANNOTATION = 'ai.openclaw.image.git-dependencies';

/** Names the run base that an image is built on, by digest: `ghcr.io/openclaw/openclaw:base-24-20260401@sha256:…`. Only on such images. */
export const RUN_BASE_ANNOTATION = 'ai.openclaw.image.run-base';

/** When `release prune` may remove the image of a pull request, ISO 8601. Only on such images. */
export const EXPIRES_ANNOTATION = 'ai.openclaw.image.expires';
