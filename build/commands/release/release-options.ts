import { PLATFORMS, type Platform, parsePlatform } from '../../oci/platform.ts';
import { repositoryOf } from '../../oci/reference.ts';
import { type Problem, problemWith, RequestError, requestError } from '../../problem.ts';
import type { BuildCache } from '../../release/build-cache.ts';
import { CHANNEL_NAMES, type Channel, isChannel } from '../../release/channel-decision.ts';
import { LONGEST_PREVIEW_DAYS, parseRelease, RELEASE_EVENTS, type Release } from '../../release/release.ts';
import type { ReleaseRecord } from '../../release/release-record.ts';
import type { SignatureCheck } from '../../release/trusted-record.ts';
import type { ImageSpec } from '../../spec/image-spec.ts';
import { BUILD_OPTIONS, type GivenOptions, type OptionValues } from '../../spec/option.ts';
import { parseImageSpec, referenceOr } from '../../spec/parse-image-spec.ts';
import { type PerImage, VARIANTS, type VariantImage } from '../../spec/variant.ts';
import { workflowRunUrl } from '../../workflow-run.ts';

/** Options that select what is released, and the target repositories. */
export const RELEASE_OPTIONS = {
  ref: {
    flags: '--ref <ref>',
    variables: ['GITHUB_REF'],
    description:
      'what to release: the git ref refs/heads/main, refs/tags/v<version>, or refs/pull/<number>/merge for images that expire; or base/24, a run base with that Node',
  },
  event: {
    flags: '--event <event>',
    description:
      'push; backfill (publish an old tag for the first time); refresh (publish the same release on a newer base)',
    default: 'push',
  },
  variants: { flags: '--variants <names>', description: 'variants, separated by commas', default: VARIANTS.join(',') },
  platforms: {
    flags: '--platforms <platforms>',
    description: 'platforms, separated by commas',
    default: PLATFORMS.join(','),
  },
  registries: {
    flags: '--registries <repositories>',
    description:
      'repositories of the release, separated by commas: the first gets the images, and the others get copies',
    default: 'ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw',
  },
  platformTags: {
    flags: '--no-platform-tags',
    description: 'create no tags of single platforms (latest-arm64); those of a channel that exist still move',
  },
  date: {
    flags: '--date <YYYYMMDD>',
    description:
      "day of the release: part of the tag of a refresh or a run base; Debian's packages are fetched once for each day. Use the same on all machines",
    unset: 'today, UTC',
  },
} as const;

const { registries: _registries, platformTags: _platformTags, ...REF } = RELEASE_OPTIONS;
/** Options that select what is built. */
export const REF_OPTIONS = REF;

export type ReleaseOptions = OptionValues<typeof RELEASE_OPTIONS>;

const { default: _package, ...PACKAGE } = BUILD_OPTIONS.package;
const { variables: _override, ...OVERRIDE } = BUILD_OPTIONS.override;
const { variables: _sourceUrl, ...SOURCE_URL } = BUILD_OPTIONS.sourceUrl;
const { variables: _revision, ...REVISION } = BUILD_OPTIONS.revision;
const { variables: _cacheFrom, ...CACHE_FROM } = BUILD_OPTIONS.cacheFrom;
const { variables: _extensions, ...EXTENSIONS } = BUILD_OPTIONS.extensions;
const { variables: _browser, ...BROWSER } = BUILD_OPTIONS.browser;
const { variables: _heap, ...HEAP } = BUILD_OPTIONS.heap;

/** Options that select the sources of a release. */
export const RELEASE_BUILD_OPTIONS = {
  source: BUILD_OPTIONS.source,
  package: { ...PACKAGE, unset: "the ref's version, from npm" },
  base: {
    ...BUILD_OPTIONS.base,
    variables: ['OPENCLAW_RELEASE_BASE'],
    description: 'base instead of the pinned one: an image reference, also of a run base',
    unset: 'the pin',
  },
  override: OVERRIDE,
  sourceUrl: SOURCE_URL,
  revision: REVISION,
  extensions: {
    ...EXTENSIONS,
    variables: ['OPENCLAW_RELEASE_EXTENSIONS'],
    description: 'plugins to include in every image, by id, separated by spaces or commas',
  },
  browser: { ...BROWSER, unset: 'playwright, in the browser variant' },
  heap: HEAP,
  compression: BUILD_OPTIONS.compression,
  cache: {
    flags: '--cache <repository>',
    variables: ['OPENCLAW_RELEASE_CACHE'],
    description:
      'repository with build caches, one tag for each image and platform; builds of main write them, all builds read those that are signed',
    example: '--cache ghcr.io/openclaw/openclaw-cache',
  },
  previewDays: {
    flags: '--preview-days <days>',
    description: 'days from the commit of a pull request until release prune removes its images',
    default: '14',
  },
  cacheFrom: CACHE_FROM,
  cacheTo: BUILD_OPTIONS.cacheTo,
  ca: BUILD_OPTIONS.ca,
  engine: BUILD_OPTIONS.engine,
  builder: BUILD_OPTIONS.builder,
} as const;

