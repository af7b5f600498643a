import { Ajv } from 'ajv';

const ajv = new Ajv({ strict: true, allowUnionTypes: true });

/**
 * Compiles a JSON Schema for values that come from somebody else.
 *
 * @returns a function that gives the first violated rule, `/tags/0/digest must match pattern …`; undefined if the value is valid
 */
export function ruleChecker(schema: object): (value: unknown) => string | undefined {
  // Compiled at the first use: most commands read few kinds of documents.
  let validate: ReturnType<typeof ajv.compile> | undefined;
  return (value) => {
    validate ??= ajv.compile(schema);
    if (validate(value)) return undefined;
    const [error] = validate.errors ?? [];
    return `${error?.instancePath || 'the value'} ${error?.message ?? 'is invalid'}`;
  };
}
