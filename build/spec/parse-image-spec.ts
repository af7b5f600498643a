import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { certificateProblem } from '../certificates.ts';
import { PLATFORMS, type Platform, parsePlatform } from '../oci/platform.ts';
import { parseReference, type Reference } from '../oci/reference.ts';
import { type Problem, problemWith } from '../problem.ts';
import { type BaseChoice, type BrowserChoice, COMPRESSIONS, type GatewayChoice, type ImageSpec } from './image-spec.ts';
import { BUILD_OPTIONS, type BuildOptionName, type GivenOptions, type OptionDefinition } from './option.ts';
import { PAIRS, parseDestination } from './parse-destination.ts';
import { parseOverrides } from './parse-override.ts';
import { VARIANTS, variantTag } from './variant.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Debian Policy 5.6.1 (names), 5.6.12 (versions); apt takes `name:architecture=version`, and removes `name-`. */
const APT_PACKAGE = /^[a-z0-9][a-z0-9+.-]*[a-z0-9+.](:[a-z0-9-]+)?(=[A-Za-z0-9][A-Za-z0-9.+:~-]*)?$/;
/** PEP 508 without URLs and markers. */
const PIP_PACKAGE =
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\[[A-Za-z0-9._,-]+\])?(?:(?:===|[=~!<>]=|[<>])[A-Za-z0-9.*+!_-]+(?:,(?:===|[=~!<>]=|[<>])[A-Za-z0-9.*+!_-]+)*)?$/;
const EXTENSION = /^[a-z0-9][a-z0-9._-]*$/;
const NPM_SELECTOR = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['1', 'true', 'yes', 'on'].map((word) => [word, true] as const),
  ...['0', 'false', 'no', 'off'].map((word) => [word, false] as const),
]);
/** Parses a boolean: 1, true, yes, on, or 0, false, no, off, in any case. @returns undefined for other texts */
export const parseBoolean = (text: string): boolean | undefined => BOOLEANS.get(text.trim().toLowerCase());

/** A value, and the option or variable that gives it. */
type Given = { readonly source: string; readonly text: string } | undefined;

const sorted = (words: readonly string[]): readonly string[] => [...new Set(words)].sort();

/** The end of the year 9999 in seconds since 1970: ISO 8601 has four digits for a year. */
const LAST_SECOND = 253_402_300_799;

/**
 * Parses the options and environment variables of `build` into an ImageSpec.
 *
 * Pure, except that it checks whether named files exist.
 * @param checkout the current folder, if it is a checkout
 * @returns the spec and every problem; build the spec only if there is no problem
 */