export type ReleaseBuildOptions = OptionValues<typeof RELEASE_BUILD_OPTIONS>;

/** @throws RequestError with every problem, including those of the ref and the event */
export function parseReleaseOptions(options: ReleaseOptions): Release {
  const problems: Problem[] = [];
  const [event] = choose('--event', [options.event ?? RELEASE_OPTIONS.event.default], RELEASE_EVENTS, problems);
  const variants = chooseSome('--variants', options.variants ?? RELEASE_OPTIONS.variants.default, VARIANTS, problems);
  const platforms = parsePlatformList(options.platforms, problems);
  const registries = parseRegistries(options.registries, problems);
  const date = parseDate(options.date, problems);
  const ref = options.ref ?? process.env['GITHUB_REF'] ?? '';
  if (event === undefined || problems.length > 0) throw new RequestError(problems);
  return parseRelease({
    ref,
    event,
    variants,
    platforms,
    registries,
    date,
    platformTags: options.platformTags !== false,
  });
}

/** @param text `20260401`; undefined for today */
export function parseDate(text: string | undefined, problems: Problem[]): string {
  const date = text ?? today();
  const [, year, month, day] = /^(20\d{2})(\d{2})(\d{2})$/.exec(date) ?? [];
  const time = new Date(`${year}-${month}-${day}T00:00:00Z`);
  // JavaScript makes March of the 31st of February.
  if (Number.isNaN(time.getTime()) || time.getUTCDate() !== Number(day))
    problems.push(problemWith('--date', date, 'is not a date', 'write it as 20260401'));
  return date;
}

/** Today in UTC: `20260401`. */
export const today = (): string => new Date().toISOString().slice(0, 10).replaceAll('-', '');

/** The words of a list separated by commas, each once. */
const words = (text: string): readonly string[] => [
  ...new Set(
    text
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  ),
];

/** Keeps the known values, and reports the others. */
function choose<T extends string>(
  source: string,
  values: readonly string[],
  choices: readonly T[],
  problems: Problem[],
  parse: (value: string) => T | undefined = (value) => choices.find((choice) => choice === value),
): readonly T[] {
  return values.flatMap((value) => {
    const chosen = parse(value);
    if (chosen === undefined)
      problems.push(problemWith(source, value, 'is not supported', `choose from ${choices.join(', ')}`));
    return chosen ?? [];
  });
}

function chooseSome<T extends string>(
  source: string,
  text: string,
  choices: readonly T[],
  problems: Problem[],
  parse?: (value: string) => T | undefined,
): readonly T[] {
  const values = words(text);
  if (values.length === 0)
    problems.push(problemWith(source, '', 'is empty', 'leave the option out to use all, or name at least one'));
  return choose(source, values, choices, problems, parse);
}

export const parsePlatformList = (text: string | undefined, problems: Problem[]): readonly Platform[] =>
  chooseSome('--platforms', text ?? RELEASE_OPTIONS.platforms.default, PLATFORMS, problems, parsePlatform);

/** @param problems receives names that are not repositories @returns full repository names */
export function parseRegistries(text: string | undefined, problems: Problem[]): readonly string[] {
  const names = words(text ?? RELEASE_OPTIONS.registries.default).flatMap((value) => {
    const hint = 'name a repository without tag: ghcr.io/openclaw/openclaw';
    const reference = referenceOr(value, '--registries', hint, problems);
    if (reference === undefined) return [];
    if (reference.tag === undefined && reference.digest === undefined) return [repositoryOf(reference)];
    problems.push(problemWith('--registries', value, 'has a tag or a digest', hint));
    return [];
  });
  return [...new Set(names)];
}

/** @returns the full name of the repository with the caches; undefined without one @throws RequestError if it is not a repository */
export function parseCache({
  cache = process.env['OPENCLAW_RELEASE_CACHE'],
}: Pick<ReleaseBuildOptions, 'cache'>): string | undefined {
  if (cache === undefined || cache === '') return undefined;
  const problems: Problem[] = [];
  const hint = `name a repository without tag: ${RELEASE_BUILD_OPTIONS.cache.example}`;
  const reference = referenceOr(cache, '--cache', hint, problems);
  if (reference?.tag !== undefined || reference?.digest !== undefined)
    problems.push(problemWith('--cache', cache, 'has a tag or a digest', hint));
  if (reference === undefined || problems.length > 0) throw new RequestError(problems);
  return repositoryOf(reference);
}

/** The cache of a release's builds. Only builds of main write it. @param repository undefined without a cache */
export const buildCache = (
  repository: string | undefined,
  check: SignatureCheck | undefined,
  { kind }: Pick<Release, 'kind'>,
): BuildCache | undefined => (repository === undefined ? undefined : { repository, check, isWritten: kind === 'main' });

