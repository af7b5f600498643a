import { resolve } from 'node:path';
import { isCheckout } from '../gateway/is-checkout.ts';
import { type GatewayBuildPlan, planBuild } from '../image/build-plan.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { resolveContexts } from '../image/resolve-contexts.ts';
import { type ResolvedInputs, resolveInputs } from '../image/resolve-inputs.ts';
import { runBuild } from '../image/run-build.ts';
import { type Problem, problemWith, RequestError } from '../problem.ts';
import { buildJson, buildReport } from '../report/build-report.ts';
import { warningFrame } from '../report/failure-report.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { VARIANTS, type Variant } from '../spec/variant.ts';
import { BUILD_CONSEQUENCE } from './build.ts';
import { findBuilderEngine } from './builder-engine.ts';
import { defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

const { variant: _, dryRun: __, ...SHARED_OPTIONS } = BUILD_OPTIONS;

const BAKE_OPTIONS = {
  variants: {
    flags: '--variants <names>',
    description: `variants to build: ${VARIANTS.join(', ')}; separated by commas`,
    default: VARIANTS.join(','),
  },
  file: {
    flags: '--file <file>',
    description: 'path of the bake definition to write; docker buildx bake reads it',
    default: 'docker-bake.json',
  },
  ...SHARED_OPTIONS,
} as const;

export const bakeCommand = defineCommand({
  name: 'bake',
  description: 'build several variants and platforms in one session of BuildKit',
  options: BAKE_OPTIONS,
  help: `
BuildKit builds stages that the variants share only once. The bake definition can be built with docker buildx bake, without this project.

Examples:
  scripts/run bake                                         openclaw:local, openclaw:local-slim, openclaw:local-browser
  scripts/run bake --variants default,browser --browser debian --tag openclaw:try
  scripts/run bake --platform linux/amd64,linux/arm64 --tag localhost:5000/openclaw:try --push`,
  run,
});

async function run(options: OptionValues<typeof BAKE_OPTIONS>): Promise<void> {
  const here = process.cwd();
  const { specs, problems } = parseTargets(options, (await isCheckout(here)) ? here : undefined);
  const file = resolve(here, options.file ?? BAKE_OPTIONS.file.default);
  await runCommand({ json: options.json, consequence: BUILD_CONSEQUENCE, cleansUp: true }, async (command) => {
    command.onStep('resolving the gateway');
    const inputs: Record<string, ResolvedInputs> = {};
    // In sequence: the second image uses the packages that the first one downloaded.
    for (const [target, spec] of Object.entries(specs))
      inputs[target] = await command.orInterrupted(resolveInputs(spec, problems, command.onStep));
    const loads = Object.values(specs).some(({ destination }) => destination.kind === 'load');
    const cli = await command.orInterrupted(findBuilderEngine(options.engine, options.builder, loads, command.onStep));
    const context = { cli, builder: options.builder, listener: command, signal: command.signal };
    const plans: Record<string, GatewayBuildPlan> = {};
    for (const [target, spec] of Object.entries(specs)) {
      const resolved = inputs[target];
      if (resolved === undefined) continue;
      const contexts = await command.orInterrupted(resolveContexts(spec, resolved, context));
      plans[target] = planBuild(spec, resolved, contexts);
    }
    const [first] = Object.values(plans);
    if (first !== undefined && first.base.warning.length > 0) command.print(warningFrame(first.base.warning));
    command.onStep(`baking ${Object.keys(specs).join(', ')}`);
    const images = await runBuild(plans, context, file);
    const results = Object.entries(images).flatMap(([target, image]) => {
      const plan = plans[target];
      return plan === undefined ? [] : [{ target, image, plan }];
    });
    const next = (image: BuiltImage): readonly string[] => [
      ...image.names.map((name) => `scripts/run verify ${name}`),
      `docker buildx bake "--allow=fs=*" --file ${file}`,
    ];
    return {
      text: () =>
        results.map(({ image, plan }) => buildReport(image, plan, next(image), options.verbose === true)).join('\n\n'),
      json: () => ({
        file,
        targets: Object.fromEntries(results.map(({ target, image, plan }) => [target, buildJson(image, plan)])),
      }),
    };
  });
}

/** One target per image: `slim` adds its names to the default image. */
function parseTargets(
  { variants, file: _, ...options }: OptionValues<typeof BAKE_OPTIONS>,
  checkout: string | undefined,
): { readonly specs: Readonly<Record<string, ImageSpec>>; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const requested = (variants ?? BAKE_OPTIONS.variants.default).split(',').map((name) => name.trim());
  for (const value of requested) {
    if (VARIANTS.some((name) => name === value)) continue;
    problems.push(problemWith('--variants', value, 'is not a variant', `choose from ${VARIANTS.join(', ')}`));
  }
  const { browser: _browser, ...plainOptions } = options;
  const specOf = (variant: Variant): ImageSpec => {
    // The browser option applies only to the variant that has one.
    const parsed =
      variant === 'browser'
        ? parseImageSpec({ ...options, variant }, process.env, checkout)
        : parseImageSpec({ ...plainOptions, variant }, { ...process.env, OPENCLAW_INSTALL_BROWSER: '' }, checkout);
    problems.push(...parsed.problems);
    return parsed.spec;
  };
  const plain = (['default', 'slim'] as const).filter((name) => requested.includes(name)).map(specOf);
  const [first] = plain;
  const specs = {
    ...(first === undefined ? {} : { default: { ...first, tags: plain.flatMap(({ tags }) => tags) } }),
    ...(requested.includes('browser') ? { browser: specOf('browser') } : {}),
  };
  if (Object.values(specs).some(({ destination }) => destination.kind === 'output')) {
    problems.push(
      problemWith(
        '--output',
        String(options.output),
        'writes one file, but this bake builds several images',
        'use --push or --load, or build each image with image:build',
      ),
    );
  }
  const distinct = [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
  if (Object.keys(specs).length === 0) throw new RequestError(distinct);
  return { specs, problems: distinct };
}
