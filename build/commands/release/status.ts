import { signatureCheck } from '../../attest/signature.ts';
import { findRecord } from '../../release/find-record.ts';
import { isDrift, releaseStatus, repairCommand, restrictedTo, type TagState } from '../../release/release-status.ts';
import { shortDigest } from '../../report/release-reports.ts';
import { style } from '../../report/style.ts';
import { markdownTable, table } from '../../report/table.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { parseChannel, RECORD_OPTIONS, type RecordOptions, requireRegistries } from './release-options.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

export const statusCommand = defineCommand({
  name: 'status',
  description: 'compare every tag of a release, on every registry, with its record',
  options: {
    ...RECORD_OPTIONS,
    ...TRUST_OPTIONS,
    json: BUILD_OPTIONS.json,
  },
  help: `
Shows missing tags, wrong digests, missing platforms and outdated mirrors, and prints the command that repairs them.
Exit codes: 0 every tag matches the record, 1 a tag differs, or there is no record.

Example:
  scripts/run release status --release 2026.3.13`,
  run,
});

async function run(options: RecordOptions & TrustOptions): Promise<void> {
  const registries = requireRegistries(options.registries);
  const channel = parseChannel(options.channel);
  const trust = requireTrust(options);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const check = signatureCheck(registry, trust, command.onStep);
    const record = restrictedTo(await findRecord(registry, registries, options.release, check, channel), registries);
    command.onStep(`comparing ${record.name} with its record`);
    const tags = await releaseStatus(record, registry, check);
    const drift = tags.filter(isDrift);
    const rows = tags.map(({ tag, registry: name, state, why, now }) => [
      { color: COLOURS[state], text: state },
      tag,
      name,
      now === undefined ? '' : shortDigest(now),
      why,
    ]);
    const repair = drift.length === 0 ? undefined : repairCommand(record);
    const conclusion =
      repair === undefined
        ? `${record.name}: all ${tags.length} tags match the record.`
        : `${record.name}: ${drift.length} of ${tags.length} tags differ from the record.`;
    return {
      text: () =>
        [
          table(COLUMNS, rows),
          '',
          style(repair === undefined ? 'green' : 'red', conclusion),
          ...(repair === undefined ? [] : ['Repair them with:', `  ${repair}`]),
        ].join('\n'),
      // `mend` is the former name of `repair`. Remove it with version 0.3.
      json: () => ({ record, tags, ...(repair === undefined ? {} : { repair, mend: repair }) }),
      summary: [
        `### ${conclusion}`,
        '',
        markdownTable(COLUMNS, rows),
        ...(repair === undefined ? [] : [`\n    ${repair}`]),
      ].join('\n'),
      failed: repair !== undefined,
    };
  });
}

const COLUMNS = ['', 'tag', 'registry', 'now', 'why'] as const;

const COLOURS = {
  ok: 'green',
  'moved on': 'dim',
  decided: 'yellow',
  missing: 'red',
  'wrong digest': 'red',
  'missing platform': 'red',
  'stale mirror': 'yellow',
  broken: 'red',
} as const satisfies Record<TagState, Parameters<typeof style>[0]>;
