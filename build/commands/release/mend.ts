import { Command } from 'commander';
import { findRecord } from '../../release/find-record.ts';
import { mendRelease } from '../../release/mend-release.ts';
import { progressMode, progressView } from '../../report/build-progress.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import { RELEASE_PATIENCE, registriesFor } from './release-options.ts';
import { RECORD_OPTIONS, registriesOf } from './status.ts';

interface MendOptions {
  readonly release?: string;
  readonly registries?: string;
  readonly json?: boolean;
}

export const mendCommand = (): Command =>
  addOptions(
    new Command('mend').description('restore every tag of a release to its record; builds nothing'),
    { ...RECORD_OPTIONS, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Use scripts/run release status to see what differs. Images that a registry lost are copied from another registry that has them.

Example:
  scripts/run release mend --release 2026.3.13`,
    )
    .action(run);

async function run(options: MendOptions): Promise<void> {
  const registries = registriesOf(options.registries);
  const view = await progressView(progressMode(options.json === true));
  try {
    const registry = registriesFor(view, RELEASE_PATIENCE);
    const record = await findRecord(registry, registries, options.release);
    const mended = await mendRelease(record, registry, view.onStep);
    view.close();
    const lines = mended.map(({ registry: name, tag, state, digest }) => `${name}:${tag} was ${state}, restored to ${digest}`);
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ release: record.name, mended }, null, 2)}\n`
        : `${[...lines, mended.length === 0 ? `${record.name}: every tag matches the record.` : `${record.name}: ${mended.length} tags restored.`].join('\n')}\n`,
    );
  } finally {
    view.close();
  }
}
