import { Command } from 'commander';
import { PLATFORMS, type Platform, parsePlatform } from '../oci/platform.ts';
import { parseReference, repositoryOf } from '../oci/reference.ts';
import { registryReader } from '../oci/registry.ts';
import { type Problem, RequestError } from '../problem.ts';
import { planRelease, RELEASE_EVENTS, type ReleasePlan, type ReleaseRequest } from '../release/plan-release.ts';
import { readPublished } from '../release/read-published.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { releasePlanReport } from '../report/release-plan-report.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { VARIANTS, type Variant } from '../spec/variant.ts';
import { addOptions } from './options.ts';

const PLAN_OPTIONS = {
  ref: {
    flags: '--ref <ref>',
    variables: ['GITHUB_REF'],
    description: 'git ref that is released: refs/heads/main or refs/tags/v<version>',
  },
  event: {
    flags: '--event <event>',
    description: 'push; backfill: an old tag that was never published; refresh: the same release on a newer base',
    default: 'push',
  },
  variants: { flags: '--variants <names>', description: 'separated by commas', default: VARIANTS.join(',') },
  platforms: { flags: '--platforms <platforms>', description: 'separated by commas', default: PLATFORMS.join(',') },
  registries: {
    flags: '--registries <repositories>',
    description: 'separated by commas; the first is built for, the others get the same digests',
    default: 'ghcr.io/openclaw/openclaw,docker.io/openclaw/openclaw',
  },
  offline: { flags: '--offline', description: 'plan as if the registries were empty, and ask none' },
  json: BUILD_OPTIONS.json,
} as const;

interface PlanOptions {
  readonly ref?: string;
  readonly event?: string;
  readonly variants?: string;
  readonly platforms?: string;
  readonly registries?: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

export const releaseCommand = (): Command =>
  new Command('release').description('publish images under tags that can be trusted').addCommand(planCommand());

const planCommand = (): Command =>
  addOptions(
    new Command('plan').description('say which tags a git ref deserves, and what each is now; writes nothing'),
    PLAN_OPTIONS,
  )
    .addHelpText(
      'after',
      `
Examples:
  scripts/run release plan --ref refs/tags/v2026.3.13-1
  scripts/run release plan --ref refs/heads/main --offline --json
  scripts/run release plan --ref refs/tags/v2026.3.13 --event refresh --registries localhost:5000/openclaw`,
    )
    .action(runPlan);

async function runPlan(options: PlanOptions): Promise<void> {
  const request = parsePlanOptions(options);
  // The names do not depend on what is there; and a wrong ref is refused before anything is asked.
  const wanted = planRelease({ ...request, published: undefined });
  const view = await progressView(progressMode(options.json === true));
  let plan: ReleasePlan = wanted;
  try {
    if (options.offline !== true) {
      const reader = registryReader();
      const published: Record<string, Awaited<ReturnType<typeof readPublished>>> = {};
      for (const registry of request.registries) {
        view.onStep(`reading ${registry}`);
        const tags = wanted.tags.filter((one) => one.registry === registry).map(({ tag }) => tag);
        published[registry] = await readPublished(registry, tags, reader);
      }
      plan = planRelease({ ...request, published });
    }
  } finally {
    view.close();
  }
  process.stdout.write(`${options.json === true ? JSON.stringify(plan, null, 2) : releasePlanReport(plan)}\n`);
  if (plan.tags.some(({ action }) => action === 'conflict')) process.exitCode = 1;
}

/** @throws RequestError with everything that is wrong */
function parsePlanOptions(options: PlanOptions): ReleaseRequest {
  const problems: Problem[] = [];
  const list = (text: string | undefined, fallback: string): readonly string[] => [
    ...new Set(
      (text ?? fallback)
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== ''),
    ),
  ];
  const choose = <T extends string>(
    source: string,
    values: readonly string[],
    find: (value: string) => T | undefined,
    choices: readonly string[],
  ): readonly T[] =>
    values.flatMap((value) => {
      const found = find(value);
      if (found === undefined)
        problems.push({ source, value, reason: 'is none that there is', wayOut: `choose from ${choices.join(', ')}` });
      return found ?? [];
    });
  const [event] = choose(
    '--event',
    [options.event ?? PLAN_OPTIONS.event.default],
    (value) => RELEASE_EVENTS.find((one) => one === value),
    RELEASE_EVENTS,
  );
  const variants = choose<Variant>(
    '--variants',
    list(options.variants, PLAN_OPTIONS.variants.default),
    (value) => VARIANTS.find((one) => one === value),
    VARIANTS,
  );
  const platforms = choose<Platform>(
    '--platforms',
    list(options.platforms, PLAN_OPTIONS.platforms.default),
    parsePlatform,
    PLATFORMS,
  );
  const registries = list(options.registries, PLAN_OPTIONS.registries.default).flatMap((value) => {
    try {
      const reference = parseReference(value);
      if (reference.tag === undefined && reference.digest === undefined) return repositoryOf(reference);
      throw new Error('it has a tag or a digest, and the plan says which');
    } catch (error) {
      const wayOut = 'name repositories: ghcr.io/openclaw/openclaw';
      problems.push({ source: '--registries', value, reason: (error as Error).message, wayOut });
      return [];
    }
  });
  for (const [source, values] of [
    ['--variants', variants],
    ['--platforms', platforms],
  ] as const) {
    const wayOut = 'leave the option out for all, or name at least one';
    if (values.length === 0 && problems.length === 0)
      problems.push({ source, value: '', reason: 'names none', wayOut });
  }
  const ref = options.ref ?? process.env['GITHUB_REF'] ?? '';
  if (event === undefined || problems.length > 0) throw new RequestError(problems);
  const date = new Date().toISOString().slice(0, 10).replaceAll('-', '');
  return { ref, event, variants, platforms, registries: [...new Set(registries)], published: undefined, date };
}
