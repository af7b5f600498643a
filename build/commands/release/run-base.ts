import { resolve } from 'node:path';
import { readGitRevision } from '../../gateway/git-revision.ts';
import type { Registry } from '../../oci/registry.ts';
import { type Problem, problemWith, RequestError } from '../../problem.ts';
import { RUN_BASE_SOURCE, type RunBaseRequest } from '../../release/build-run-base.ts';
import type { ReleaseOrigin } from '../../release/platform-image.ts';
import type { Release } from '../../release/release.ts';
import { dayOf } from '../../release/resolve-release.ts';
import { resolveReleaseBase } from '../../release/run-base.ts';
import type { SignatureCheck } from '../../release/trusted-record.ts';
import { parseReleaseSpecs, RELEASE_BUILD_OPTIONS, type ReleaseBuildOptions } from './release-options.ts';

/** The folder of this project. */
const ROOT = resolve(import.meta.dirname, '../../..');

/** The options that a run base has too. */
const OF_RUN_BASE: readonly string[] = [
  'base',
  'revision',
  'compression',
  'ca',
  'engine',
  'builder',
  'cacheFrom',
  'cacheTo',
];

/**
 * Resolves the request for a run base.
 *
 * @throws RequestError for options of gateways, and if no commit says what it is built of
 */
export async function resolveRunBase(
  release: Release,
  options: ReleaseBuildOptions,
  registry: Registry,
  check: SignatureCheck | undefined,
): Promise<{ readonly request: RunBaseRequest; readonly origin: ReleaseOrigin; readonly identity: string }> {
  const { specs, problems } = parseReleaseSpecs(release, options, undefined);
  const { default: spec } = specs;
  const refused = [...problems, ...gatewayOptions(options)];
  if (spec?.sourceDateEpoch !== undefined)
    refused.push(
      problemWith(
        'SOURCE_DATE_EPOCH',
        String(spec.sourceDateEpoch),
        'is for images with a gateway: a run base has the time of its day',
        'unset it, or give another day: --date',
      ),
    );
  const commit = options.revision ?? (await ownCommit(refused));
  if (spec === undefined || refused.length > 0) throw new RequestError(refused);
  const day = dayOf(release.date);
  const { digest: base } = await resolveReleaseBase({ default: spec }, registry, release.platforms, check);
  return {
    request: { release, spec, revision: commit, day },
    origin: {
      ...{ revision: commit, source: RUN_BASE_SOURCE, created: `${day}T00:00:00.000Z` },
      ...(base === undefined ? {} : { base }),
    },
    identity: `${release.name} of ${commit} on ${base}`,
  };
}

/** A problem for each option that only an image with a gateway has. */
const gatewayOptions = (options: ReleaseBuildOptions): readonly Problem[] =>
  Object.entries(RELEASE_BUILD_OPTIONS).flatMap(([name, { flags }]) =>
    OF_RUN_BASE.includes(name) || options[name as keyof ReleaseBuildOptions] === undefined
      ? []
      : [
          problemWith(
            flags.split(' ')[0] ?? '',
            '',
            'is for images with a gateway, and a run base has none',
            'leave it out',
          ),
        ],
  );

/** The commit of this project. @param problems gets one if its files are not those of a commit */
async function ownCommit(problems: Problem[]): Promise<string> {
  const hint = 'commit the changes, or name the commit: --revision COMMIT';
  try {
    const { revision, dirty } = await readGitRevision(ROOT);
    if (dirty)
      problems.push(problemWith('--revision', revision, `is not what ${ROOT} contains: its files have changes`, hint));
    return revision;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    problems.push(
      problemWith(
        '--revision',
        '',
        `has no value, and ${ROOT} has no commit that says what a run base is built of`,
        'name the commit of this project: --revision COMMIT',
      ),
    );
    return '';
  }
}
