import { Command } from 'commander';
import { signatureCheck } from '../../attest/signature.ts';
import { readPin } from '../../base/pin.ts';
import { WorkError } from '../../problem.ts';
import { findRecord } from '../../release/find-record.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { RELEASE_OPTIONS, type RecordOptions, requireRegistries, today } from './release-options.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

/** The inputs of the weekly refresh, in the format of a workflow's outputs. */
export const newestCommand = (): Command =>
  addOptions(new Command('newest').description('print the newest release, and whether its base is the pinned one'), {
    registries: RELEASE_OPTIONS.registries,
    ...TRUST_OPTIONS,
    json: BUILD_OPTIONS.json,
  })
    .addHelpText(
      'after',
      `
Prints ref=, date= (today, UTC) and stale=true|false, one per line, in the format of $GITHUB_OUTPUT.`,
    )
    .action(run);

async function run(options: Omit<RecordOptions, 'release'> & TrustOptions): Promise<void> {
  const registries = requireRegistries(options.registries);
  const trust = requireTrust(options);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const check = signatureCheck(registry, trust, command.onStep);
    const record = await findRecord(registry, registries, undefined, check).catch(noReleaseYet);
    const stale = record !== undefined && record.base !== readPin().reference.digest;
    const outputs = { ref: record?.ref ?? '', date: today(), stale };
    return {
      text: () =>
        Object.entries(outputs)
          .map(([name, value]) => `${name}=${value}`)
          .join('\n'),
      json: () => outputs,
    };
  });
}

/** Before the first release there is nothing to refresh; that is not a failure. */
function noReleaseYet(error: unknown): undefined {
  if (error instanceof WorkError && error.failure.kind === 'not-found') return undefined;
  throw error;
}
