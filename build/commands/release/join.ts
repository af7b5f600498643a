import { resolve } from 'node:path';
import { Command } from 'commander';
import { readPieceFiles } from '../../release/piece-file.ts';
import { BASE_DIGEST } from '../../release/rebase.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import { PUBLISH_OPTIONS, type PublishOptions, runPublish } from './publish.ts';
import { parseReleaseOptions, RELEASE_OPTIONS, type ReleaseOptions } from './release-options.ts';

interface JoinOptions extends ReleaseOptions, PublishOptions {
  readonly from?: string;
}

const FROM = {
  flags: '--from <dir>',
  description: 'folder with the files that release build wrote on all machines',
  default: 'release-images',
} as const;

export const joinCommand = (): Command =>
  addOptions(
    new Command('join').description('join, check, sign and tag the images that release build pushed on other machines'),
    { ...RELEASE_OPTIONS, from: FROM, ...PUBLISH_OPTIONS, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Example:
  scripts/run release join --ref refs/tags/v2026.3.13 --from release-pieces`,
    )
    .action(run);

async function run(options: JoinOptions): Promise<void> {
  const request = parseReleaseOptions(options);
  const folder = resolve(options.from ?? FROM.default);
  const files = await readPieceFiles(folder, request);
  const [first] = files;
  const pieces = files.map(({ piece }) => piece);
  await runPublish(request, options, async () => ({
    revision: first?.revision ?? '',
    source: first?.source ?? '',
    base: pieces[0]?.annotations[BASE_DIGEST] ?? '',
    created: pieces[0]?.annotations['org.opencontainers.image.created'],
    identity: pieces.map(({ index }) => index.digest).join(' '),
    pieces: async (image, platform) => pieces.filter((one) => one.image === image && one.platform === platform),
    // The machine that built the image also booted it, on its own processor.
    verify: async ({ image, platform }) => {
      const file = files.find(({ piece }) => piece.image === image && piece.platform === platform);
      if (file === undefined || file.checks.length === 0)
        throw new Error(`${image} for ${platform} has not passed the image contract`);
    },
  }));
}
