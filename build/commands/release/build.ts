import { resolve } from 'node:path';
import { signatureCheck } from '../../attest/signature.ts';
import { findEngine } from '../../engine/engine.ts';
import { withFolderLock } from '../../folder-lock.ts';
import { isCheckout } from '../../gateway/is-checkout.ts';
import { sealLayout } from '../../oci/content.ts';
import { builtImages, type ReleaseBuildContext } from '../../release/build-images.ts';
import { builtRunBase } from '../../release/build-run-base.ts';
import { type ImageSource, imageFolder, type PlatformImage, type ReleaseOrigin } from '../../release/platform-image.ts';
import { writePlatformImageFile } from '../../release/platform-image-file.ts';
import { resolveRelease, withExpiry } from '../../release/resolve-release.ts';
import { resolveReleaseBase } from '../../release/run-base.ts';
import { verifyPlatformImage, verifyRunBase } from '../../release/verify-platform-image.ts';
import { table } from '../../report/table.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import {
  buildCache,
  builderId,
  parseCache,
  parsePreviewDays,
  parseReleaseOptions,
  parseReleaseSpecs,
  REF_OPTIONS,
  RELEASE_BUILD_OPTIONS,
  type ReleaseBuildOptions,
  type ReleaseOptions,
} from './release-options.ts';
import { resolveRunBase } from './run-base.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

const TO = {
  flags: '--to <dir>',
  description: 'folder for the images that release join reads: an OCI layout and a file for each image and platform',
  default: 'release-images',
} as const;

/** Builds some platforms of a release on one machine; `release join` publishes them together. */
export const buildCommand = defineCommand({
  name: 'build',
  description: 'build and verify platforms of a release, and write them to a folder; needs no right to publish',
  options: { ...REF_OPTIONS, ...RELEASE_BUILD_OPTIONS, ...TRUST_OPTIONS, to: TO, json: BUILD_OPTIONS.json },
  help: `
Example, on an arm64 machine. Copy the folders of all machines into one, and publish them with release join:
  scripts/run release build --ref refs/tags/v2026.3.13 --platforms linux/arm64 --source ../openclaw`,
  run,
});

/** The sources of the images, and the check of each. */
interface ResolvedSource extends Pick<ReleaseOrigin, 'revision' | 'source'> {
  readonly images: ImageSource;
  readonly verify: typeof verifyPlatformImage;
}

interface WrittenImage {
  readonly file: string;
  readonly image: PlatformImage;
}

async function run(
  options: ReleaseOptions & ReleaseBuildOptions & TrustOptions & { readonly to?: string; readonly json?: boolean },
): Promise<void> {
  const here = process.cwd();
  const release = parseReleaseOptions(options);
  const repository = parseCache(options);
  const trust = requireTrust(options);
  const previewDays = parsePreviewDays(options);
  const consequence = 'nothing was published, and finished steps are cached';
  await runCommand({ json: options.json, consequence, cleansUp: true }, async (command) => {
    const { signal, onStep, orInterrupted } = command;
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS, signal);
    const check = signatureCheck(registry, trust, onStep);
    const resolveSource = async (): Promise<ResolvedSource> => {
      if (release.kind === 'base') {
        const { request, origin } = await resolveRunBase(release, options, registry, check);
        return { ...origin, images: builtRunBase(request, async () => context), verify: verifyRunBase };
      }
      const { specs, problems } = parseReleaseSpecs(release, options, (await isCheckout(here)) ? here : undefined);
      const requested = await resolveRelease(release, specs, problems, onStep);
      const ofBase = await resolveReleaseBase(requested.specs, registry, release.platforms, check);
      const resolved = withExpiry(release, { ...requested, specs: ofBase.specs }, previewDays);
      return { ...resolved, images: builtImages(resolved, async () => context), verify: verifyPlatformImage };
    };
    const { revision, source, images, verify } = await orInterrupted(resolveSource());
    const cli = await orInterrupted(findEngine(options.engine, onStep));
    const folder = resolve(here, options.to ?? TO.default);
    const context: ReleaseBuildContext = {
      ...{ cli, builder: options.builder, folder, registry, listener: command, signal },
      cache: buildCache(repository, check, release),
      builderId: await builderId(),
    };
    const written: WrittenImage[] = [];
    const buildAll = async (): Promise<void> => {
      for (const platform of release.platforms) {
        for (const built of await images.build(platform)) {
          onStep(`verifying ${built.image} for ${platform}`);
          const checks = await verify(cli, folder, built, onStep, signal);
          // The folder then contains the checked image, and nothing else.
          await sealLayout(imageFolder(folder, built), built.index);
          const image = { ...built, checks };
          const file = await writePlatformImageFile(folder, { release: release.name, revision, source, image });
          written.push({ file, image });
        }
      }
    };
    await withFolderLock(folder, buildAll);
    return { text: () => report(written), json: () => written };
  });
}

const report = (written: readonly WrittenImage[]): string =>
  table(
    ['image', 'platform', 'digest', 'checks', 'file'],
    written.map(({ file, image: { image, platform, index, checks = [] } }) => [
      image,
      platform,
      index.digest,
      `${checks.length} passed`,
      file,
    ]),
  );
