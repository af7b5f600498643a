import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Statement, statementAbout } from '../attest/attestation.ts';
import { readNpmOptions } from '../gateway/npm.ts';
import { readPluginPackage } from '../gateway/plugin-package.ts';
import type { ResolvedInputs } from '../image/resolve-inputs.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { invalidContent } from '../oci/document.ts';
import { ruleChecker } from '../schema.ts';
import type { BrowserChoice, ImageSpec, LockedPackages } from '../spec/image-spec.ts';

/** The predicate type of the statement with the inputs that an image's annotations do not name. */
export const INPUTS_PREDICATE = 'https://openclaw.ai/attestations/inputs/v1';

/** A package-lock.json. */
type Lockfile = Readonly<Record<string, unknown>>;

/** The inputs of a build that its annotations do not name. Debian's versions are in the SBOM. */
interface InputsPredicate {
  readonly extensions: readonly string[];
  readonly browser: BrowserChoice;
  /** The locked dependencies of the gateway. An image from a checkout has none: the lockfile is in its commit. */
  readonly lockfile?: Lockfile;
  /** Dependencies from git by name, at a commit. */
  readonly git?: Readonly<Record<string, string>>;
  /** Plugins from npm. */
  readonly plugins: readonly {
    readonly id: string;
    readonly packageName: string;
    readonly version: string;
    readonly integrity: string;
    readonly lockfile: Lockfile;
  }[];
}

/** The inputs of a build as a statement about its manifest. */
export async function inputsStatement(
  manifest: Descriptor,
  { extensions, browser, ca }: Pick<ImageSpec, 'extensions' | 'browser' | 'ca'>,
  { gateway, plugins }: ResolvedInputs,
): Promise<Statement> {
  const npm = await readNpmOptions(ca);
  const lockfileIn = async (folder: string): Promise<Lockfile> =>
    JSON.parse(await readFile(join(folder, 'package-lock.json'), 'utf8')) as Lockfile;
  const predicate: InputsPredicate = {
    ...{ extensions, browser },
    ...(gateway.kind === 'package' ? { lockfile: await lockfileIn(gateway.dependencies) } : {}),
    ...(gateway.kind === 'package' && gateway.git !== undefined ? { git: gateway.git } : {}),
    plugins: await Promise.all(
      plugins.map(async (plugin) => {
        const { id, packageName, version, integrity } = plugin;
        const folder = await readPluginPackage(plugin, npm);
        return { id, packageName, version, integrity, lockfile: await lockfileIn(join(folder, 'dependencies')) };
      }),
    ),
  };
  const problem = problemIn(predicate);
  // release reproduce would refuse it.
  if (problem !== undefined) throw invalidContent('the inputs of this release', problem);
  return statementAbout(manifest, INPUTS_PREDICATE, predicate);
}

/** The recorded inputs of an image. */
export interface RecordedInputs {
  readonly extensions: readonly string[];
  readonly browser: BrowserChoice;
  readonly locked: LockedPackages;
}

/**
 * Reads the statement. Anybody may have written it, so a lockfile may name packages by version and integrity only, or a file from
 * git: npm would fetch whatever address it has.
 *
 * @param name of the image, for the message
 * @throws WorkError if the statement is not valid
 */
export function readRecordedInputs(statement: Statement, name: string): RecordedInputs {
  const problem = problemIn(statement.predicate);
  if (problem !== undefined) throw invalidContent(name, `its statement ${INPUTS_PREDICATE}: ${problem}`);
  const { extensions, browser, lockfile, git = {}, plugins } = statement.predicate as InputsPredicate;
  return {
    ...{ extensions, browser },
    locked: {
      lockfile: lockfile === undefined ? undefined : textOf(lockfile),
      git,
      plugins: plugins.map((plugin) => ({ ...plugin, lockfile: textOf(plugin.lockfile) })),
    },
  };
}

