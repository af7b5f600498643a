import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import schema from './annotations.schema.json' with { type: 'json' };

/** Annotations by their full key (`org.opencontainers.image.title`), as OCI annotations.md defines them. */
export type Annotations = Readonly<Record<string, string>>;

/** The keys that every image carries, in the schema's order. */
export const ANNOTATION_KEYS: readonly string[] = schema.required;

export interface AnnotationProblem {
  readonly key: string;
  readonly value: string | undefined;
  readonly reason: string;
}

const ajv = new Ajv({ allErrors: true, strict: true });
addFormats.default(ajv);
const validate = ajv.compile<Annotations>(schema);

/** @returns what the schema finds wrong, a row a key; empty when the annotations are as they should be */
export function checkAnnotations(annotations: Annotations): readonly AnnotationProblem[] {
  if (validate(annotations)) return [];
  const problems = new Map<string, AnnotationProblem>();
  for (const error of validate.errors ?? []) {
    const missing: unknown = error.params['missingProperty'];
    const key = typeof missing === 'string' ? missing : error.instancePath.slice(1);
    if (!problems.has(key)) {
      problems.set(key, {
        key,
        value: annotations[key],
        reason: typeof missing === 'string' ? 'is missing' : (error.message ?? 'is invalid'),
      });
    }
  }
  return [...problems.values()];
}
