import { Command } from 'commander';
import { planRelease } from '../../release/plan-release.ts';
import { readAllPublished } from '../../release/read-published.ts';
import { progressMode, progressView } from '../../report/build-progress.ts';
import { writeJobSummary } from '../../report/job-summary.ts';
import { releasePlanMarkdown, releasePlanReport } from '../../report/release-plan-report.ts';
import { BUILD_OPTIONS } from '../../spec/option.ts';
import { addOptions } from '../options.ts';
import {
  PLAN_PATIENCE,
  parseReleaseOptions,
  RELEASE_OPTIONS,
  type ReleaseOptions,
  registriesFor,
} from './release-options.ts';

interface PlanOptions extends ReleaseOptions {
  readonly offline?: boolean;
  readonly json?: boolean;
}

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

async function run(options: PlanOptions): Promise<void> {
  const request = parseReleaseOptions(options);
  const view = await progressView(progressMode(options.json === true));
  try {
    const published =
      options.offline === true
        ? undefined
        : await readAllPublished(request, registriesFor(view, PLAN_PATIENCE), view.onStep);
    const plan = planRelease({ ...request, published });
    view.close();
    await writeJobSummary(releasePlanMarkdown(plan));
    process.stdout.write(`${options.json === true ? JSON.stringify(plan, null, 2) : releasePlanReport(plan)}\n`);
    if (plan.tags.some(({ action }) => action === 'conflict')) process.exitCode = 1;
  } finally {
    view.close();
  }
}