/** The first reason why inputs cannot be used. */
function problemIn(predicate: unknown): string | undefined {
  const problem = predicateRule(predicate);
  if (problem !== undefined) return problem;
  const ids = (predicate as InputsPredicate).plugins.map(({ id }) => id);
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  return repeated === undefined ? undefined : `/plugins has ${repeated} twice`;
}

/** As npm writes it. */
const textOf = (lockfile: Lockfile): string => `${JSON.stringify(lockfile, null, 2)}\n`;

const NAME = '(?:@[a-z0-9~-][a-z0-9._~-]*/)?[a-zA-Z0-9~-][a-zA-Z0-9._~-]*';
/** Versions and ranges, another published package, and what this project fetches from git. Other forms name files and addresses. */
const SPEC = `^(?:(?:npm:${NAME}(?:@|$))?[^:/\\\\]*|git\\+https://\\S+|file:git/[a-z0-9@+._-]+\\.tgz)$`;
const SPECS = {
  type: 'object',
  propertyNames: { type: 'string', pattern: `^${NAME}$` },
  additionalProperties: { type: 'string', pattern: SPEC },
};
const INTEGRITY = { type: 'string', pattern: '^sha512-[A-Za-z0-9+/]{86}==$' };
const VERSION = { type: 'string', pattern: '^\\d+\\.\\d+\\.\\d+[0-9A-Za-z.+-]{0,100}$' };
/** A package that this project fetched from git, beside the lockfile. */
const FROM_GIT = { type: 'string', pattern: '^file:git/[a-z0-9@+._-]+-(?:[0-9a-f]{40}|[0-9a-f]{64})\\.tgz$' };
const PLUGIN_ID = { type: 'string', pattern: '^[a-z0-9][a-z0-9._-]{0,99}$' };

const LOCKED = {
  type: 'object',
  properties: {
    ...{ version: VERSION, integrity: INTEGRITY, resolved: FROM_GIT, link: false, inBundle: { const: true } },
    name: { type: 'string', pattern: `^${NAME}$` },
    ...{ dependencies: SPECS, optionalDependencies: SPECS, peerDependencies: SPECS },
  },
};

const LOCKFILE = {
  type: 'object',
  required: ['lockfileVersion', 'packages'],
  properties: {
    lockfileVersion: { const: 3 },
    packages: {
      type: 'object',
      properties: { '': LOCKED },
      patternProperties: {
        [`^node_modules/${NAME}(?:/node_modules/${NAME})*$`]: {
          ...LOCKED,
          // npm checks a bundled package together with the one that contains it.
          required: ['version'],
          anyOf: [
            { properties: { integrity: INTEGRITY }, required: ['integrity'] },
            { properties: { inBundle: { const: true } }, required: ['inBundle'] },
          ],
        },
      },
      additionalProperties: false,
    },
  },
};

const predicateRule = ruleChecker({
  type: 'object',
  required: ['extensions', 'browser', 'plugins'],
  properties: {
    extensions: { type: 'array', maxItems: 200, items: PLUGIN_ID },
    browser: { enum: ['none', 'playwright', 'debian'] satisfies BrowserChoice[] },
    lockfile: LOCKFILE,
    git: {
      type: 'object',
      maxProperties: 20,
      propertyNames: { type: 'string', pattern: `^${NAME}$` },
      additionalProperties: { type: 'string', pattern: '^git\\+https://[^\\s#]+#(?:[0-9a-f]{40}|[0-9a-f]{64})$' },
    },
    plugins: {
      type: 'array',
      maxItems: 200,
      items: {
        type: 'object',
        required: ['id', 'packageName', 'version', 'integrity', 'lockfile'],
        properties: {
          ...{ id: PLUGIN_ID, version: VERSION, integrity: INTEGRITY, lockfile: LOCKFILE },
          packageName: { type: 'string', pattern: '^@openclaw/[a-z0-9][a-z0-9._-]{0,99}$' },
        },
      },
    },
  },
});
