import { Command } from 'commander';
import { planRelease } from '../../release/plan-release.ts';
import { readAllPublished } from '../../release/read-published.ts';
import { releasePlanMarkdown, releasePlanReport } from '../../report/release-plan-report.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from '../registries.ts';
import { runCommand } from '../run-command.ts';
import { parseReleaseOptions, RELEASE_OPTIONS, type ReleaseOptions } from './release-options.ts';

export const planCommand = (): Command =>
  addOptions(
    new Command('plan').description('show which tags a git ref would get, and their current digests; writes nothing'),
    {
      ...RELEASE_OPTIONS,
      offline: { flags: '--offline', description: 'plan as if all registries were empty, without contacting them' },
      json: BUILD_OPTIONS.json,
    },
  )
    .addHelpText(
      'after',
      `
Examples:
  scripts/run release plan --ref refs/tags/v2026.3.13-1
  scripts/run release plan --ref refs/heads/main --offline --json
  scripts/run release plan --ref refs/tags/v2026.3.13 --event refresh --registries localhost:5000/openclaw`,
    )
    .action(run);

async function run(options: ReleaseOptions & { readonly offline?: boolean; readonly json?: boolean }): Promise<void> {
  const release = parseReleaseOptions(options);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const published =
      options.offline === true
        ? undefined
        : await readAllPublished(release, openRegistriesFor(command, PLAN_RETRY_SECONDS), command.onStep);
    const plan = planRelease(release, { published });
    return {
      text: () => releasePlanReport(plan),
      json: () => plan,
      summary: releasePlanMarkdown(plan),
      failed: plan.tags.some(({ action }) => action === 'conflict'),
    };
  });
}
