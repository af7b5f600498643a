import { signatureCheck } from '../../attest/signature.ts';
import { readPin } from '../../base/pin.ts';
import { comparePin, type PinAge } from '../../base/pinned-base.ts';
import { type DebianUpdate, updateText } from '../../image/debian-updates.ts';
import { WorkError } from '../../problem.ts';
import { findRecord } from '../../release/find-record.ts';
import { updateRequests } from '../../release/update-request.ts';
import { markdownTable } from '../../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../../spec/option.ts';
import { DEBIAN_OPTIONS, listDebianUpdates } from '../debian-options.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import {
  parseChannel,
  RECORD_OPTIONS,
  RELEASE_OPTIONS,
  type RecordOptions,
  requireRegistries,
  today,
} from './release-options.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

const NEWEST_OPTIONS = {
  channel: RECORD_OPTIONS.channel,
  registries: RELEASE_OPTIONS.registries,
  ...TRUST_OPTIONS,
  ...DEBIAN_OPTIONS,
  json: BUILD_OPTIONS.json,
} as const;

type NewestOptions = OptionValues<typeof NEWEST_OPTIONS> & Omit<RecordOptions, 'release'> & TrustOptions;

/** The inputs of the weekly refresh, in the format of a workflow's outputs. */
export const newestCommand = defineCommand({
  name: 'newest',
  description: 'print the newest release of a channel, and whether a refresh of it is due',
  options: NEWEST_OPTIONS,
  help: `
Prints ref=, date= (today, UTC), stale=true|false and reason=, one per line, in the format of $GITHUB_OUTPUT. A refresh is due if the
pinned base is a newer one, and with --debian also if Debian serves newer versions of packages that an image of it has beside its base. Newer
versions of the base's own packages are listed, and come with a newer base.`,
  run,
});

async function run(options: NewestOptions): Promise<void> {
  const registries = requireRegistries(options.registries);
  const channel = parseChannel(options.channel);
  const trust = requireTrust(options);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const check = signatureCheck(registry, trust, command.onStep);
    const record = await findRecord(registry, registries, undefined, check, channel).catch(noReleaseYet);
    // Without retries: the registry of the base may be out of reach.
    const once = openRegistriesFor(command, 0);
    const age = record === undefined ? 'same' : await comparePin(readPin().reference, record.base, once);
    const updates =
      record &&
      (await listDebianUpdates(record.name, options, command, () => updateRequests(record, registries, registry)));
    const due = (updates ?? []).filter(({ ofBase }) => !ofBase);
    const reasons = [
      PIN_REASONS[age],
      due.length > 0 && age !== 'older' ? `Debian has newer versions: ${due.map(updateText).join(', ')}` : '',
    ].filter((reason) => reason !== '');
    // A refresh on the pinned base would go back to an older one.
    const stale = age !== 'older' && reasons.length > 0;
    const outputs = { ref: record?.ref ?? '', date: today(), stale, reason: reasons.join('; ') };
    return {
      text: () =>
        Object.entries(outputs)
          .map(([name, value]) => `${name}=${value}`)
          .join('\n'),
      json: () => ({ ...outputs, ...(updates === undefined ? {} : { updates }) }),
      ...(updates === undefined ? {} : { summary: updatesMarkdown(record?.name ?? '', updates) }),
    };
  });
}

/** Why the base of a release makes a refresh due, or prevents one. */
const PIN_REASONS: Readonly<Record<PinAge, string>> = {
  same: '',
  newer: 'the pinned base is newer',
  unknown: 'the base is not the pinned one',
  older: 'no refresh: the release has a newer base than the pinned one; update the pin first (scripts/run base update)',
};

/** A table for the summary of a workflow run. */
function updatesMarkdown(release: string, updates: readonly DebianUpdate[]): string {
  if (updates.length === 0) return `### Debian has no newer packages for ${release}\n`;
  const rows = updates.map(({ name, installed, available, security, ofBase }) => [
    ...[name, installed, available, security ? 'security' : ''],
    ofBase ? 'a newer base' : 'a refresh',
  ]);
  return `### Debian packages of ${release}\n\n${markdownTable(['package', 'installed', 'available', '', 'comes with'], rows)}\n`;
}

/** Before the first release there is nothing to refresh; that is not a failure. */
function noReleaseYet(error: unknown): undefined {
  if (error instanceof WorkError && error.failure.kind === 'not-found') return undefined;
  throw error;
}
