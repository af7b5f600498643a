import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import schema from './annotations.schema.json' with { type: 'json' };
import type { Annotations } from './annotations.ts';

/** The annotations that every image must have, in the order of the schema. */
export const REQUIRED_ANNOTATIONS: readonly string[] = schema.required;

export interface AnnotationProblem {
  readonly key: string;
  readonly value: string | undefined;
  readonly reason: string;
}

const ajv = new Ajv({ allErrors: true, strict: true });
addFormats.default(ajv);
const validate = ajv.compile<Annotations>(schema);

/** Checks annotations against the schema. @returns one problem per key; empty if the annotations are valid */
export function checkAnnotations(annotations: Annotations): readonly AnnotationProblem[] {
  if (validate(annotations)) return [];
  const problems = new Map<string, AnnotationProblem>();
  for (const error of validate.errors ?? []) {
    const missing: unknown = error.params['missingProperty'];
    const key = typeof missing === 'string' ? missing : error.instancePath.slice(1);
    if (problems.has(key)) continue;
    const reason = typeof missing === 'string' ? 'is missing' : (error.message ?? 'is invalid');
    problems.set(key, { key, value: annotations[key], reason });
  }
  return [...problems.values()];
}
