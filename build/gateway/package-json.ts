import { requestError, WorkError } from '../problem.ts';
import { parseRelaxedJson } from '../relaxed-json.ts';
import { ruleChecker } from '../schema.ts';
import type { PackageManifest } from './package-manifest.ts';

/** Names of npm packages, of today and of its early years. Nothing that could be a path. Source: npm's validate-npm-package-name */
const PACKAGE_NAME = '^(?:@[A-Za-z0-9~_-][\\w.~-]*/)?[A-Za-z0-9~_-][\\w.~-]*$';
const DEPENDENCIES = {
  type: 'object',
  propertyNames: { pattern: PACKAGE_NAME },
  additionalProperties: { type: 'string' },
} as const;
const TEXT = { type: 'string' } as const;
const LIST = { type: 'array', items: TEXT } as const;

/** The fields that are read here; a package may have any others. Source: npm, package.json */
const manifestRule = ruleChecker({
  type: 'object',
  properties: {
    name: { type: 'string', pattern: PACKAGE_NAME },
    version: TEXT,
    description: TEXT,
    license: TEXT,
    homepage: TEXT,
    repository: { type: ['string', 'object'], properties: { url: TEXT } },
    engines: { type: 'object', properties: { node: TEXT } },
    scripts: { type: 'object', additionalProperties: TEXT },
    packageManager: TEXT,
    devEngines: {
      type: 'object',
      // Several package managers are a list, which names none.
      properties: {
        packageManager: { type: ['object', 'array'], properties: { name: TEXT, version: TEXT } },
      },
    },
    main: TEXT,
    bin: { type: ['string', 'object'], additionalProperties: TEXT },
    files: LIST,
    dependencies: DEPENDENCIES,
    devDependencies: DEPENDENCIES,
    optionalDependencies: DEPENDENCIES,
    peerDependencies: DEPENDENCIES,
    bundleDependencies: { type: ['array', 'boolean'] },
    bundledDependencies: { type: ['array', 'boolean'] },
    openclaw: { type: 'object', properties: { assetScripts: { type: 'object' } } },
    pnpm: { type: 'object', properties: { onlyBuiltDependencies: LIST } },
  },
});

/** @param file for error messages @throws RequestError that names the violated rule */
export const parsePackageJson = (text: string, file: string): PackageManifest =>
  parseFile(text, file, manifestRule) as PackageManifest;

const nameRule = ruleChecker({ type: 'object', properties: { id: TEXT } });
/** The gateway reads it as JSON5. @param file for error messages @throws RequestError that names the violated rule */
export const parsePluginManifest = (text: string, file: string): { readonly id?: string } =>
  parseFile(text, file, nameRule, parseRelaxedJson) as { readonly id?: string };

/** The commit is null if git was not at hand, as when 2026.3.23-1 was built. */
interface BuildInfo {
  readonly commit?: string | null;
  readonly builtAt?: string;
}

const buildInfoRule = ruleChecker({
  type: 'object',
  properties: { commit: { type: ['string', 'null'] }, builtAt: TEXT },
});
/** @param file for error messages @throws RequestError that names the violated rule */
export const parseBuildInfo = (text: string, file: string): BuildInfo =>
  parseFile(text, file, buildInfoRule) as BuildInfo;

export interface PluginCatalogEntry {
  readonly name: string;
  readonly openclaw?: { readonly plugin?: { readonly id?: string }; readonly channel?: { readonly id?: string } };
}

const idRule = { type: 'object', properties: { id: TEXT } } as const;
const catalogRule = ruleChecker({
  type: 'object',
  required: ['entries'],
  properties: {
    entries: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string', pattern: PACKAGE_NAME },
          openclaw: { type: 'object', properties: { plugin: idRule, channel: idRule } },
        },
      },
    },
  },
});
/** @param file for error messages @throws RequestError that names the violated rule */
export const parsePluginCatalog = (text: string, file: string): readonly PluginCatalogEntry[] =>
  (parseFile(text, file, catalogRule) as { readonly entries: readonly PluginCatalogEntry[] }).entries;

const RANGES = { type: 'object', additionalProperties: TEXT } as const;
/** A version becomes a part of paths and of a Dockerfile. Source: https://semver.org, item 2, 9 and 10 */
const EXACT_VERSION = '^\\d{1,9}\\.\\d{1,9}\\.\\d{1,9}(-[0-9A-Za-z.-]{1,100})?(\\+[0-9A-Za-z.-]{1,100})?$';
/** Source: https://www.w3.org/TR/SRI/#integrity-metadata-description */
const INTEGRITY = '^(sha(1|256|384|512)-[A-Za-z0-9+/]{1,100}={0,2} ?)*$';

export const isExactVersion = (text: string): boolean => new RegExp(EXACT_VERSION).test(text);

const versionRule = ruleChecker({
  type: 'object',
  required: ['version', 'dist'],
  properties: {
    version: { type: 'string', pattern: EXACT_VERSION },
    dist: {
      type: 'object',
      required: ['integrity'],
      properties: { integrity: { type: 'string', pattern: INTEGRITY, minLength: 10 } },
    },
  },
});

const packumentRule = ruleChecker({
  type: 'object',
  required: ['versions'],
  properties: {
    versions: {
      type: 'object',
      additionalProperties: {
        type: 'object',
        required: ['version', 'dist'],
        properties: {
          version: { type: 'string', pattern: EXACT_VERSION },
          dist: { type: 'object', properties: { integrity: { type: 'string', pattern: INTEGRITY } } },
          peerDependencies: RANGES,
        },
      },
    },
  },
});

/** The fields that are read of what the npm registry says of a package. */
export interface Packument {
  readonly versions: Readonly<
    Record<
      string,
      {
        readonly version: string;
        readonly dist: { readonly integrity?: string };
        readonly peerDependencies?: Readonly<Record<string, string>>;
      }
    >
  >;
}

/** @param packageName for error messages @throws WorkError that names the violated rule */
export function checkedPackument(value: unknown, packageName: string): Packument {
  const broken = packumentRule(value);
  if (broken === undefined) return value as Packument;
  throw unexpectedAnswer(packageName, broken);
}

/**
 * Checks the answer of the npm registry about one version.
 *
 * @param name for error messages
 * @throws WorkError that names the violated rule
 */
export function checkedManifest<T>(
  value: T,
  name: string,
): T & { readonly version: string; readonly dist: { readonly integrity: string } } {
  const broken = versionRule(value);
  if (broken !== undefined) throw unexpectedAnswer(name, broken);
  return value as T & { readonly version: string; readonly dist: { readonly integrity: string } };
}

const unexpectedAnswer = (name: string, broken: string): WorkError =>
  new WorkError({
    kind: 'unexpected-answer',
    title: 'The npm registry gave an unexpected answer',
    reason: `Its answer about ${name} breaks a rule of its format: ${broken}.`,
    hint: 'check which registry answers: npm config get registry',
  });

/** Whether a text is the name of an npm package, and not a path or an address. */
export const isPackageName = (text: string): boolean => new RegExp(PACKAGE_NAME).test(text);

function parseFile(
  text: string,
  file: string,
  rule: ReturnType<typeof ruleChecker>,
  parse: (text: string) => unknown = JSON.parse,
): unknown {
  const hint = 'correct the file, or build another version';
  let value: unknown;
  try {
    value = parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw requestError(file, '', `is not valid JSON: ${(error as Error).message}`, hint);
  }
  const broken = rule(value);
  if (broken === undefined) return value;
  throw requestError(file, '', `breaks a rule of its format: ${broken}`, hint);
}
