import { cosignSigner, ownOrTrusted, parseSigning } from '../attest/signature.ts';
import { findEngine } from '../engine/engine.ts';
import { parseVersionTag } from '../gateway/version.ts';
import { formatReference, parseReference, type Reference, repositoryOf } from '../oci/reference.ts';
import { missingImage } from '../oci/registry.ts';
import { type Problem, RequestError, requestError, WorkError } from '../problem.ts';
import { rebasedImages } from '../release/rebase-images.ts';
import { type ReleaseRecord, recordedRelease, recordTag } from '../release/release-record.ts';
import { dayOf } from '../release/resolve-release.ts';
import { readRunBase } from '../release/run-base.ts';
import { trustedRecord } from '../release/trusted-record.ts';
import { verifyPlatformImage } from '../release/verify-platform-image.ts';
import { progressView } from '../report/build-progress.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { defineCommand, parseCa } from './options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from './registries.ts';
import { PUBLISH_OPTIONS, type PublishOptions, runPublish } from './release/publish.ts';
import {
  builderId,
  parseDate,
  RELEASE_OPTIONS,
  requireAllRegistries,
  requireRegistries,
} from './release/release-options.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './release/trust-options.ts';

interface RebaseOptions extends PublishOptions, TrustOptions {
  readonly registries?: string;
  readonly base?: string;
  readonly newPackages?: boolean;
  readonly date?: string;
  readonly engine?: string;
  readonly builder?: string;
  readonly ca?: string;
}

export const rebaseCommand = defineCommand({
  name: 'rebase',
  description:
    'replace the base and the Debian packages of a published release without building the gateway, and publish the result as a refresh',
  options: {
    base: {
      flags: '--base <reference>',
      description: 'new base, or a run base, in a registry',
      example: '--base node:24-bookworm-slim',
    },
    newPackages: {
      flags: '--new-packages',
      description: "install Debian's packages again, in the versions of today, even if the new base does not need it",
    },
    date: RELEASE_OPTIONS.date,
    registries: {
      flags: RELEASE_OPTIONS.registries.flags,
      description: 'repositories to publish to, separated by commas',
      unset: `the repository of the reference, and those of ${RELEASE_OPTIONS.registries.default} that have the release`,
    },
    ...TRUST_OPTIONS,
    ...PUBLISH_OPTIONS,
    engine: BUILD_OPTIONS.engine,
    builder: BUILD_OPTIONS.builder,
    ca: BUILD_OPTIONS.ca,
    json: BUILD_OPTIONS.json,
  },
  help: `
With a run base, its layers replace the base and the Debian packages of an image that has no further ones; nothing is built. With any
other base: if the image overwrites no file that differs between the two bases, only the layers of the base are replaced. Otherwise, or if
the base is unchanged, the Debian packages are installed again, as the image's own Dockerfile says, below the unchanged layers of the
gateway. A rebase is refused if Node's major version changes. Then build the refresh: scripts/run release publish --event refresh.
All variants and platforms in the record of the release are rebased, booted, checked and published as <version>-rYYYYMMDD.

Examples:
  scripts/run rebase ghcr.io/openclaw/openclaw:2026.3.13 --base ghcr.io/openclaw/openclaw:base-24-20260401
  scripts/run rebase ghcr.io/openclaw/openclaw:2026.3.13 --base node:24-bookworm-slim
  scripts/run rebase ghcr.io/openclaw/openclaw:2026.3.13 --base node:24-bookworm-slim --new-packages`,
  run,
}).argument('<reference>', 'a published version: ghcr.io/openclaw/openclaw:2026.3.13');

