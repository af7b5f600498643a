import { signatureCheck } from '../../attest/signature.ts';
import { type PlanState, planRelease } from '../../release/plan-release.ts';
import { readAllPublished } from '../../release/read-published.ts';
import { decisionAbout } from '../../release/stored-decision.ts';
import { releasePlanMarkdown, releasePlanReport } from '../../report/release-reports.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { defineCommand } from '../options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { parseReleaseOptions, RELEASE_OPTIONS, type ReleaseOptions } from './release-options.ts';
import { requireTrust, TRUST_OPTIONS, type TrustOptions } from './trust-options.ts';

export const planCommand = defineCommand({
  name: 'plan',
  description: 'show which tags a git ref would get, and their current digests; writes nothing',
  options: {
    ...RELEASE_OPTIONS,
    offline: { flags: '--offline', description: 'plan as if all registries were empty, without contacting them' },
    ...TRUST_OPTIONS,
    json: BUILD_OPTIONS.json,
  },
  help: `
Examples:
  scripts/run release plan --ref refs/tags/v2026.3.13-1
  scripts/run release plan --ref refs/heads/main --offline --json
  scripts/run release plan --ref refs/tags/v2026.3.13 --event refresh --registries localhost:5000/openclaw`,
  run,
});

async function run(
  options: ReleaseOptions & TrustOptions & { readonly offline?: boolean; readonly json?: boolean },
): Promise<void> {
  const trust = requireTrust(options);
  const release = parseReleaseOptions(options);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const state = async (): Promise<PlanState> => ({
      published: await readAllPublished(release, registry, command.onStep),
      decision: await decisionAbout(release, registry, signatureCheck(registry, trust, command.onStep)),
    });
    const plan = planRelease(release, options.offline === true ? {} : await state());
    return {
      text: () => releasePlanReport(plan),
      json: () => plan,
      summary: releasePlanMarkdown(plan),
      failed: plan.tags.some(({ action }) => action === 'conflict'),
    };
  });
}
