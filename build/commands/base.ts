import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type PinStatus, pinStatus, updatePin } from '../base/pinned-base.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { markdownTable, writeJobSummary } from '../report/job-summary.ts';
import { shortDigest } from '../report/release-plan-report.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { addOptions } from './options.ts';
import { PLAN_PATIENCE, registriesFor } from './release/release-options.ts';

interface BaseOptions {
  readonly file?: readonly string[];
  readonly json?: boolean;
}

const FOLDER = resolve(import.meta.dirname, '../../dockerfiles');
const PINS = ['base.Dockerfile', 'sandbox-base.Dockerfile'].map((name) => resolve(FOLDER, name));

const OPTIONS = {
  file: {
    flags: '--file <dockerfile>',
    repeatable: true,
    description: 'Dockerfile with a pinned base',
    unset: 'dockerfiles/base.Dockerfile and dockerfiles/sandbox-base.Dockerfile',
  },
  json: BUILD_OPTIONS.json,
} as const;

export const baseCommand = (): Command =>
  new Command('base')
    .description('show or update the pinned bases')
    .addCommand(
      addOptions(new Command('status').description('compare each pin with the current digest of its tag'), OPTIONS)
        .addHelpText('after', '\nExit codes: 0 every pin is current, 1 a pin is outdated.')
        .action((options: BaseOptions) => run(options, false)),
    )
    .addCommand(
      addOptions(
        new Command('update').description(
          'pin the current digest of each tag; run npm run image:render afterwards',
        ),
        OPTIONS,
      ).action((options: BaseOptions) => run(options, true)),
    );

async function run({ file, json }: BaseOptions, update: boolean): Promise<void> {
  const here = process.cwd();
  const view = await progressView(progressMode(json === true));
  try {
    const registry = registriesFor(view, PLAN_PATIENCE);
    const pins: (PinStatus & { readonly updated: boolean })[] = [];
    for (const path of file?.map((name) => resolve(here, name)) ?? PINS) {
      view.onStep(`reading the registry of ${relative(here, path)}`);
      const status = await pinStatus(path, registry);
      pins.push({ ...status, updated: update && (await updatePin(status)) });
    }
    view.close();
    const rows = pins.map((pin) => [
      relative(here, pin.file),
      pin.name,
      `${shortDigest(pin.pinned.digest)}${aged(pin.pinned.created)}`,
      pin.pinned.nodeVersion ?? '',
      pin.pinned.digest === pin.newest.digest
        ? 'newest'
        : `${shortDigest(pin.newest.digest)}${aged(pin.newest.created)}`,
      pin.newest.nodeVersion ?? '',
    ]);
    const behind = pins.filter((pin) => pin.pinned.digest !== pin.newest.digest);
    const end =
      behind.length === 0
        ? 'Every pin is current.'
        : update
          ? `Updated ${behind.length} pins. Next: npm run image:render`
          : `${behind.length} of ${pins.length} pins are outdated. Next: scripts/run base update`;
    await writeJobSummary(`### ${end}\n\n${markdownTable(COLUMNS, rows)}\n`);
    process.stdout.write(
      json === true
        ? `${JSON.stringify(pins, null, 2)}\n`
        : `${table(
            COLUMNS.map((head) => ({ head })),
            rows,
          )}\n\n${style(behind.length === 0 || update ? 'green' : 'yellow', end)}\n`,
    );
    if (behind.length > 0 && !update) process.exitCode = 1;
  } finally {
    view.close();
  }
}

const COLUMNS = ['file', 'base', 'pinned', 'Node', 'now', 'Node now'] as const;
const DAY = 86_400_000;

function aged(created: string | undefined): string {
  if (created === undefined) return '';
  const days = Math.floor((Date.now() - Date.parse(created)) / DAY);
  return `, ${days} ${days === 1 ? 'day' : 'days'} old`;
}