async function run(text: string, options: RebaseOptions): Promise<void> {
  const { reference, base, date, ca } = parseRequest(text, options);
  const trust = requireTrust(options);
  const registry = openRegistriesFor(await progressView('silent'), RELEASE_RETRY_SECONDS);
  const repository = repositoryOf(reference);
  const signer = options.key === undefined ? await cosignSigner(parseSigning(options.sign), () => {}) : undefined;
  const check = ownOrTrusted(signer, registry, trust, () => {});
  const stored = await trustedRecord(registry, repository, reference.tag ?? '', check);
  if (stored === undefined) {
    throw new WorkError({
      kind: 'not-found',
      title: 'There is no record of this release',
      reason: `scripts/run release did not publish ${formatReference(reference)}.`,
      hint: 'build the refresh instead: scripts/run release publish --event refresh',
    });
  }
  const document = await registry.document(base, base.digest ?? base.tag ?? 'latest');
  if (document === undefined) throw missingImage(formatReference(base));
  const { record } = stored;
  const { digest } = document.descriptor;
  const image = { ...base, digest };
  const runBase = await readRunBase(registry, image, record.platforms, check);
  const newBase = runBase?.base ?? image;
  const { revision, source } = record;
  const registries = requestedRegistries(repository, record, options.registries);
  const release = recordedRelease({ ...record, date, registries }, 'refresh');
  const created = `${dayOf(date)}T00:00:00Z`;
  const newPackages = options.newPackages === true;
  if (newPackages && runBase !== undefined)
    throw requestError(
      '--new-packages',
      formatReference(runBase.image),
      'cannot be combined with a run base, which has the packages of its day',
      'leave the option out, or name the base itself: --base node:24-bookworm-slim',
    );
  await runPublish(release, options, async (listener, folder, { registry: writable, isResumed }) => {
    const { onStep, signal } = listener;
    const installs = newPackages || record.base === digest || runBase !== undefined;
    const tag = recordTag(release.name);
    // The record would count as an interrupted run of this refresh, whose images have the packages of an earlier hour.
    if (installs && !isResumed && (await writable.document(parseReference(repository), tag)) !== undefined)
      throw refreshExists(release.name);
    const request = {
      ...{ record, repository, base: newBase, runBase: runBase?.image, newPackages, created, folder, ca },
      builderId: await builderId(),
    };
    const openEngine = async () => {
      const cli = await findEngine(options.engine, onStep);
      return { cli, builder: options.builder, listener, signal };
    };
    return {
      origin: { revision, source, base: newBase.digest },
      identity: `${record.name} on ${digest}${newPackages ? ' with new packages' : ''}`,
      images: rebasedImages(request, registry, openEngine, onStep),
      verify: async (image) =>
        verifyPlatformImage(await findEngine(options.engine, onStep), folder, image, onStep, signal),
    };
  });
}

const refreshExists = (name: string): WorkError =>
  new WorkError({
    kind: 'version-exists',
    title: 'There is a refresh of this day already',
    reason: `${name} is published, and its packages do not change any more.`,
    hint: 'give the refresh another date: --date YYYYMMDD',
  });

/**
 * The repositories to write: only those that the command line or the configuration names, never one that only the record names.
 *
 * @throws RequestError if the record names a repository that was not asked for
 */
function requestedRegistries(repository: string, record: ReleaseRecord, given: string | undefined): readonly string[] {
  const configured = requireRegistries(given);
  const requested =
    given === undefined
      ? [repository, ...configured.filter((name) => name !== repository && record.registries.includes(name))]
      : configured;
  requireAllRegistries(record, requested);
  return requested;
}

/** @throws RequestError with every problem */
function parseRequest(
  text: string,
  options: RebaseOptions,
): {
  readonly reference: Reference;
  readonly base: Reference;
  readonly date: string;
  readonly ca: string | undefined;
} {
  const problems: Problem[] = [];
  const hint = 'name a published version: ghcr.io/openclaw/openclaw:2026.3.13';
  const reference = referenceOr(text, '<reference>', hint, problems);
  const base = referenceOr(options.base ?? '', '--base', 'for example: --base node:24-bookworm-slim', problems);
  if (reference !== undefined && parseVersionTag(reference.tag ?? '') === undefined)
    problems.push({ source: '<reference>', value: text, reason: 'does not have the tag of a gateway version', hint });
  const date = parseDate(options.date, problems);
  if (reference === undefined || base === undefined || problems.length > 0) throw new RequestError(problems);
  return { reference, base, date, ca: parseCa(options.ca) };
}
