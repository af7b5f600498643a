import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { ImageLocation } from '../contents/open-image.ts';
import { readImages } from '../contents/read-image.ts';
import { type Engine, findRunningEngine } from '../engine/engine.ts';
import { compareVersions, parseVersionTag } from '../gateway/version.ts';
import { parsePlatform } from '../oci/platform.ts';
import { formatReference, parseReference, type Reference, repositoryOf } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { type Problem, problemWith, RequestError, WorkError } from '../problem.ts';
import { type RegistryOverview, registryOverview } from '../release/registry-overview.ts';
import { updateRequests } from '../release/update-request.ts';
import { type ReportContent, reportContent, reportPage } from '../report/page/page.ts';
import { reportText } from '../report/report-text.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { bytes } from '../units.ts';
import { DEBIAN_OPTIONS, listDebianUpdates } from './debian-options.ts';
import { defineCommand } from './options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from './registries.ts';
import { parseRegistries } from './release/release-options.ts';
import { parseTrust, TRUST_OPTIONS } from './release/trust-options.ts';
import { type CommandRun, runCommand } from './run-command.ts';

const REPORT_OPTIONS = {
  output: { flags: '--output <file>', description: 'write a page for browsers', example: '--output report.html' },
  text: { flags: '--text', description: 'print a short report in the terminal', unset: 'only without --output' },
  releases: {
    flags: '--releases <number>',
    description: 'compare the newest releases of the repository; with --registries: releases to list',
    unset: 'the images as given; with --registries: 5',
    example: '--releases 10',
  },
  registries: {
    flags: '--registries <repositories>',
    description: 'also compare the tags of these repositories with the records of their releases',
    example: '--registries ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw',
  },
  platform: { flags: '--platform <platform>', description: 'platform of the images', unset: 'that of this host' },
  ...TRUST_OPTIONS,
  ...DEBIAN_OPTIONS,
  json: BUILD_OPTIONS.json,
} as const;

type ReportOptions = OptionValues<typeof REPORT_OPTIONS>;

export const reportCommand = defineCommand({
  name: 'report',
  description: 'show what is in an image, what an update pulls, or what registries have: as a page, or as text',
  options: REPORT_OPTIONS,
  help: `
One image: what is inside, and how large. Two: what a host that has the first pulls for the second. More: sizes and updates over time.
The page needs no network, and can be attached to a release. It has a map of the image that can be opened part by part.

Examples:
  scripts/run report openclaw:local --output report.html
  scripts/run report openclaw:before openclaw:after --text
  scripts/run report ghcr.io/openclaw/openclaw --releases 10 --output releases.html
  scripts/run report --registries ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw --output registries.html`,
  run,
}).argument('[images...]', 'names in the engine or a registry, OCI archives or layouts; the oldest first');

async function run(images: readonly string[], options: ReportOptions): Promise<void> {
  const request = checkedRequest(images, options);
  await runCommand({ json: options.json, consequence: 'no report was written', cleansUp: true }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const locations =
      request.repository === undefined
        ? request.locations
        : await releasesOf(registry, request.repository, request.count);
    // The releases of a repository are those in the registry.
    const usesEngine = request.repository === undefined && locations.some(({ kind }) => kind === 'reference');
    const engine = usesEngine ? await engineOrNone(options.engine, command) : undefined;
    const content = reportContent(
      await readImages(locations, { engine, registry }, request.platform, command.onStep, command.signal),
      request.registries === undefined ? undefined : await overview(registry, request, options, command),
    );
    const page = options.output === undefined ? undefined : await reportPage(content);
    if (options.output !== undefined && page !== undefined) await writeFileAtomic(options.output, page);
    const written = page === undefined ? '' : `wrote ${options.output} (${bytes(Buffer.byteLength(page))})`;
    return {
      text: () =>
        [...(page === undefined || options.text === true ? [reportText(content)] : []), written]
          .filter((part) => part !== '')
          .join('\n\n'),
      json: () => reportJson(content),
    };
  });
}

/** Registries and archives need no engine: one that does not answer is only missed if it was named. */
const engineOrNone = (named: string | undefined, { onStep }: CommandRun): Promise<Engine | undefined> =>
  findRunningEngine(named).catch((error: unknown) => {
    if (named !== undefined || !(error instanceof WorkError)) throw error;
    onStep(`${error.failure.reason} Looking in the registry.`);
    return undefined;
  });

interface ReportRequest {
  readonly locations: readonly ImageLocation[];
  /** The repository whose newest releases are compared, instead of locations. */
  readonly repository: Reference | undefined;
  readonly registries: readonly string[] | undefined;
  readonly count: number;
  readonly trust: NonNullable<ReturnType<typeof parseTrust>>;
  readonly platform: ReturnType<typeof parsePlatform>;
}

