import { Command } from 'commander';
import { findEngine } from '../engine/engine.ts';
import { parseVersion } from '../gateway/version.ts';
import { formatReference, repositoryOf } from '../oci/reference.ts';
import { missingImage } from '../oci/registry.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import { rebasePiece } from '../release/rebase-pieces.ts';
import { readRecord } from '../release/release-record.ts';
import { verifyPiece } from '../release/verify-piece.ts';
import { progressView } from '../report/build-progress.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { addOptions } from './options.ts';
import { PUBLISH_OPTIONS, type PublishOptions, runPublish } from './release/publish.ts';
import {
  builderId,
  parseReleaseOptions,
  RELEASE_OPTIONS,
  RELEASE_PATIENCE,
  registriesFor,
} from './release/release-options.ts';

interface RebaseOptions extends PublishOptions {
  readonly base?: string;
  readonly date?: string;
  readonly engine?: string;
}

export const rebaseCommand = (): Command =>
  addOptions(
    new Command('rebase')
      .description('replace the base layers of a published release without a build, and publish the result as a refresh')
      .argument('<reference>', 'a published version: ghcr.io/openclaw/openclaw:2026.3.13'),
    {
      base: {
        flags: '--base <reference>',
        description: 'new base, in a registry',
        example: '--base node:24-bookworm-slim',
      },
      date: RELEASE_OPTIONS.date,
      ...PUBLISH_OPTIONS,
      engine: BUILD_OPTIONS.engine,
      json: BUILD_OPTIONS.json,
    },
  )
    .addHelpText(
      'after',
      `
A rebase is refused if an upper layer overwrites a path in which the two bases differ, or if Node's major version changes.
Then build the refresh: scripts/run release publish --event refresh.
All variants and platforms in the record of the release are rebased, booted, checked and published as <version>-rYYYYMMDD.

Example:
  scripts/run rebase ghcr.io/openclaw/openclaw:2026.3.13 --base node:24-bookworm-slim`,
    )
    .action(run);

async function run(text: string, options: RebaseOptions): Promise<void> {
  const problems: Problem[] = [];
  const found = referenceOr(text, '<reference>', 'for example: ghcr.io/openclaw/openclaw:2026.3.13', problems);
  const base = referenceOr(options.base ?? '', '--base', 'for example: --base node:24-bookworm-slim', problems);
  const version = parseVersion((found?.tag ?? '').replace(/-r\d{8}$/, ''));
  if (found !== undefined && version === undefined) {
    const wayOut = 'name a published version: ghcr.io/openclaw/openclaw:2026.3.13';
    problems.push({ source: '<reference>', value: text, reason: 'does not have the tag of a gateway version', wayOut });
  }
  if (found === undefined || base === undefined || version === undefined || problems.length > 0)
    throw new RequestError(problems);
  const registry = registriesFor(await progressView('silent'), RELEASE_PATIENCE);
  const record = await readRecord(registry, repositoryOf(found), found.tag ?? '');
  if (record === undefined) {
    throw new WorkError({
      kind: 'not-found',
      title: 'There is no record of this release',
      reason: `scripts/run release did not publish ${formatReference(found)}`,
      wayOut: 'build the refresh instead: scripts/run release publish --event refresh',
    });
  }
  const document = await registry.document(base, base.digest ?? base.tag ?? 'latest');
  if (document === undefined) throw missingImage(formatReference(base));
  const { digest } = document.descriptor;
  const request = parseReleaseOptions({
    ref: `refs/tags/v${version.text}`,
    event: 'refresh',
    variants: record.variants.join(','),
    platforms: record.platforms.join(','),
    registries: record.registries.join(','),
    ...(options.date === undefined ? {} : { date: options.date }),
  });
  const day = request.date.replace(/(\d{4})(\d{2})(\d{2})/, '$1-$2-$3');
  await runPublish(request, options, async (view, folder, signal) => ({
    revision: record.revision,
    source: record.source,
    base: digest,
    identity: `${record.name} on ${digest}`,
    pieces: async (image, platform) => {
      const wanted = { record, base: { ...base, digest }, created: `${day}T00:00:00Z`, folder, builderId: builderId() };
      return [await rebasePiece(image, platform, wanted, registry, view.onStep)];
    },
    verify: async (piece) =>
      verifyPiece(await findEngine(options.engine, view.onStep), folder, piece, view.onStep, signal),
  }));
}