export function parseImageSpec(
  options: GivenOptions,
  environment: Environment,
  checkout?: string,
): { readonly spec: ImageSpec; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];

  const read = (name: BuildOptionName): Given => {
    const definition: OptionDefinition = BUILD_OPTIONS[name];
    const given = options[name];
    if (typeof given === 'string') return { source: sourceOf(definition), text: given };
    for (const variable of definition.variables ?? []) {
      const text = environment[variable];
      if (text !== undefined && text.trim() !== '') return { source: variable, text };
    }
    return definition.default === undefined ? undefined : { source: sourceOf(definition), text: definition.default };
  };
  const words = (
    name: BuildOptionName,
    separator: RegExp,
    rule: RegExp,
    reason: string,
    hint: string,
  ): readonly string[] => {
    const given = read(name);
    if (given === undefined) return [];
    const parts = given.text.split(separator).filter((part) => part !== '');
    for (const value of parts) if (!rule.test(value)) problems.push(problemWith(given.source, value, reason, hint));
    return sorted(parts.filter((part) => rule.test(part)));
  };

  /** Reads one value. @param parse gives undefined for a value that is not valid */
  const checked = <T>(given: Given, parse: (text: string) => T | undefined, reason: string, hint: string) => {
    const value = given && parse(given.text);
    if (given !== undefined && value === undefined) problems.push(problemWith(given.source, given.text, reason, hint));
    return value;
  };

  const aptPackages = words(
    'apt',
    /[\s,]+/,
    APT_PACKAGE,
    'is not a valid Debian package name',
    'use lower-case letters, digits and + . - (=VERSION may follow); look names up with apt-cache search WORD',
  );
  const pipPackages = words(
    'pip',
    /\s+/,
    PIP_PACKAGE,
    'is not a valid Python requirement',
    'write NAME, NAME[extra] or NAME==VERSION without spaces: humanize==4.14.0',
  );
  const extensions = words(
    'extensions',
    /[\s,]+/,
    EXTENSION,
    'is not a valid plugin id',
    'use ids of lower-case letters, digits and . _ -, for example: slack, matrix',
  );

  /** Reads a switch from its flag or its variable. */
  const isOn = (name: BuildOptionName): boolean => {
    if (options[name] === true) return true;
    const hint = 'use 1, true, yes or on; or 0, false, no or off';
    return checked(read(name), parseBoolean, 'is not a boolean', hint) ?? false;
  };

  const variant =
    checked(
      read('variant'),
      (text) => VARIANTS.find((name) => name === text.trim()),
      'is not a variant',
      `choose from ${VARIANTS.join(', ')}`,
    ) ?? 'default';
  const epoch = environment['SOURCE_DATE_EPOCH'] ?? '';
  const browser = parseBrowser(options.browser, () => isOn('browser'), problems);
  const spec: ImageSpec = {
    gateway: parseChoice(options, read('source'), read('package')?.text ?? '', checkout, problems),
    base: parseBase(read('base')?.text, problems),
    overrides: parseOverrides(
      options.override ?? (read('override')?.text ?? '').split(/\s+/).filter((word) => word !== ''),
      options.override === undefined ? 'OPENCLAW_OVERRIDES' : '--override',
      problems,
    ),
    // The annotations require an https address: registries link to it.
    sourceUrl: checked(
      read('sourceUrl'),
      (text) => (URL.parse(text)?.protocol === 'https:' ? text : undefined),
      'is not an https address',
      'give the address of the source repository: https://github.com/me/openclaw',
    ),
    revision: checked(
      read('revision'),
      (text) => (COMMIT.test(text) ? text : undefined),
      'is not a full commit id',
      'write all digits, as git rev-parse prints them',
    ),
    extensions,
    aptPackages,
    pipPackages,
    browser: variant === 'browser' && browser === 'none' ? 'playwright' : browser,
    dockerCli: isOn('dockerCli'),
    tags: parseTags(options.tag ?? [], problems).map((reference) => ({
      ...reference,
      tag: variantTag(reference.tag ?? 'latest', variant),
    })),
    platforms: parsePlatforms(options.platform ?? '', problems),
    destination: parseDestination(options, problems),
    heap: checked(
      read('heap'),
      (text) => (/^[1-9]\d{2,5}$/.test(text) ? Number(text) : undefined),
      'is not a number of megabytes',
      'write megabytes, from 100 to 999999: --heap 4096',
    ),
    smokeTest: options.smoke !== false,
    compression:
      checked(
        read('compression'),
        (text) => COMPRESSIONS.find((kind) => kind === text),
        'is not a supported compression',
        `choose from ${COMPRESSIONS.join(', ')}`,
      ) ?? 'gzip',
    cacheFrom: parseCaches('cacheFrom', options.cacheFrom ?? [read('cacheFrom')?.text ?? []].flat(), problems),
    cacheTo: parseCaches('cacheTo', options.cacheTo ?? [], problems),
    ca: parseCa(read('ca'), problems),
    sourceDateEpoch: checked(
      epoch === '' ? undefined : { source: 'SOURCE_DATE_EPOCH', text: epoch },
      (text) => (/^[0-9]{1,12}$/.test(text) && Number(text) <= LAST_SECOND ? Number(text) : undefined),
      'is not a number of seconds since 1970',
      'for example: SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)',
    ),
  };
  return { spec, problems };
}

/** `--browser` without a value means Playwright's Chromium, as the variable does. */
function parseBrowser(given: GivenOptions['browser'], isOn: () => boolean, problems: Problem[]): BrowserChoice {
  if (typeof given !== 'string') return given === true || isOn() ? 'playwright' : 'none';
  if (given === 'playwright' || given === 'debian') return given;
  const hint = 'choose --browser playwright or --browser debian';
  problems.push(problemWith('--browser', given, 'is not a browser source', hint));
  return 'none';
}

/** `-t, --tag <reference>` → `--tag`. */
function sourceOf(definition: OptionDefinition): string {
  return /--[a-z-]+/.exec(definition.flags)?.[0] ?? definition.flags;
}

