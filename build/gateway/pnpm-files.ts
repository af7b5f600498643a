import { type RequestError, requestError } from '../problem.ts';
import { ruleChecker } from '../schema.ts';

/** The settings in pnpm-workspace.yaml that affect an image. Source: https://pnpm.io/settings */
export interface Workspace {
  /** Globs of the folders with packages; null if the key has no value. */
  readonly packages?: readonly string[] | null;
  /** A text, which pnpm writes for a package before the user decides, allows nothing. */
  readonly allowBuilds?: Readonly<Record<string, boolean | string>>;
  readonly onlyBuiltDependencies?: readonly string[];
  readonly neverBuiltDependencies?: readonly string[];
  readonly dangerouslyAllowAllBuilds?: boolean;
  /** Path of a program that changes manifests, if it is not .pnpmfile.cjs. */
  readonly pnpmfile?: string;
  /** Paths of patches, by package. */
  readonly patchedDependencies?: Readonly<Record<string, string>>;
}

export interface Lockfile {
  /** From package.json or pnpm-workspace.yaml. */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Patterns of names. */
  readonly ignoredOptionalDependencies?: readonly string[];
  readonly importers?: Readonly<Record<string, Importer>>;
  readonly packages?: Readonly<
    Record<
      string,
      { readonly resolution?: { readonly tarball?: string; readonly repo?: string; readonly directory?: string } }
    >
  >;
  /** The dependencies of each package, with the versions. */
  readonly snapshots?: Readonly<Record<string, Snapshot>>;
  /** Patches by package; pnpm 11 writes only their hash. */
  readonly patchedDependencies?: Readonly<Record<string, string | { readonly path?: string }>>;
  /** Set if a .pnpmfile changes manifests while pnpm reads them. */
  readonly pnpmfileChecksum?: string;
}
type Snapshot = Readonly<Partial<Record<'dependencies' | 'optionalDependencies', Readonly<Record<string, string>>>>>;
export const GROUPS = ['dependencies', 'devDependencies', 'optionalDependencies'] as const;
export type Importer = Readonly<
  Partial<
    Record<(typeof GROUPS)[number], Readonly<Record<string, { readonly specifier: string; readonly version: string }>>>
  >
>;

const TEXT = { type: 'string' } as const;
const LIST = { type: 'array', items: TEXT } as const;
const mapOf = (values: object): object => ({ type: 'object', additionalProperties: values });

/** Patterns of folders in the checkout. Each group in braces multiplies the folders to look into. */
const PATTERNS = {
  type: ['array', 'null'],
  maxItems: 1000,
  items: { type: 'string', pattern: '^(?!!?/)(?!(.*/)?\\.\\.(/|$))(?!(.*\\{){4}).{1,200}$' },
} as const;

const workspaceRule = ruleChecker({
  type: ['object', 'null'],
  properties: {
    packages: PATTERNS,
    allowBuilds: mapOf({ type: ['boolean', 'string'] }),
    onlyBuiltDependencies: LIST,
    neverBuiltDependencies: LIST,
    dangerouslyAllowAllBuilds: { type: 'boolean' },
    pnpmfile: TEXT,
    patchedDependencies: mapOf(TEXT),
  },
});

const dependencies = mapOf({
  type: 'object',
  properties: { specifier: TEXT, version: TEXT },
  required: ['specifier', 'version'],
});
const importer = { type: 'object', properties: Object.fromEntries(GROUPS.map((group) => [group, dependencies])) };
const resolution = { type: 'object', properties: { tarball: TEXT, repo: TEXT, directory: TEXT } };
const lockfileRule = ruleChecker({
  type: ['object', 'null'],
  properties: {
    overrides: mapOf(TEXT),
    ignoredOptionalDependencies: LIST,
    importers: mapOf(importer),
    packages: mapOf({ type: 'object', properties: { resolution } }),
    snapshots: mapOf({
      type: 'object',
      properties: { dependencies: mapOf(TEXT), optionalDependencies: mapOf(TEXT) },
    }),
    patchedDependencies: mapOf({ type: ['string', 'object'], properties: { path: TEXT } }),
    pnpmfileChecksum: TEXT,
  },
});

/** @param file for error messages @throws RequestError that names the violated rule */
export const parseWorkspace = async (text: string, file: string): Promise<Workspace> =>
  ((await parseYaml(text, file, workspaceRule)) ?? {}) as Workspace;

/**
 * Parses pnpm-lock.yaml, lockfileVersion 9. pnpm 11 writes a first document with the packages of pnpm itself; the last one counts.
 *
 * @param file for error messages
 * @throws RequestError that names the violated rule
 */
export const parseLockfile = async (text: string, file: string): Promise<Lockfile> =>
  ((await parseYaml(text, file, lockfileRule)) ?? {}) as Lockfile;

async function parseYaml(text: string, file: string, rule: ReturnType<typeof ruleChecker>): Promise<unknown> {
  const { parseAllDocuments } = await import('yaml');
  const refuse = (reason: string): RequestError => {
    return requestError(file, '', reason, 'correct the file, or check it out again');
  };
  const document = [parseAllDocuments(text)].flat().at(-1);
  if (document === undefined || !('errors' in document)) return undefined;
  const [error] = document.errors;
  if (error !== undefined) throw refuse(`is not valid YAML: ${error.message.split('\n')[0]}`);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    // Aliases that expand to too much.
    throw refuse(`is not valid YAML: ${(cause as Error).message}`);
  }
  const broken = rule(value);
  if (broken !== undefined) throw refuse(`breaks a rule of its format: ${broken}`);
  return value;
}

/** The package that an override of pnpm replaces: `a>@scope/b@^1` → `@scope/b`. Source: https://pnpm.io/settings#overrides */
export const overridden = (selector: string): string => {
  // In `a@>=1` and `a@1 >0`, the sign belongs to a version.
  const parent = selector.search(/[^ |@]>/);
  return /^(@?[^@]+)/.exec(parent < 0 ? selector : selector.slice(parent + 2))?.[1] ?? selector;
};

/** Locked versions by name of the dependency. */
export type LockedVersions = ReadonlyMap<string, ReadonlySet<string>>;

/** The locked versions of each dependency, of workspace packages and of others. */
export function lockedVersions({ importers = {}, snapshots = {} }: Lockfile): LockedVersions {
  const found = new Map<string, Set<string>>();
  const add = (name: string, version: string): void => {
    found.set(name, (found.get(name) ?? new Set()).add(version));
  };
  for (const importer of Object.values(importers))
    for (const group of GROUPS)
      for (const [name, { version }] of Object.entries(importer[group] ?? {})) add(name, version);
  for (const { dependencies = {}, optionalDependencies = {} } of Object.values(snapshots))
    for (const [name, version] of Object.entries({ ...dependencies, ...optionalDependencies })) add(name, version);
  return found;
}
