import { resolve } from 'node:path';
import { ANNOTATION } from '../../oci/annotations.ts';
import { joinedImages, readPlatformImageFiles } from '../../release/platform-image-file.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { PUBLISH_OPTIONS, type PublishOptions, runPublish } from './publish.ts';
import { parseReleaseOptions, RELEASE_BUILD_OPTIONS, RELEASE_OPTIONS, type ReleaseOptions } from './release-options.ts';

const FROM = {
  flags: '--from <dir>',
  description: 'folder with the images that release build wrote on all machines',
  default: 'release-images',
} as const;

export const joinCommand = defineCommand({
  name: 'join',
  description: 'push, check, sign and tag the images that release build wrote on other machines',
  options: {
    ...RELEASE_OPTIONS,
    from: FROM,
    ...PUBLISH_OPTIONS,
    cache: RELEASE_BUILD_OPTIONS.cache,
    json: BUILD_OPTIONS.json,
  },
  help: `
Example:
  scripts/run release join --ref refs/tags/v2026.3.13 --from release-images`,
  run,
});

async function run(options: ReleaseOptions & PublishOptions & { readonly from?: string }): Promise<void> {
  const release = parseReleaseOptions(options);
  const from = resolve(options.from ?? FROM.default);
  const files = await readPlatformImageFiles(from, release);
  const [first] = files;
  const { annotations = {} } = first?.image ?? {};
  await runPublish(release, options, async () => ({
    origin: {
      revision: first?.revision ?? '',
      source: first?.source ?? '',
      base: annotations[ANNOTATION.baseDigest] ?? '',
      created: annotations[ANNOTATION.created],
    },
    identity: files.map(({ image }) => image.index.digest).join(' '),
    images: joinedImages(files),
    folder: from,
    // The machine that built an image also booted it, on its own processor: see joinedImages.
    verify: async () => {},
  }));
}
