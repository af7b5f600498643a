import { rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { cacheFolder } from '../../cache-folder.ts';
import { findEngine } from '../../engine/engine.ts';
import { isCheckout } from '../../gateway/is-checkout.ts';
import { layoutContent } from '../../oci/content.ts';
import { copyContent } from '../../oci/copy-content.ts';
import { parseReference } from '../../oci/reference.ts';
import { buildPieces, gatherRelease, pieceFolder } from '../../release/build-pieces.ts';
import { writePieceFile } from '../../release/piece-file.ts';
import { type Piece, releaseName } from '../../release/release-record.ts';
import { verifyPiece } from '../../release/verify-piece.ts';
import { progressMode, progressView } from '../../report/build-progress.ts';
import { table } from '../../report/table.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { interruption } from '../interruption.ts';
import { addOptions } from '../options.ts';
import {
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

interface BuildOptions extends ReleaseOptions, ReleaseBuildOptions {
  readonly to?: string;
  readonly json?: boolean;
}

const TO = {
  flags: '--to <dir>',
  description: 'folder for the files that release join reads, one per image and platform',
  default: 'release-images',
} as const;

/** Builds some platforms of a release on one machine; `release join` publishes them together. */
export const buildCommand = (): Command =>
  addOptions(
    new Command('build').description(
      'build and verify platforms of a release, and push them by digest without a tag',
    ),
    { ...RELEASE_OPTIONS, ...RELEASE_BUILD_OPTIONS, to: TO, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Example, on an arm64 machine; release join then publishes the images of all machines:
  scripts/run release build --ref refs/tags/v2026.3.13 --platforms linux/arm64 --source ../openclaw`,
    )
    .action(run);

async function run(options: BuildOptions): Promise<void> {
  const here = process.cwd();
  const request = parseReleaseOptions(options);
  const { specs, problems } = parseReleaseSpecs(request, options, (await isCheckout(here)) ? here : undefined);
  const view = await progressView(progressMode(options.json === true));
  const { signal, until, because, stop } = interruption('finished build steps are cached, and nothing was tagged');
  try {
    const date = request.event === 'refresh' ? request.date : undefined;
    const made = await until(gatherRelease(request.ref, specs, problems, date, view.onStep));
    const engine = await until(findEngine(options.engine, view.onStep));
    const registry = registriesFor(view, RELEASE_PATIENCE, signal);
    const repository = parseReference(request.registries[0] ?? '');
    const name = releaseName(request);
    const folder = cacheFolder('releases', `build-${name}`);
    const context = { engine, builder: options.builder, folder, builderId: builderId(), signal, ...view };
    const written: { readonly file: string; readonly piece: Piece; readonly checks: readonly string[] }[] = [];
    for (const platform of request.platforms) {
      for (const piece of await buildPieces(made, platform, context)) {
        view.onStep(`verifying ${piece.image} for ${platform}`);
        const checks = await verifyPiece(engine, folder, piece, view.onStep, signal);
        view.onStep(`pushing ${piece.image} for ${platform}, by digest`);
        await copyContent(layoutContent(pieceFolder(folder, piece)), piece.index, registry, repository);
        const to = resolve(here, options.to ?? TO.default);
        const file = await writePieceFile(to, {
          release: name,
          revision: made.revision,
          source: made.source,
          piece,
          checks,
        });
        written.push({ file, piece, checks });
      }
    }
    await rm(folder, { recursive: true, force: true });
    view.close();
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify(written, null, 2)}\n`
        : `${table(
            [{ head: 'image' }, { head: 'platform' }, { head: 'digest' }, { head: 'checks' }, { head: 'file' }],
            written.map(({ file, piece, checks }) => [
              piece.image,
              piece.platform,
              piece.index.digest,
              `${checks.length} passed`,
              file,
            ]),
          )}\n`,
    );
  } catch (error) {
    throw because(error);
  } finally {
    stop();
    view.close();
  }
}
