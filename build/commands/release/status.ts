import { Command } from 'commander';
import { type Problem, RequestError } from '../../problem.ts';
import { findRecord } from '../../release/find-record.ts';
import { isDrift, releaseStatus, type TagState } from '../../release/release-status.ts';
import { progressMode, progressView } from '../../report/build-progress.ts';
import { markdownTable, writeJobSummary } from '../../report/job-summary.ts';
import { shortDigest } from '../../report/release-plan-report.ts';
import { style } from '../../report/style.ts';
import { table } from '../../report/table.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import { PLAN_PATIENCE, parseRegistries, RELEASE_OPTIONS, registriesFor } from './release-options.ts';

interface StatusOptions {
  readonly release?: string;
  readonly registries?: string;
  readonly json?: boolean;
}

export const RECORD_OPTIONS = {
  release: {
    flags: '--release <name>',
    description: 'release: 2026.3.13, 2026.3.13-r20260401, main',
    unset: 'the newest version that has a record',
  },
  registries: RELEASE_OPTIONS.registries,
} as const;

/** @throws RequestError if a name is not a repository */
export function registriesOf(text: string | undefined): readonly string[] {
  const problems: Problem[] = [];
  const registries = parseRegistries((text ?? RELEASE_OPTIONS.registries.default).split(','), problems);
  if (problems.length > 0) throw new RequestError(problems);
  return registries;
}

export const statusCommand = (): Command =>
  addOptions(new Command('status').description('compare every tag of a release, on every registry, with its record'), {
    release: {
      flags: '--release <name>',
      description: 'release: 2026.3.13, 2026.3.13-r20260401, main',
      unset: 'the newest version that has a record',
    },
    registries: RELEASE_OPTIONS.registries,
    json: BUILD_OPTIONS.json,
  })
    .addHelpText(
      'after',
      `
Shows missing tags, wrong digests, missing platforms and outdated mirrors, and prints the command that repairs them.
Exit codes: 0 every tag matches the record, 1 a tag differs, or there is no record.

Example:
  scripts/run release status --release 2026.3.13`,
    )
    .action(run);

async function run(options: StatusOptions): Promise<void> {
  const registries = registriesOf(options.registries);
  const view = await progressView(progressMode(options.json === true));
  try {
    const registry = registriesFor(view, PLAN_PATIENCE);
    const record = await findRecord(registry, registries, options.release);
    view.onStep(`comparing ${record.name} with its record`);
    const tags = await releaseStatus(record, registry);
    view.close();
    const drift = tags.filter(isDrift);
    const rows = tags.map(({ tag, registry: name, state, why, now }) => ({
      state,
      cells: [tag, name, now === undefined ? '' : shortDigest(now), why],
    }));
    const mend = `scripts/run release mend --release ${record.name} --registries ${record.registries.join(',')}`;
    const end =
      drift.length === 0
        ? `${record.name}: all ${tags.length} tags match the record.`
        : `${record.name}: ${drift.length} of ${tags.length} tags differ from the record.`;
    await writeJobSummary(
      [
        `### ${end}`,
        '',
        markdownTable(
          ['', ...COLUMNS],
          rows.map(({ state, cells }) => [state, ...cells]),
        ),
        ...(drift.length === 0 ? [] : [`\n    ${mend}`]),
      ].join('\n'),
    );
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ record, tags, ...(drift.length === 0 ? {} : { mend }) }, null, 2)}\n`
        : [
            table(
              ['', ...COLUMNS].map((head) => ({ head })),
              rows.map(({ state, cells }) => [style(COLOURS[state], state), ...cells]),
            ),
            '',
            style(drift.length === 0 ? 'green' : 'red', end),
            ...(drift.length === 0 ? [] : ['Repair them with:', `  ${mend}`]),
            '',
          ].join('\n'),
    );
    if (drift.length > 0) process.exitCode = 1;
  } finally {
    view.close();
  }
}

const COLUMNS = ['tag', 'registry', 'now', 'why'] as const;

const COLOURS = {
  ok: 'green',
  'moved on': 'dim',
  missing: 'red',
  'wrong digest': 'red',
  'missing platform': 'red',
  'stale mirror': 'yellow',
  broken: 'red',
} as const satisfies Record<TagState, Parameters<typeof style>[0]>;
