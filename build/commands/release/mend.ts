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
    new Command('mend').description('put every tag of a release back to what its record says; builds nothing'),
    { ...RECORD_OPTIONS, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Shown by scripts/run release status. What a registry has lost is copied from one that still has it.

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
    const lines = mended.map(({ registry: name, tag, state, digest }) => `${name}:${tag} was ${state}: ${digest}`);
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ release: record.name, mended }, null, 2)}\n`
        : `${[...lines, `${record.name}: ${mended.length === 0 ? 'nothing was wrong' : 'as recorded again'}.`].join('\n')}\n`,
    );
  } finally {
    view.close();
  }
}
