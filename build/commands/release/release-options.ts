import { readPin } from '../../base/pin.ts';
import { PLATFORMS, type Platform, parsePlatform } from '../../oci/platform.ts';
import { formatReference, parseReference, repositoryOf } from '../../oci/reference.ts';
import { missingImage, openRegistries, type Registry } from '../../oci/registry.ts';
import { type Problem, RequestError } from '../../problem.ts';
import { planRelease, RELEASE_EVENTS, type ReleaseRequest } from '../../release/plan-release.ts';
import { parseReleaseRef } from '../../release/release-ref.ts';
import type { ProgressView } from '../../report/build-progress.ts';
import { seconds } from '../../report/style.ts';
import type { ImageSpec } from '../../spec/image-spec.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { type GivenOptions, parseImageSpec } from '../../spec/parse-image-spec.ts';
import { VARIANT_IMAGES, VARIANTS, type Variant, type VariantImage } from '../../spec/variant.ts';

/** Options that select what is released, and the target repositories. */
export const RELEASE_OPTIONS = {
  ref: {
    flags: '--ref <ref>',
    variables: ['GITHUB_REF'],
    description: 'git ref to release: refs/heads/main or refs/tags/v<version>',
  },
  event: {
    flags: '--event <event>',
    description: 'push; backfill (publish an old tag for the first time); refresh (publish the same release on a newer base)',
    default: 'push',
  },
  variants: { flags: '--variants <names>', description: 'variants, separated by commas', default: VARIANTS.join(',') },
  platforms: { flags: '--platforms <platforms>', description: 'platforms, separated by commas', default: PLATFORMS.join(',') },
  registries: {
    flags: '--registries <repositories>',
    description: 'repositories, separated by commas; the first is built for, the others get the same digests',
    default: 'ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw',
  },
  date: {
    flags: '--date <YYYYMMDD>',
    description: 'date of a refresh; use the same on all machines that build it',
    unset: 'today, UTC',
  },
} as const;

export interface ReleaseOptions {
  readonly ref?: string;
  readonly event?: string;
  readonly variants?: string;
  readonly platforms?: string;
  readonly registries?: string;
  readonly date?: string;
}

const { default: _package, ...PACKAGE } = BUILD_OPTIONS.package;
const { variables: _browser, ...BROWSER } = BUILD_OPTIONS.browser;

/** Options that select the sources of a release. */
export const RELEASE_BUILD_OPTIONS = {
  source: BUILD_OPTIONS.source,
  package: { ...PACKAGE, unset: "the ref's version, from npm" },
  base: {
    ...BUILD_OPTIONS.base,
    variables: ['OPENCLAW_RELEASE_BASE'],
    description: 'base instead of the pinned one: an image reference',
    unset: 'the pin',
  },
  browser: { ...BROWSER, unset: 'playwright, in the browser variant' },
  cacheFrom: BUILD_OPTIONS.cacheFrom,
  cacheTo: BUILD_OPTIONS.cacheTo,
  ca: BUILD_OPTIONS.ca,
  engine: BUILD_OPTIONS.engine,
  builder: BUILD_OPTIONS.builder,
} as const;

export interface ReleaseBuildOptions extends Pick<GivenOptions, 'source' | 'package' | 'base' | 'browser' | 'ca'> {
  readonly cacheFrom?: readonly string[];
  readonly cacheTo?: readonly string[];
  readonly engine?: string;
  readonly builder?: string;
}

type Request = Omit<ReleaseRequest, 'published' | 'digests'>;

/** @throws RequestError with every problem, including those of the ref and the event */
export function parseReleaseOptions(options: ReleaseOptions): Request {
  const problems: Problem[] = [];
  const list = (text: string | undefined, fallback: string): readonly string[] => [
    ...new Set(
      (text ?? fallback)
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== ''),
    ),
  ];
  const choose = <T extends string>(
    source: string,
    values: readonly string[],
    find: (value: string) => T | undefined,
    choices: readonly string[],
  ): readonly T[] =>
    values.flatMap((value) => {
      const found = find(value);
      if (found === undefined)
        problems.push({ source, value, reason: 'is not supported', wayOut: `choose from ${choices.join(', ')}` });
      return found ?? [];
    });
  const [event] = choose(
    '--event',
    [options.event ?? RELEASE_OPTIONS.event.default],
    (value) => RELEASE_EVENTS.find((one) => one === value),
    RELEASE_EVENTS,
  );
  const variants = choose<Variant>(
    '--variants',
    list(options.variants, RELEASE_OPTIONS.variants.default),
    (value) => VARIANTS.find((one) => one === value),
    VARIANTS,
  );
  const platforms = choose<Platform>(
    '--platforms',
    list(options.platforms, RELEASE_OPTIONS.platforms.default),
    parsePlatform,
    PLATFORMS,
  );
  const registries = parseRegistries(list(options.registries, RELEASE_OPTIONS.registries.default), problems);
  for (const [source, values] of [
    ['--variants', variants],
    ['--platforms', platforms],
  ] as const) {
    const wayOut = 'leave the option out to use all, or name at least one';
    if (values.length === 0 && problems.length === 0)
      problems.push({ source, value: '', reason: 'is empty', wayOut });
  }
  const date = options.date ?? new Date().toISOString().slice(0, 10).replaceAll('-', '');
  if (!/^20\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/.test(date)) {
    problems.push({ source: '--date', value: date, reason: 'is not a date', wayOut: 'write it as 20260401' });
  }
  const ref = options.ref ?? process.env['GITHUB_REF'] ?? '';
  if (event === undefined || problems.length > 0) throw new RequestError(problems);
  const request = { ref, event, variants, platforms, registries, date };
  // Refuses an invalid ref before any registry is contacted.
  planRelease({ ...request, published: undefined });
  return request;
}

