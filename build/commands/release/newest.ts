import { Command } from 'commander';
import { readPin } from '../../base/pin.ts';
import { WorkError } from '../../problem.ts';
import { findRecord } from '../../release/find-record.ts';
import { progressMode, progressView } from '../../report/build-progress.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import { PLAN_PATIENCE, RELEASE_OPTIONS, registriesFor } from './release-options.ts';
import { registriesOf } from './status.ts';

interface NewestOptions {
  readonly registries?: string;
  readonly json?: boolean;
}

/** The inputs of the weekly refresh, in the format of a workflow's outputs. */
export const newestCommand = (): Command =>
  addOptions(
    new Command('newest').description('print the newest release, and whether its base is the pinned one'),
    { registries: RELEASE_OPTIONS.registries, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Prints ref=, date= (today, UTC) and stale=true|false, one per line, in the format of $GITHUB_OUTPUT.`,
    )
    .action(run);

async function run(options: NewestOptions): Promise<void> {
  const registries = registriesOf(options.registries);
  const view = await progressView(progressMode(options.json === true));
  try {
    const record = await findRecord(registriesFor(view, PLAN_PATIENCE), registries, undefined).catch(noneYet);
    const stale = record !== undefined && record.base !== readPin().reference.digest;
    const date = new Date().toISOString().slice(0, 10).replaceAll('-', '');
    const found = { ref: record?.ref ?? '', date, stale: String(stale) };
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ ...found, stale }, null, 2)}\n`
        : `${Object.entries(found)
            .map(([name, value]) => `${name}=${value}`)
            .join('\n')}\n`,
    );
  } finally {
    view.close();
  }
}

/** Before the first release there is nothing to refresh; that is not a failure. */
function noneYet(error: unknown): undefined {
  if (error instanceof WorkError && error.explanation.kind === 'not-found') return undefined;
  throw error;
}