/** @throws RequestError if the text is not a number of days */
export function parsePreviewDays({
  previewDays = RELEASE_BUILD_OPTIONS.previewDays.default,
}: ReleaseBuildOptions): number {
  const days = /^[1-9]\d{0,2}$/.test(previewDays) ? Number(previewDays) : 0;
  if (days > 0 && days <= LONGEST_PREVIEW_DAYS) return days;
  const hint = `write a number from 1 to ${LONGEST_PREVIEW_DAYS}: --preview-days 14`;
  throw requestError('--preview-days', previewDays, 'is not a number of days', hint);
}

/** Options of commands that read the record of a release. */
export const RECORD_OPTIONS = {
  release: {
    flags: '--release <name>',
    description: 'release: 2026.3.13, 2026.3.13-r20260401, base-24-20260401, main',
    unset: 'the newest of the channel that has a record',
  },
  channel: {
    flags: '--channel <name>',
    description: `channel whose newest release is meant: ${CHANNEL_NAMES.join(', ')}`,
    default: 'latest',
  },
  registries: RELEASE_OPTIONS.registries,
} as const;

export type RecordOptions = OptionValues<typeof RECORD_OPTIONS & Pick<typeof BUILD_OPTIONS, 'json'>>;

/** @throws RequestError for a channel that does not exist */
export function parseChannel(name: string = RECORD_OPTIONS.channel.default): Channel {
  if (isChannel(name)) return name;
  throw requestError('--channel', name, 'is not a channel of releases', `choose from ${CHANNEL_NAMES.join(', ')}`);
}

/** @throws RequestError if a name is not a repository */
export function requireRegistries(text: string | undefined): readonly string[] {
  const problems: Problem[] = [];
  const registries = parseRegistries(text, problems);
  if (problems.length > 0) throw new RequestError(problems);
  return registries;
}

/** The repositories of a command that removes what other people may need: there is no default. */
export const GIVEN_REGISTRIES = {
  flags: '--registries <repositories>',
  description: 'repositories to change, separated by commas; must be given',
  example: '--registries ghcr.io/openclaw/openclaw',
} as const;

/** @param problems gets one if no repository is given */
export function parseGivenRegistries(text: string | undefined, problems: Problem[]): readonly string[] {
  const before = problems.length;
  const names = parseRegistries(text ?? '', problems);
  if (names.length === 0 && problems.length === before)
    problems.push(problemWith('--registries', '', 'is empty', GIVEN_REGISTRIES.example));
  return names;
}

/** @throws RequestError if a release was published to more repositories than those that may be written */
export function requireAllRegistries(
  { registries }: Pick<ReleaseRecord, 'registries'>,
  requested: readonly string[],
): void {
  const others = registries.filter((name) => !requested.includes(name));
  if (others.length === 0) return;
  throw requestError(
    '--registries',
    requested.join(','),
    `lacks ${others.join(', ')}, where the release was published too`,
    `name all of them: --registries ${[...requested, ...others].join(',')}`,
  );
}

/** The variables that may shape a release. Variables that shape a local build are ignored. */
const RELEASE_VARIABLES = ['SOURCE_DATE_EPOCH', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'OPENCLAW_SOURCE'] as const;

/** @returns an ImageSpec for each image of a release, and every problem with them */
export function parseReleaseSpecs(
  { version, images }: Release,
  options: ReleaseBuildOptions,
  checkout: string | undefined,
): { readonly specs: PerImage<ImageSpec>; readonly problems: readonly Problem[] } {
  const environment = Object.fromEntries(RELEASE_VARIABLES.map((name) => [name, process.env[name]]));
  const isCheckout = options.source !== undefined || checkout !== undefined || environment['OPENCLAW_SOURCE'];
  const { browser, engine: _, builder: __, cache: ___, previewDays: ____, ...shared } = options;
  const extensions = options.extensions ?? process.env['OPENCLAW_RELEASE_EXTENSIONS'];
  const gateway =
    options.package === undefined && !isCheckout && version !== undefined
      ? { package: `openclaw@${version.text}` }
      : {};
  const specs: Partial<Record<VariantImage, ImageSpec>> = {};
  const problems = new Map<string, Problem>();
  for (const image of images) {
    const given: GivenOptions = {
      ...shared,
      ...gateway,
      ...(extensions === undefined ? {} : { extensions }),
      base: options.base ?? (process.env['OPENCLAW_RELEASE_BASE'] || 'pinned'),
      variant: image,
      ...(image === 'browser' && browser !== undefined ? { browser } : {}),
    };
    const parsed = parseImageSpec(given, environment, checkout);
    specs[image] = parsed.spec;
    for (const problem of parsed.problems) problems.set(JSON.stringify(problem), problem);
  }
  return { specs, problems: [...problems.values()] };
}

/** The builder that the provenance names. Source: SLSA, builder.id; Docker's actions name the workflow run. */
export const builderId = async (): Promise<string> => (await workflowRunUrl()) ?? 'urn:openclaw-image:local';
