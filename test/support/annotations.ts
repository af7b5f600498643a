import { ANNOTATION } from '../../build/oci/annotations.ts';

/** Annotations that satisfy the contract. */
export const VALID_ANNOTATIONS = {
  [ANNOTATION.baseName]: 'docker.io/library/node:24-bookworm-slim',
  [ANNOTATION.baseDigest]: `sha256:${'0'.repeat(64)}`,
  [ANNOTATION.source]: 'https://github.com/openclaw/openclaw',
  [ANNOTATION.url]: 'https://github.com/openclaw/openclaw#readme',
  [ANNOTATION.documentation]: 'https://docs.openclaw.ai/install/docker',
  [ANNOTATION.licenses]: 'MIT',
  [ANNOTATION.title]: 'OpenClaw Gateway',
  [ANNOTATION.description]: 'A gateway',
  [ANNOTATION.version]: '2026.9.6',
  [ANNOTATION.revision]: 'f'.repeat(40),
  [ANNOTATION.created]: '2026-11-22T08:00:00Z',
};
