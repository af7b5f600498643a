import { resolve } from 'node:path';
import { signatureCheck } from '../../attest/signature.ts';
import { findEngine } from '../../engine/engine.ts';
import { withFolderLock } from '../../folder-lock.ts';
import { isCheckout } from '../../gateway/is-checkout.ts';
import { sealLayout } from '../../oci/content.ts';
import { builtImages } from '../../release/build-images.ts';
import { imageFolder, type PlatformImage } from '../../release/platform-image.ts';
import { writePlatformImageFile } from '../../release/platform-image-file.ts';
import { resolveRelease, withExpiry } from '../../release/resolve-release.ts';
import { verifyPlatformImage } from '../../release/verify-platform-image.ts';
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
  const { specs, problems } = parseReleaseSpecs(release, options, (await isCheckout(here)) ? here : undefined);
  const consequence = 'nothing was published, and finished steps are cached';
  await runCommand({ json: options.json, consequence, cleansUp: true }, async (command) => {
    const { signal, onStep, orInterrupted } = command;
    const requested = await orInterrupted(resolveRelease(release, specs, problems, onStep));
    const resolved = withExpiry(release, requested, previewDays);
    const cli = await orInterrupted(findEngine(options.engine, onStep));
    const folder = resolve(here, options.to ?? TO.default);
    const { builder } = options;
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS, signal);
    const cache = buildCache(repository, signatureCheck(registry, trust, onStep), release);
    const context = {
      cli,
      builder,
      folder,
      cache,
      builderId: await builderId(),
      listener: command,
      registry,
      signal,
    };
    const source = builtImages(resolved, async () => context);
    const written: WrittenImage[] = [];
    const buildAll = async (): Promise<void> => {
      for (const platform of release.platforms) {
        for (const built of await source.build(platform)) {
          onStep(`verifying ${built.image} for ${platform}`);
          const checks = await verifyPlatformImage(cli, folder, built, onStep, signal);
          // The folder then contains the checked image, and nothing else.
          await sealLayout(imageFolder(folder, built), built.index);
          const image = { ...built, checks };
          const { revision, source: url } = resolved;
          const file = await writePlatformImageFile(folder, { release: release.name, revision, source: url, image });
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