/** Chooses the gateway, in this order: --package, --source, the current folder if it is a checkout, the newest package. */
function parseChoice(
  options: GivenOptions,
  source: Given,
  packageText: string,
  checkout: string | undefined,
  problems: Problem[],
): GatewayChoice {
  if (options.package !== undefined && options.source !== undefined) {
    problems.push(
      problemWith(
        '--source',
        options.source,
        'cannot be combined with --package: an image contains one gateway',
        'leave one of the options out',
      ),
    );
  }
  if (options.package !== undefined) return parseGateway(packageText, problems);
  if (source !== undefined) return { kind: 'checkout', path: resolve(source.text) };
  if (checkout !== undefined) return { kind: 'checkout', path: checkout };
  return parseGateway(packageText, problems);
}

function parseGateway(text: string, problems: Problem[]): GatewayChoice {
  const file = text.replace(/^openclaw@(?=.*\.tgz$)/, '').replace(/^file:/, '');
  if (/\.(?:tgz|tar\.gz)$/.test(file)) {
    const path = resolve(file);
    if (!existsSync(path)) {
      problems.push(problemWith('--package', text, 'does not exist', 'create the file with npm pack openclaw'));
    }
    return { kind: 'file', path };
  }
  const match = /^openclaw(?:@(.*))?$/.exec(text);
  const selector = match === null ? '' : (match[1] ?? 'latest');
  if (!NPM_SELECTOR.test(selector)) {
    problems.push(
      problemWith(
        '--package',
        text,
        'is not openclaw@<version|tag> or a file.tgz',
        'for example: --package openclaw@latest',
      ),
    );
  }
  return { kind: 'registry', selector };
}

function parseBase(text: string | undefined, problems: Problem[]): BaseChoice {
  if (text === undefined) return { kind: 'auto' };
  if (text === 'auto' || text === 'pinned' || text === 'bootstrap') return { kind: text };
  const reference = referenceOr(
    text,
    '--base',
    'use pinned, bootstrap, or a reference such as node:24-bookworm-slim',
    problems,
  );
  return reference === undefined ? { kind: 'auto' } : { kind: 'reference', reference };
}

export function referenceOr(value: string, source: string, hint: string, problems: Problem[]): Reference | undefined {
  try {
    return parseReference(value);
  } catch (error) {
    problems.push(problemWith(source, value, `is not a valid image reference: ${(error as Error).message}`, hint));
    return undefined;
  }
}

function parseTags(given: readonly string[], problems: Problem[]): readonly Reference[] {
  const tags: Reference[] = [];
  for (const value of given.length > 0 ? given : [BUILD_OPTIONS.tag.default]) {
    const reference = referenceOr(value, '--tag', 'for example: --tag openclaw:local', problems);
    if (reference?.digest !== undefined) {
      problems.push(
        problemWith('--tag', value, 'contains a digest, which a build cannot choose', 'remove the part after @'),
      );
    }
    if (reference !== undefined) tags.push(reference);
  }
  return tags;
}

function parsePlatforms(text: string, problems: Problem[]): readonly Platform[] {
  const platforms = new Set<Platform>();
  for (const value of text.split(/[\s,]+/).filter((part) => part !== '')) {
    const platform = parsePlatform(value);
    if (platform === undefined) {
      const reason = value.startsWith('linux/')
        ? 'is a platform that the gateway is not built for'
        : 'is not a Linux platform';
      problems.push(problemWith('--platform', value, reason, `use ${PLATFORMS.join(' or ')}`));
    } else platforms.add(platform);
  }
  return [...platforms];
}

function parseCaches(name: 'cacheFrom' | 'cacheTo', given: readonly string[], problems: Problem[]): readonly string[] {
  for (const value of given) {
    // buildx also accepts a bare reference, which means type=registry.
    if (PAIRS.test(value)) continue;
    const definition: OptionDefinition = BUILD_OPTIONS[name];
    referenceOr(value, sourceOf(definition), `for example: ${definition.example}`, problems);
  }
  return given;
}

/** Source: git, hash-function-transition: SHA-1 or SHA-256. */
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

function parseCa(value: Given, problems: Problem[]): string | undefined {
  if (value === undefined) return undefined;
  const path = resolve(value.text);
  const reason = certificateProblem(path);
  if (reason === undefined) return path;
  const hint = 'name a PEM file with certificate authorities, or unset the option';
  problems.push(problemWith(value.source, value.text, reason, hint));
  return undefined;
}
