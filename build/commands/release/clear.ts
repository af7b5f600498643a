import { clearArtifact } from '../../oci/artifact.ts';
import { isTag, parseReference } from '../../oci/reference.ts';
import { type Problem, problemWith, RequestError } from '../../problem.ts';
import { CHANNEL_NAMES, isChannel } from '../../release/channel-decision.ts';
import { clearLock } from '../../release/release-lock.ts';
import { recordTag } from '../../release/release-record.ts';
import { decisionTag } from '../../release/stored-decision.ts';
import { BUILD_OPTIONS, type OptionValues } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { GIVEN_REGISTRIES, parseGivenRegistries } from './release-options.ts';

const CLEAR_OPTIONS = {
  lock: { flags: '--lock', description: 'remove the release lock, also that of another process' },
  record: { flags: '--record <name>', description: 'remove the record of a release: 2026.3.13, main' },
  decision: {
    flags: '--decision <channel>',
    description: 'remove the decision about a channel: latest, extended-stable',
  },
  registries: GIVEN_REGISTRIES,
  json: BUILD_OPTIONS.json,
} as const;

type ClearOptions = OptionValues<typeof CLEAR_OPTIONS>;

export const clearCommand = defineCommand({
  name: 'clear',
  description: 'remove a release lock, a record or a decision that is not valid; images and tags stay',
  options: CLEAR_OPTIONS,
  help: `
First find out who wrote the lock, the record or the decision. The other commands print this command when they meet a lock, a record or a decision that they refuse.

Examples:
  scripts/run release clear --lock --registries ghcr.io/openclaw/openclaw
  scripts/run release clear --record 2026.3.13 --registries ghcr.io/openclaw/openclaw`,
  run,
});

/** @throws RequestError with every problem */
function parseClear({ lock, record, decision, registries }: ClearOptions): readonly string[] {
  const problems: Problem[] = [];
  const hint = 'name what to remove: --lock, --record 2026.3.13, or --decision latest';
  if (lock !== true && record === undefined && decision === undefined)
    problems.push(problemWith('release clear', '', 'has nothing to remove', hint));
  if (record !== undefined && !isTag(recordTag(record)))
    problems.push(problemWith('--record', record, 'is not the name of a release', hint));
  if (decision !== undefined && !isChannel(decision))
    problems.push(problemWith('--decision', decision, 'is not a channel', `choose from ${CHANNEL_NAMES.join(', ')}`));
  const names = parseGivenRegistries(registries, problems);
  if (problems.length > 0) throw new RequestError(problems);
  return names;
}

async function run(options: ClearOptions): Promise<void> {
  const registries = parseClear(options);
  await runCommand({ json: options.json, consequence: 'what was removed stays removed' }, async (command) => {
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS);
    const removed: string[] = [];
    for (const name of registries) {
      const repository = parseReference(name);
      if (options.lock === true) {
        await clearLock(registry, repository);
        removed.push(`the lock of ${name}`);
      }
      if (options.decision !== undefined && isChannel(options.decision)) {
        await clearArtifact(registry, repository, decisionTag(options.decision));
        removed.push(`the decision about ${options.decision} in ${name}`);
      }
      if (options.record !== undefined) {
        await clearArtifact(registry, repository, recordTag(options.record));
        removed.push(`the record of ${options.record} in ${name}`);
      }
    }
    return { text: () => removed.map((what) => `Removed ${what}.`).join('\n'), json: () => ({ removed }) };
  });
}
