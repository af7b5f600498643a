import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { cosignSigner, ownSignatures, parseSigning } from '../../attest/signature.ts';
import { cacheFolder } from '../../cache-folder.ts';
import { findEngine } from '../../engine/engine.ts';
import { isCheckout } from '../../gateway/is-checkout.ts';
import { requestError } from '../../problem.ts';
import { pushCaches } from '../../release/build-cache.ts';
import { builtImages, type ReleaseBuildContext } from '../../release/build-images.ts';
import { builtRunBase } from '../../release/build-run-base.ts';
import { RELEASE_CONSEQUENCE } from '../../release/journal.ts';
import type { ImageSource, ReleaseOrigin } from '../../release/platform-image.ts';
import { publishRelease } from '../../release/publish-release.ts';
import type { PublishContext } from '../../release/publish-request.ts';
import type { Release } from '../../release/release.ts';
import { resolveRelease, withExpiry } from '../../release/resolve-release.ts';
import { resolveReleaseBase } from '../../release/run-base.ts';
import { verifyPlatformImage, verifyRunBase } from '../../release/verify-platform-image.ts';
import { releaseMarkdown, releaseReport } from '../../report/release-reports.ts';
import { BUILD_OPTIONS, type OptionValues } from '../../spec/option.ts';
import { stateFolder } from '../../state-folder.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { type CommandRun, runCommand } from '../run-command.ts';
import {
  buildCache,
  builderId,
  parseCache,
  parsePreviewDays,
  parseReleaseOptions,
  parseReleaseSpecs,
  RELEASE_BUILD_OPTIONS,
  RELEASE_OPTIONS,
  type ReleaseBuildOptions,
  type ReleaseOptions,
} from './release-options.ts';
import { resolveRunBase } from './run-base.ts';

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

export type PublishOptions = OptionValues<
  typeof PUBLISH_OPTIONS & Pick<typeof BUILD_OPTIONS, 'json'> & Pick<typeof RELEASE_BUILD_OPTIONS, 'cache'>
>;

export const publishCommand = defineCommand({
  name: 'publish',
  description: 'build, verify, sign and publish a release; after a kill, the same command resumes',
  options: { ...RELEASE_OPTIONS, ...RELEASE_BUILD_OPTIONS, ...PUBLISH_OPTIONS, json: BUILD_OPTIONS.json },
  help: `
Version tags are written first and channels (latest, main) last, and no tag is written before all checks pass. The release stops if
a version exists with other contents. Exit codes: 0 published, 1 refused or failed, 2 the request is not valid, 130 interrupted.

Examples:
  scripts/run release publish --ref refs/tags/v2026.3.13 --source ../openclaw
  scripts/run release publish --ref refs/tags/v2026.9.6 --registries localhost:5000/openclaw --platforms linux/amd64 --sign none`,
  run,
});

async function run(options: ReleaseOptions & ReleaseBuildOptions & PublishOptions): Promise<void> {
  const here = process.cwd();
  const release = parseReleaseOptions(options);
  if (release.kind === 'base') return publishRunBase(release, options);
  const previewDays = parsePreviewDays(options);
  const { specs, problems } = parseReleaseSpecs(release, options, (await isCheckout(here)) ? here : undefined);
  await runPublish(release, options, async (command, folder, { registry, signer }) => {
    const { onStep, signal } = command;
    const requested = withExpiry(release, await resolveRelease(release, specs, problems, onStep), previewDays);
    const { revision, source, epoch } = requested;
    const check = ownSignatures(signer, registry);
    const { digest: base, ...ofBase } = await resolveReleaseBase(requested.specs, registry, release.platforms, check);
    const resolved = { ...requested, ...ofBase };
    const cache = buildCache(parseCache(options), check, release);
    const openContext = () => openBuild(options, { folder, listener: command, registry, cache });
    return {
      origin: {
        revision,
        source,
        ...(base === undefined ? {} : { base }),
        created: new Date(epoch * 1000).toISOString(),
      },
      identity: JSON.stringify([resolved.specs, epoch, resolved.identity, resolved.expires]),
      images: builtImages(resolved, openContext),
      verify: async (image) =>
        verifyPlatformImage(await findEngine(options.engine, onStep), folder, image, onStep, signal),
    };
  });
}

