import type { Base } from '../base/base.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { type Annotations, checkAnnotations } from '../oci/annotations.ts';

const DOCUMENTATION = 'https://docs.openclaw.ai/install/docker';

/**
 * The annotations of an image, from what it is made of.
 *
 * @param created when it was built
 * @throws Error where the facts do not fit the schema: a gateway package without what the contract asks for
 */
export function imageAnnotations(gateway: Gateway, base: Pick<Base, 'name' | 'digest'>, created: Date): Annotations {
  const annotations = {
    'org.opencontainers.image.base.name': base.name,
    'org.opencontainers.image.base.digest': base.digest,
    'org.opencontainers.image.source': gateway.repository,
    'org.opencontainers.image.url': gateway.homepage,
    'org.opencontainers.image.documentation': DOCUMENTATION,
    'org.opencontainers.image.licenses': gateway.license,
    'org.opencontainers.image.title': 'OpenClaw Gateway',
    'org.opencontainers.image.description': gateway.description,
    'org.opencontainers.image.version': gateway.version,
    'org.opencontainers.image.revision': gateway.revision,
    'org.opencontainers.image.created': created.toISOString().replace(/\.\d{3}Z$/, 'Z'),
  };
  const [problem] = checkAnnotations(annotations);
  if (problem !== undefined)
    throw new Error(`${gateway.origin}: ${problem.key} '${problem.value ?? ''}' ${problem.reason}`);
  return annotations;
}
