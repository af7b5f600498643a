import { parseReference } from '../../oci/reference.ts';
import { type Problem, RequestError } from '../../problem.ts';
import { type PrunePlan, preparePrune, prune } from '../../release/prune.ts';
import { guardedRegistry, takeLock } from '../../release/release-lock.ts';
import { table } from '../../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, RELEASE_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { PUBLISH_OPTIONS, parseMinutes } from './publish.ts';
import { GIVEN_REGISTRIES, parseGivenRegistries } from './release-options.ts';

const PRUNE_OPTIONS = {
  keep: {
    flags: '--keep <number>',
    description: 'newest refreshes (-rDATE) of each version, and newest run bases (base-24-DATE), to keep',
    default: '2',
  },
  registries: GIVEN_REGISTRIES,
  yes: { flags: '--yes', description: 'remove; without it, the tags are only listed' },
  wait: PUBLISH_OPTIONS.wait,
  json: BUILD_OPTIONS.json,
} as const;

type PruneOptions = OptionValues<typeof PRUNE_OPTIONS>;

export const pruneCommand = defineCommand({
  name: 'prune',
  description:
    'remove refreshes and run bases that newer ones replaced, images of pull requests that expired, and signed images that no tag names',
  options: PRUNE_OPTIONS,
  help: `
Lists first; --yes removes. It never removes a version, a channel, or an image that a remaining tag names. The registry must allow
deletion; its storage is freed by its own garbage collection. Manifests that no tag leads to, not even that of a signature, cannot be
listed through a registry's API, so they stay.

Examples:
  scripts/run release prune --registries ghcr.io/openclaw/openclaw
  scripts/run release prune --registries ghcr.io/openclaw/openclaw --keep 1 --yes`,
  run,
});

/** @throws RequestError with every problem */
function parsePrune({ keep = PRUNE_OPTIONS.keep.default, registries }: PruneOptions) {
  const problems: Problem[] = [];
  if (!/^[1-9]\d{0,2}$/.test(keep)) {
    const hint = 'write a number from 1 to 999: --keep 2';
    problems.push({ source: '--keep', value: keep, reason: 'is not a number of refreshes to keep', hint });
  }
  const names = parseGivenRegistries(registries, problems);
  if (problems.length > 0) throw new RequestError(problems);
  return { keep: Number(keep), names };
}

async function run(options: PruneOptions): Promise<void> {
  const { keep, names } = parsePrune(options);
  const minutes = parseMinutes(options.wait ?? PUBLISH_OPTIONS.wait.default);
  const consequence = 'what was removed stays removed; the same command removes the rest';
  await runCommand({ json: options.json, consequence }, async (command) => {
    const registry = openRegistriesFor(command, RELEASE_RETRY_SECONDS, command.signal);
    const isDone = options.yes === true;
    const plans: PrunePlan[] = [];
    for (const name of names) {
      const repositories = [parseReference(name)];
      const lockWait = { minutes, onWait: (who: string) => command.onStep(`waiting for ${who}`) };
      const lock = isDone ? await takeLock(registry, repositories, lockWait) : undefined;
      try {
        command.onStep(`reading all tags of ${name}`);
        const plan = await preparePrune(registry, name, keep);
        if (lock !== undefined) await prune(guardedRegistry(registry, lock), plan, command.onStep);
        plans.push(plan);
      } finally {
        await lock?.release();
      }
    }
    return { text: () => report(plans, isDone), json: () => ({ repositories: plans, removed: isDone }) };
  });
}

function report(plans: readonly PrunePlan[], isDone: boolean): string {
  const rows = plans.flatMap(({ registry, tags }) => tags.map(({ tag, why }) => [`${registry}:${tag}`, why]));
  if (rows.length === 0) return 'Nothing to remove.';
  const manifests = plans.reduce((sum, plan) => sum + plan.manifests.length, 0);
  const total = `${rows.length} tags and ${manifests} manifests`;
  return [
    table(['tag', 'why'], rows),
    '',
    isDone
      ? `Removed ${total}. The registry's garbage collection frees their storage.`
      : `Would remove ${total}. Add --yes to remove them.`,
  ].join('\n');
}
