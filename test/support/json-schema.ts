import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';

const FOLDER = join(import.meta.dirname, '../../docs/schemas');
const ajv = new Ajv2020({ allErrors: true, strict: false });
for (const file of globSync('*.json', { cwd: FOLDER }))
  ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')), basename(file, '.schema.json'));

/** The schema of a command: `['release', 'plan', '--ref', …]` → `release-plan`. */
const schemaName = (args: readonly string[]): string =>
  args[0] === 'release' ? `release-${args[1] === 'mend' ? 'repair' : args[1]}` : (args[0] ?? '');

/**
 * Checks the real output of a command with `--json` against its schema in docs/schemas, or against error.schema.json.
 *
 * @throws Error with every difference
 */
export function checkJsonOutput(args: readonly string[], stdout: string): void {
  const output: unknown = JSON.parse(stdout);
  const isError = typeof output === 'object' && output !== null && 'error' in output;
  const name = isError ? 'error' : schemaName(args);
  const validate = ajv.getSchema(name);
  if (validate === undefined) throw new Error(`docs/schemas has no schema for ${args.slice(0, 2).join(' ')}`);
  if (validate(output) !== true)
    throw new Error(`${name}: ${ajv.errorsText(validate.errors, { separator: '\n' })}\n${stdout}`);
}