export function parseRegistries(values: readonly string[], problems: Problem[]): readonly string[] {
  const names = values.flatMap((value) => {
    try {
      const reference = parseReference(value);
      if (reference.tag === undefined && reference.digest === undefined) return repositoryOf(reference);
      throw new Error('has a tag or a digest');
    } catch (error) {
      const wayOut = 'name a repository without tag: ghcr.io/openclaw/openclaw';
      problems.push({ source: '--registries', value, reason: (error as Error).message, wayOut });
      return [];
    }
  });
  return [...new Set(names)];
}

/** The variables that may shape a release. Variables that shape a local build are ignored. */
const RELEASE_VARIABLES = ['SOURCE_DATE_EPOCH', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'OPENCLAW_SOURCE'] as const;

/** @returns an ImageSpec for each image of a release, and every problem with them */
export function parseReleaseSpecs(
  { ref, variants }: Pick<Request, 'ref' | 'variants'>,
  options: ReleaseBuildOptions,
  checkout: string | undefined,
): { readonly specs: Readonly<Partial<Record<VariantImage, ImageSpec>>>; readonly problems: readonly Problem[] } {
  const parsed = parseReleaseRef(ref);
  const environment = Object.fromEntries(RELEASE_VARIABLES.map((name) => [name, process.env[name]]));
  const isCheckout = options.source !== undefined || checkout !== undefined || environment['OPENCLAW_SOURCE'];
  const { browser, engine: _, builder: __, ...shared } = options;
  const gateway =
    options.package === undefined && !isCheckout && parsed?.kind === 'version'
      ? { package: `openclaw@${parsed.version.text}` }
      : {};
  const specs: Partial<Record<VariantImage, ImageSpec>> = {};
  const problems = new Map<string, Problem>();
  for (const image of new Set(variants.map((variant) => VARIANT_IMAGES[variant]))) {
    const given: GivenOptions = {
      ...shared,
      ...gateway,
      base: options.base ?? (process.env['OPENCLAW_RELEASE_BASE'] || 'pinned'),
      variant: image,
      ...(image === 'browser' && browser !== undefined ? { browser } : {}),
    };
    const found = parseImageSpec(given, environment, checkout);
    specs[image] = found.spec;
    for (const problem of found.problems) problems.set(JSON.stringify(problem), problem);
  }
  return { specs, problems: [...problems.values()] };
}

/** @param patience seconds to retry; a plan need not wait for long */
export const registriesFor = (view: ProgressView, patience: number, signal?: AbortSignal): Registry =>
  openRegistries({
    patience: {
      seconds: patience,
      onWait: (reason, wait) => view.onStep(`${reason}; retrying in ${seconds(wait)}`),
      signal,
    },
  });

export const PLAN_PATIENCE = 5;
export const RELEASE_PATIENCE = 90;

/** The builder that the provenance names. Source: SLSA, builder.id; Docker's actions name the workflow run. */
export function builderId(): string {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
  return run === undefined ? 'urn:openclaw-image:local' : `${server}/${repository}/actions/runs/${run}`;
}

/** The digest of the base that the images are built on. @throws WorkError if the registry does not have it */
export async function baseDigest(
  specs: Readonly<Partial<Record<VariantImage, ImageSpec>>>,
  registry: Registry,
): Promise<string> {
  const { base } = Object.values(specs)[0] ?? {};
  if (base?.kind !== 'reference') return readPin().reference.digest;
  const { reference } = base;
  if (reference.digest !== undefined) return reference.digest;
  const document = await registry.document(reference, reference.tag ?? 'latest');
  if (document === undefined) throw missingImage(formatReference(reference));
  return document.descriptor.digest;
}