const DEFAULT_RELEASES = 5;
/** Reading an image takes seconds. */
const MOST_RELEASES = 50;

/** @throws RequestError with all problems */
function checkedRequest(images: readonly string[], options: ReportOptions): ReportRequest {
  const problems: Problem[] = [];
  const locations = images.flatMap((text): readonly ImageLocation[] => {
    if (isArchive(text)) return [{ kind: 'archive', path: text }];
    if (/^[./]|\.tar$/.test(text)) {
      problems.push(problemWith('[images...]', text, 'does not exist', 'give the path of an OCI archive or layout'));
      return [];
    }
    const hint = 'for example: scripts/run report openclaw:local --output report.html';
    const reference = referenceOr(text, '[images...]', hint, problems);
    return reference === undefined ? [] : [{ kind: 'reference', reference: formatReference(reference) }];
  });
  const { output } = options;
  if (output !== undefined && !existsSync(dirname(output)))
    problems.push(problemWith('--output', output, 'is in a folder that does not exist', 'create the folder first'));
  if (output !== undefined && images.some((text) => isArchive(text) && resolve(text) === resolve(output)))
    problems.push(
      problemWith('--output', output, 'is an image of this report', 'name another file: --output report.html'),
    );
  const problem = (source: string, value: string, reason: string, hint: string): void =>
    void problems.push(problemWith(source, value, reason, hint));
  if (images.length === 0 && options.registries === undefined)
    problem('[images...]', '', 'is missing', 'name an image, or give --registries');
  const count = Number(options.releases ?? DEFAULT_RELEASES);
  if (!Number.isInteger(count) || count < 1 || count > MOST_RELEASES)
    problem(
      '--releases',
      options.releases ?? '',
      'is not a number of releases',
      `write a number from 1 to ${MOST_RELEASES}`,
    );
  const [first] = locations;
  const isLine = options.releases !== undefined && images.length > 0;
  const repository = isLine && first?.kind === 'reference' ? parseReference(images[0] ?? '') : undefined;
  if (isLine && (locations.length > 1 || repository === undefined || repository.tag !== undefined))
    problem(
      '--releases',
      options.releases ?? '',
      'needs one repository without a tag',
      REPORT_OPTIONS.releases.example,
    );
  const platform = options.platform === undefined ? undefined : parsePlatform(options.platform);
  if (options.platform !== undefined && platform === undefined)
    problem('--platform', options.platform, 'is not a platform of the gateway', 'use linux/amd64 or linux/arm64');
  const trust = parseTrust(options, problems);
  const registries = options.registries === undefined ? undefined : parseRegistries(options.registries, problems);
  if (problems.length > 0 || trust === undefined) throw new RequestError(problems);
  return {
    ...{ locations, repository, registries, count, trust, platform },
  };
}

/** Whether a text names a file or a layout. A folder of a checkout can have the same name as an image. */
const isArchive = (text: string): boolean =>
  existsSync(text) && (/^[./]/.test(text) || !statSync(text).isDirectory() || existsSync(join(text, 'index.json')));

/** The newest stable releases of a repository, the oldest first. @throws WorkError if it has none */
async function releasesOf(registry: Registry, repository: Reference, count: number): Promise<readonly ImageLocation[]> {
  const versions = (await registry.tags(repository)).flatMap((tag) => {
    const parsed = parseVersionTag(tag);
    return parsed === undefined || parsed.refreshed !== undefined || parsed.version.kind === 'prerelease'
      ? []
      : [{ tag, version: parsed.version }];
  });
  const name = repositoryOf(repository);
  if (versions.length === 0)
    throw new WorkError({
      kind: 'not-found',
      title: 'The repository has no release',
      reason: `${name} has no tag of a stable version.`,
      hint: 'check the name, or name the images: scripts/run report IMAGE IMAGE IMAGE',
    });
  return versions
    .sort((a, b) => compareVersions(a.version, b.version))
    .slice(-count)
    .map(({ tag }) => ({ kind: 'reference', reference: `${name}:${tag}` }));
}

const overview = (
  registry: Registry,
  { registries = [], count, trust }: ReportRequest,
  options: ReportOptions,
  command: CommandRun,
): Promise<RegistryOverview> =>
  registryOverview(
    registry,
    registries,
    { count, trust },
    (record) => listDebianUpdates(record.name, options, command, () => updateRequests(record, registries, registry)),
    command.onStep,
  );

/** The same numbers as on the page. */
const reportJson = ({ images, difference, line, registries }: ReportContent): object => ({
  images: images.map(({ summary }) => summary),
  ...(difference === undefined ? {} : { difference }),
  ...(line === undefined ? {} : { line }),
  ...(registries === undefined ? {} : { registries }),
});
