import { Command } from 'commander';
import { parseReference } from '../../oci/reference.ts';
import type { Registry } from '../../oci/registry.ts';
import { type Problem, RequestError, WorkError } from '../../problem.ts';
import { type ReleaseRecord, readRecord } from '../../release/release-record.ts';
import { releaseStatus, type TagState } from '../../release/release-status.ts';
import { compareVersions, parseVersion } from '../../release/version.ts';
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

export const statusCommand = (): Command =>
  addOptions(new Command('status').description('compare every tag of a release, on every registry, with its record'), {
    release: {
      flags: '--release <name>',
      description: 'which: 2026.3.13, 2026.3.13-r20260401, main',
      unset: 'the newest version that has a record',
    },
    registries: RELEASE_OPTIONS.registries,
    json: BUILD_OPTIONS.json,
  })
    .addHelpText(
      'after',
      `
Shows drift: missing tags, other digests, missing platforms, mirrors that are behind; each with the command that mends it.
Exit codes: 0 as recorded, 1 drift, or there is no record.

Example:
  scripts/run release status --release 2026.3.13`,
    )
    .action(run);

async function run(options: StatusOptions): Promise<void> {
  const problems: Problem[] = [];
  const given = (options.registries ?? RELEASE_OPTIONS.registries.default).split(',');
  const registries = parseRegistries(given, problems);
  if (problems.length > 0) throw new RequestError(problems);
  const view = await progressView(progressMode(options.json === true));
  try {
    const registry = registriesFor(view, PLAN_PATIENCE);
    const record = await findRecord(registry, registries, options.release);
    view.onStep(`comparing ${record.name} with its record`);
    const tags = await releaseStatus(record, registry);
    view.close();
    const drift = tags.filter(({ state }) => state !== 'ok' && state !== 'moved on');
    const rows = tags.map(({ tag, registry: name, state, why, now }) => ({
      state,
      cells: [tag, name, now === undefined ? '' : shortDigest(now), why],
    }));
    const mends = [...new Set(drift.flatMap(({ mend }) => mend ?? []))];
    const end =
      drift.length === 0
        ? `${record.name}: all ${tags.length} tags are as recorded.`
        : `${record.name}: ${drift.length} of ${tags.length} tags are not as recorded.`;
    await writeJobSummary(
      [
        `### ${end}`,
        '',
        markdownTable(
          ['', ...COLUMNS],
          rows.map(({ state, cells }) => [state, ...cells]),
        ),
        ...mends.map((mend) => `\n    ${mend}`),
      ].join('\n'),
    );
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ record, tags, drift: drift.length }, null, 2)}\n`
        : [
            table(
              ['', ...COLUMNS].map((head) => ({ head })),
              rows.map(({ state, cells }) => [style(COLOURS[state], state), ...cells]),
            ),
            '',
            style(drift.length === 0 ? 'green' : 'red', end),
            ...(mends.length === 0 ? [] : ['Mend it with:', ...mends.map((mend) => `  ${mend}`)]),
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

/** Any registry's record will do: they are copies, and one registry may have lost its own. */
async function findRecord(
  registry: Registry,
  registries: readonly string[],
  name: string | undefined,
): Promise<ReleaseRecord> {
  for (const repository of registries) {
    const found = name ?? (await newestRecord(registry, repository));
    const record = found === undefined ? undefined : await readRecord(registry, repository, found);
    if (record !== undefined) return record;
  }
  throw new WorkError({
    kind: 'not-found',
    title: 'There is no record of that release',
    reason: `${name ?? 'any version'} was looked for in ${registries.join(', ')}`,
    wayOut: 'releases that scripts/run release published have one; check --release and --registries',
  });
}

async function newestRecord(registry: Registry, repository: string): Promise<string | undefined> {
  const names = (await registry.tags(parseReference(repository))).flatMap((tag) =>
    tag.startsWith('release-') ? [tag.slice('release-'.length)] : [],
  );
  const dated = names.flatMap((name) => {
    const version = parseVersion(name.replace(/-r\d{8}$/, ''));
    return version === undefined ? [] : [{ name, version }];
  });
  // Of one version the newest refresh.
  return dated
    .sort((one, other) => compareVersions(one.version, other.version) || (one.name < other.name ? -1 : 1))
    .at(-1)?.name;
}
