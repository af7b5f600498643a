import type { Base } from '../base/base.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Annotations } from '../oci/annotations.ts';
import { WorkError } from '../problem.ts';

const DOCUMENTATION = 'https://docs.openclaw.ai/install/docker';

/**
 * The annotations of an image, from what it is made of.
 *
 * @param created when it was built
 */
export function imageAnnotations(gateway: Gateway, base: Pick<Base, 'name' | 'digest'>, created: Date): Annotations {
  return {
    'org.opencontainers.image.base.name': base.name,
    'org.opencontainers.image.base.digest': base.digest,
    'org.opencontainers.image.source': gateway.repository,
    'org.opencontainers.image.url': gateway.homepage,
    'org.opencontainers.image.documentation': DOCUMENTATION,
    'org.opencontainers.image.licenses': gateway.license,
    'org.opencontainers.image.title': 'OpenClaw Gateway',
    'org.opencontainers.image.description': gateway.description,
    'org.opencontainers.image.version': gateway.version,
    'org.opencontainers.image.revision': `${gateway.revision}${gateway.kind === 'checkout' && gateway.dirty ? '-dirty' : ''}`,
    'org.opencontainers.image.created': created.toISOString().replace(/\.\d{3}Z$/, 'Z'),
  };
}

/**
 * Refuses annotations that the schema does not allow, before anything is built.
 *
 * @throws WorkError where the gateway's package lacks what the contract asks for
 */
export async function assertAnnotations(annotations: Annotations, gateway: Pick<Gateway, 'origin'>): Promise<void> {
  const { checkAnnotations } = await import('../oci/annotations.ts');
  const problems = checkAnnotations(annotations);
  if (problems.length === 0) return;
  throw new WorkError({
    kind: 'annotations',
    title: 'The gateway does not say what its image must',
    reason: problems.map(({ key, value, reason }) => `${key} '${value ?? ''}' ${reason}`).join('; '),
    wayOut: `these come from the package.json and dist/build-info.json of ${gateway.origin}: build another version with --package`,
  });
}