/** Opens the engine of a release's builds. */
const openBuild = async (
  { engine, builder }: ReleaseBuildOptions,
  release: Pick<ReleaseBuildContext, 'folder' | 'registry' | 'cache'> & { readonly listener: CommandRun },
): Promise<ReleaseBuildContext> => {
  const { onStep, signal } = release.listener;
  return { ...release, cli: await findEngine(engine, onStep), builder, builderId: await builderId(), signal };
};

const publishRunBase = (release: Release, options: ReleaseBuildOptions & PublishOptions): Promise<void> =>
  runPublish(release, options, async (listener, folder, { registry, signer }) => {
    const { onStep } = listener;
    const check = ownSignatures(signer, registry);
    const { request, origin, identity } = await resolveRunBase(release, options, registry, check);
    const openContext = () => openBuild(options, { folder, listener, registry, cache: undefined });
    return {
      origin,
      identity,
      images: builtRunBase(request, openContext),
      verify: async (image) => verifyRunBase(await findEngine(options.engine, onStep), folder, image, onStep),
    };
  });

/** @throws RequestError if the text is not a number of minutes */
export function parseMinutes(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw requestError('--wait', text, 'is not a number of minutes', 'write a number of minutes: --wait 20');
}

/** @throws RequestError for anything but `none` */
function refuseSignature(sign: string | undefined): undefined {
  if (sign === undefined || sign === 'none') return undefined;
  const reason = 'cannot sign the images of a pull request: a signature says that an image is released';
  throw requestError('--sign', sign, reason, 'leave the option out, or give none');
}

const shortHash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The name of a release in the folders of this host. */
export const releaseFolderName = ({ name, registries }: Pick<Release, 'name' | 'registries'>): string =>
  `${name}-${shortHash(registries.join())}`;

/** The images of a release, and what its record says of them. */
interface PreparedRelease extends Pick<PublishContext, 'verify'> {
  readonly origin: ReleaseOrigin;
  /** Identifies the images before they are built. */
  readonly identity: string;
  readonly images: ImageSource;
  /** Folder with the images, if another one than that of this release. */
  readonly folder?: string;
}

/** Resolves a release. @param folder for its images @param tools isResumed: whether an interrupted run on this host began it */
type Prepare = (
  command: CommandRun,
  folder: string,
  tools: Pick<PublishContext, 'registry' | 'signer'> & { readonly isResumed: boolean },
) => Promise<PreparedRelease>;

/** Publishes a release, and prints the result. */
export async function runPublish(release: Release, options: PublishOptions, prepare: Prepare): Promise<void> {
  const signing = release.kind === 'preview' ? refuseSignature(options.sign) : parseSigning(options.sign);
  const cache = parseCache(options);
  const minutes = parseMinutes(options.wait ?? PUBLISH_OPTIONS.wait.default);
  await runCommand({ json: options.json, consequence: RELEASE_CONSEQUENCE, cleansUp: true }, async (command) => {
    const { onStep, signal } = command;
    const target = releaseFolderName(release);
    const own = cacheFolder('releases', target);
    const signer = await command.orInterrupted(cosignSigner(signing, onStep));
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS, signal);
    const journal = stateFolder('releases', `${target}.json`);
    const isResumed = existsSync(journal);
    const prepared = await command.orInterrupted(prepare(command, own, { registry, signer, isResumed }));
    const { origin, identity, images, verify, folder = own } = prepared;
    const { name: _, version: __, ...request } = release;
    const date = release.event === 'refresh' ? release.date : '';
    const published = await publishRelease(
      {
        release,
        origin,
        identity: shortHash(JSON.stringify([identity, { ...request, date }, origin.base])),
        journal,
        folder,
      },
      {
        registry,
        signer,
        source: images,
        verify,
        finish: async () => {
          if (cache !== undefined && release.kind === 'main')
            await pushCaches(folder, cache, release, { registry, signer, onStep });
          await rm(own, { recursive: true, force: true });
        },
        lockWait: { minutes, onWait: (who) => onStep(`waiting for ${who}`) },
        onStep,
        signal,
      },
    );
    return {
      text: () => releaseReport(published),
      json: () => published,
      summary: releaseMarkdown(published),
    };
  });
}
