import { signatureCheck } from '../../attest/signature.ts';
import { findRecord } from '../../release/find-record.ts';
import { repairRelease } from '../../release/repair-release.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { parseChannel, RECORD_OPTIONS, type RecordOptions, requireRegistries } from './release-options.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

export const repairCommand = defineCommand({
  name: 'repair',
  description: 'restore every tag of a release to its record; builds nothing',
  options: {
    ...RECORD_OPTIONS,
    ...TRUST_OPTIONS,
    json: BUILD_OPTIONS.json,
  },
  help: `
Use scripts/run release status to see what differs. Images that a registry lost are copied from another registry that has them.

Example:
  scripts/run release repair --release 2026.3.13`,
  run,
}).alias('mend');

async function run(options: RecordOptions & TrustOptions): Promise<void> {
  const registries = requireRegistries(options.registries);
  const channel = parseChannel(options.channel);
  const trust = requireTrust(options);
  await runCommand({ json: options.json, consequence: 'tags that were restored stay restored' }, async (command) => {
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS);
    const check = signatureCheck(registry, trust, command.onStep);
    const record = await findRecord(registry, registries, options.release, check, channel);
    const repaired = await repairRelease(record, registries, registry, check, command.onStep);
    const lines = repaired.map(
      ({ registry: name, tag, state, digest }) => `${name}:${tag} was ${state}, restored to ${digest}`,
    );
    const conclusion =
      repaired.length === 0
        ? `${record.name}: every tag matches the record.`
        : `${record.name}: ${repaired.length} ${repaired.length === 1 ? 'tag' : 'tags'} restored.`;
    return {
      text: () => [...lines, conclusion].join('\n'),
      // `mended` is the former name of `repaired`. Remove it with version 0.3.
      json: () => ({ release: record.name, repaired, mended: repaired }),
    };
  });
}
