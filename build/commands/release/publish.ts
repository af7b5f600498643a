import { createHash } from 'node:crypto';
import { Command } from 'commander';
import { cacheFolder } from '../../cache-folder.ts';
import { findEngine } from '../../engine/engine.ts';
import { isCheckout } from '../../gateway/is-checkout.ts';
import { RequestError } from '../../problem.ts';
import { buildPieces, gatherRelease } from '../../release/build-pieces.ts';
import type { ReleaseRequest } from '../../release/plan-release.ts';
import { publishRelease } from '../../release/publish-release.ts';
import type { PublishContext, PublishRequest } from '../../release/publish-request.ts';
import { releaseName } from '../../release/release-record.ts';
import { cosignSigner, parseSigning } from '../../release/signature.ts';
import { verifyPiece } from '../../release/verify-piece.ts';
import { type ProgressView, progressMode, progressView } from '../../report/build-progress.ts';
import { writeJobSummary } from '../../report/job-summary.ts';
import { releaseMarkdown, releaseReport } from '../../report/release-report.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { interruption } from '../interruption.ts';
import { addOptions } from '../options.ts';
import {
  baseDigest,
  builderId,
  parseReleaseOptions,
  parseReleaseSpecs,
  RELEASE_BUILD_OPTIONS,
  RELEASE_OPTIONS,
  RELEASE_PATIENCE,
  type ReleaseBuildOptions,
  type ReleaseOptions,
  registriesFor,
} from './release-options.ts';

export const PUBLISH_OPTIONS = {
  sign: {
    flags: '--sign <how>',
    description:
      'keyless (in a workflow); a cosign private key, as a file (its password in COSIGN_PASSWORD) or as env://NAME; or none',
    unset: 'keyless in GitHub Actions, none elsewhere',
  },
  wait: {
    flags: '--wait <minutes>',
    description: 'how long to wait for another release to the same repositories',
    default: '0',
  },
} as const;

export interface PublishOptions {
  readonly sign?: string;
  readonly wait?: string;
  readonly json?: boolean;
}

export const publishCommand = (): Command =>
  addOptions(
    new Command('publish').description('build, verify, sign and publish a release; after a kill, the same command resumes'),
    { ...RELEASE_OPTIONS, ...RELEASE_BUILD_OPTIONS, ...PUBLISH_OPTIONS, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Version tags are written first and channels (latest, main) last, and no tag is written before all checks pass. The release stops if
a version exists with other contents. Exit codes: 0 published, 1 refused or failed, 2 the request is not valid, 130 interrupted.

Examples:
  scripts/run release publish --ref refs/tags/v2026.3.13 --source ../openclaw
  scripts/run release publish --ref refs/tags/v2026.9.6 --registries localhost:5000/openclaw --platforms linux/amd64 --sign none`,
    )
    .action(run);

async function run(options: ReleaseOptions & ReleaseBuildOptions & PublishOptions): Promise<void> {
  const here = process.cwd();
  const request = parseReleaseOptions(options);
  const { specs, problems } = parseReleaseSpecs(request, options, (await isCheckout(here)) ? here : undefined);
  await runPublish(request, options, async (view, folder, signal) => {
    const date = request.event === 'refresh' ? request.date : undefined;
    const made = await gatherRelease(request.ref, specs, problems, date, view.onStep);
    const { gateway } = Object.values(made.ingredients)[0] ?? {};
    return {
      revision: made.revision,
      source: made.source,
      base: await baseDigest(specs, registriesFor(view, RELEASE_PATIENCE, signal)),
      created: new Date(made.epoch * 1000).toISOString(),
      identity: JSON.stringify([specs, made.epoch, gateway?.kind === 'package' ? gateway.integrity : made.revision]),
      pieces: async (_, platform) => {
        const engine = await findEngine(options.engine, view.onStep);
        const context = { engine, builder: options.builder, folder, builderId: builderId(), signal, ...view };
        return buildPieces(made, platform, context);
      },
      verify: async (piece) =>
        verifyPiece(await findEngine(options.engine, view.onStep), folder, piece, view.onStep, signal),
    };
  });
}

/** @throws RequestError if the text is not a number of minutes */
function parseMinutes(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  const wayOut = 'write a number of minutes: --wait 20';
  throw new RequestError([{ source: '--wait', value: text, reason: 'is not a number of minutes', wayOut }]);
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Resolves what is published. */
type Prepare = (
  view: ProgressView,
  folder: string,
  signal: AbortSignal,
) => Promise<
  Pick<PublishRequest, 'revision' | 'source' | 'base' | 'identity'> &
    Pick<ReleaseRequest, 'created'> &
    Pick<PublishContext, 'pieces' | 'verify'>
>;

/** Publishes a release, and prints the result. */
export async function runPublish(
  release: Omit<ReleaseRequest, 'published' | 'digests'>,
  options: PublishOptions,
  prepare: Prepare,
): Promise<void> {
  const signing = parseSigning(options.sign);
  const minutes = parseMinutes(options.wait ?? PUBLISH_OPTIONS.wait.default);
  const view = await progressView(progressMode(options.json === true));
  const { signal, until, because, stop } = interruption(
    'completed steps are recorded, and the same command resumes there',
  );
  try {
    const registry = registriesFor(view, RELEASE_PATIENCE, signal);
    const to = shortHash(release.registries.join());
    const folder = cacheFolder('releases', `${releaseName(release)}-${to}`);
    const patience = { minutes, onWait: (who: string) => view.onStep(`waiting for ${who}`) };
    const { pieces, verify, identity, created, ...facts } = await until(prepare(view, folder, signal));
    const published = await publishRelease(
      {
        release: { ...release, created },
        folder,
        identity: shortHash(
          JSON.stringify([identity, { ...release, date: release.event === 'refresh' ? release.date : '' }, facts.base]),
        ),
        ...facts,
      },
      {
        registry,
        signer: await cosignSigner(signing, view.onStep),
        pieces,
        verify,
        patience,
        onStep: view.onStep,
        signal,
      },
    );
    view.close();
    await writeJobSummary(releaseMarkdown(published));
    process.stdout.write(`${options.json === true ? JSON.stringify(published, null, 2) : releaseReport(published)}\n`);
  } catch (error) {
    throw because(error);
  } finally {
    stop();
    view.close();
  }
}
