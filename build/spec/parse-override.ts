import type { Problem } from '../problem.ts';

/** Replacements of the gateway's dependencies, by name: `libsignal` → `npm:libsignal@2.0.1`. Sorted by name. */
export type Overrides = Readonly<Record<string, string>>;

/** Source: https://docs.npmjs.com/cli/configuring-npm/package-json#name */
const NAME = '(?:@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*';
const OVERRIDE = new RegExp(`^(${NAME})=((?:npm:${NAME}@)?([^=@\\s]+))$`);

/** Setup parses options with the Node of an image, which has no packages of this project. Source: https://semver.org */
const EXACT_VERSION = /^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;

/**
 * Parses the values of `--override`. Only exact versions of published packages: an image is built from exact bytes.
 *
 * Source: https://docs.npmjs.com/cli/configuring-npm/package-json#overrides
 */
export function parseOverrides(given: readonly string[], source: string, problems: Problem[]): Overrides {
  const hint = 'write the name of the dependency and an exact version: --override libsignal=npm:libsignal@2.0.1';
  const entries = given.flatMap((value) => {
    const [, name, spec, version = ''] = OVERRIDE.exec(value) ?? [];
    if (name === undefined || spec === undefined) {
      problems.push({ source, value, reason: 'is not the name of a package, =, and a version', hint });
      return [];
    }
    if (!EXACT_VERSION.test(version)) {
      problems.push({ source, value, reason: 'does not have an exact version', hint });
      return [];
    }
    return [[name, spec] as const];
  });
  for (const [index, [name, spec]] of entries.entries()) {
    const other = entries.slice(0, index).find(([earlier, version]) => earlier === name && version !== spec);
    if (other !== undefined)
      problems.push({
        source,
        value: `${name}=${spec}`,
        reason: `contradicts ${name}=${other[1]}`,
        hint: 'leave one out',
      });
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
