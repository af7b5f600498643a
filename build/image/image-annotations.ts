import type { Base } from '../base/base.ts';
import type { Gateway } from '../gateway/gateway.ts';
import schema from '../oci/annotations.schema.json' with { type: 'json' };
import {
  ANNOTATION,
  type Annotations,
  GIT_ANNOTATION,
  OVERRIDES_ANNOTATION,
  RUN_BASE_ANNOTATION,
} from '../oci/annotations.ts';
import { type Problem, WorkError } from '../problem.ts';

export const DOCUMENTATION = 'https://docs.openclaw.ai/install/docker';

/** The annotations of a gateway image, except `created`. */
export function imageAnnotations(gateway: Gateway, base: Pick<Base, 'name' | 'digest' | 'runBase'>): Annotations {
  const list = (values: Readonly<Record<string, string>>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
  const overrides = list(gateway.overrides);
  const git = list((gateway.kind === 'package' ? gateway.git : undefined) ?? {});
  return {
    [ANNOTATION.baseName]: base.name,
    [ANNOTATION.baseDigest]: base.digest,
    [ANNOTATION.source]: gateway.repository,
    [ANNOTATION.url]: gateway.homepage,
    [ANNOTATION.documentation]: DOCUMENTATION,
    [ANNOTATION.licenses]: gateway.license,
    [ANNOTATION.title]: 'OpenClaw Gateway',
    [ANNOTATION.description]: gateway.description,
    [ANNOTATION.version]: gateway.version,
    [ANNOTATION.revision]: `${gateway.revision}${gateway.kind === 'checkout' && gateway.dirty ? '-dirty' : ''}`,
    ...(base.runBase === undefined ? {} : { [RUN_BASE_ANNOTATION]: base.runBase }),
    ...(overrides === '' ? {} : { [OVERRIDES_ANNOTATION]: overrides }),
    ...(git === '' ? {} : { [GIT_ANNOTATION]: git }),
  };
}

/** The value of the annotation `created`, RFC 3339 without fractions. */
export const createdAnnotation = (created: Date): Annotations => ({
  [ANNOTATION.created]: created.toISOString().replace(/\.\d{3}Z$/, 'Z'),
});

/**
 * Checks the annotations against their schema, before anything is built.
 *
 * @throws WorkError if the gateway's package lacks a required value
 */
export async function assertAnnotations(annotations: Annotations, { origin }: Pick<Gateway, 'origin'>): Promise<void> {
  const { checkAnnotations } = await import('../oci/check-annotations.ts');
  const problems = checkAnnotations(annotations);
  if (problems.length === 0) return;
  throw new WorkError({
    kind: 'annotations',
    title: 'Required image annotations are missing',
    reason: problems.map(({ key, value, reason }) => `${key} '${value ?? ''}' ${reason}`).join('; '),
    hint: `build another version with --package: these values come from package.json and dist/build-info.json of ${origin}`,
  });
}

/** The values that come from a gateway, and what can be done about a wrong one. */
const FROM_GATEWAY = [
  [ANNOTATION.source, 'give the address of its source repository: --source-url https://github.com/me/openclaw'],
  [ANNOTATION.url, 'give the address of its source repository: --source-url https://github.com/me/openclaw'],
  [ANNOTATION.licenses, 'add "license" to its package.json'],
  [ANNOTATION.description, 'add "description" to its package.json'],
  [ANNOTATION.version, 'build another version'],
  [
    ANNOTATION.revision,
    'its dist/build-info.json does not name a commit: give the one it was built from, --revision COMMIT',
  ],
] as const;

/**
 * The same check for the values that the gateway provides, before an engine is contacted. Without ajv, which takes 0.1 s to load.
 *
 * @param source the option that names the gateway
 */
export function gatewayAnnotationProblems(gateway: Gateway, source: '--package' | '--source'): readonly Problem[] {
  const annotations = imageAnnotations(gateway, { name: '', digest: '' });
  return FROM_GATEWAY.flatMap(([key, hint]) => {
    const rule = schema.properties[key];
    // Others need one character at least.
    const pattern = 'pattern' in rule ? rule.pattern : '.';
    const value = annotations[key] ?? '';
    if (new RegExp(pattern).test(value)) return [];
    const reason =
      value === '' ? `has no value for the annotation ${key}` : `gives ${key} the value '${value}', which is not valid`;
    return [{ source, value: gateway.origin, reason, hint }];
  });
}
