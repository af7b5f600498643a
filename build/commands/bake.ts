import { resolve } from 'node:path';
import { Command } from 'commander';
import { isCheckout } from '../gateway/is-checkout.ts';
import { bakeImages } from '../image/bake-images.ts';
import { gatherIngredients, type Ingredients } from '../image/gather-ingredients.ts';
import { type Preparation, prepare } from '../image/prepare.ts';
import { type Problem, RequestError } from '../problem.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { buildJson, buildReport } from '../report/build-report.ts';
import { warningFrame } from '../report/failure-report.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { type GivenOptions, parseImageSpec } from '../spec/parse-image-spec.ts';
import { VARIANTS, type Variant } from '../spec/variant.ts';
import { findBuilderEngine } from './builder-engine.ts';
import { interruption } from './interruption.ts';
import { addOptions } from './options.ts';

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

interface BakeOptions extends GivenOptions {
  readonly variants?: string;
  readonly file?: string;
  readonly engine?: string;
  readonly builder?: string;
  readonly json?: boolean;
}

export const bakeCommand = (): Command =>
  addOptions(
    new Command('bake').description('build several variants and platforms in one session of BuildKit'),
    BAKE_OPTIONS,
  )
    .addHelpText(
      'after',
      `
BuildKit builds stages that the variants share only once. The bake definition can be built with docker buildx bake, without this project.

Examples:
  scripts/run bake                                         openclaw:local, openclaw:local-slim, openclaw:local-browser
  scripts/run bake --variants default,browser --browser debian --tag openclaw:try
  scripts/run bake --platform linux/amd64,linux/arm64 --tag localhost:5000/openclaw:try --push`,
    )
    .action(run);

async function run(options: BakeOptions): Promise<void> {
  const here = process.cwd();
  const checkout = (await isCheckout(here)) ? here : undefined;
  const { specs, problems } = parseTargets(options, checkout);
  const file = resolve(here, options.file ?? BAKE_OPTIONS.file.default);
  const view = await progressView(progressMode(options.json === true));
  const { signal, until, because, stop } = interruption('nothing was tagged, and what was finished is cached');
  try {
    view.onStep('resolving the gateway');
    const preparations: Record<string, Preparation> = {};
    const gathered: { readonly target: string; readonly spec: ImageSpec; readonly ingredients: Ingredients }[] = [];
    // In sequence: the second image uses the packages that the first one downloaded.
    for (const [target, spec] of Object.entries(specs))
      gathered.push({ target, spec, ingredients: await until(gatherIngredients(spec, problems, view.onStep)) });
    const loads = Object.values(specs).some(({ destination }) => destination.kind === 'load');
    const engine = await until(findBuilderEngine(options.engine, options.builder, loads, view.onStep));
    for (const { target, spec, ingredients } of gathered)
      preparations[target] = await until(prepare(spec, ingredients, engine, options.builder, view, signal));
    const [first] = Object.values(preparations);
    if (first !== undefined && first.base.warning.length > 0) view.print(warningFrame(first.base.warning));
    view.onStep(`baking ${Object.keys(specs).join(', ')}`);
    const images = await bakeImages(preparations, engine, options.builder, file, view.onProgress, signal);
    view.close();
    const built = Object.entries(images).flatMap(([target, image]) => {
      const preparation = preparations[target];
      return preparation === undefined ? [] : [{ target, image, preparation }];
    });
    const again = `docker buildx bake "--allow=fs=*" --file ${file}`;
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ file, targets: Object.fromEntries(built.map(({ target, image, preparation }) => [target, buildJson(image, preparation)])) }, null, 2)}\n`
        : `${built.map(({ image, preparation }) => buildReport(image, preparation, [...image.names.map((name) => `scripts/run verify ${name}`), again])).join('\n\n')}\n`,
    );
  } catch (error) {
    throw because(error);
  } finally {
    stop();
    view.close();
  }
}

/** One target per image: `slim` adds its names to the default image. */
function parseTargets(
  { variants, file: _, ...options }: BakeOptions,
  checkout: string | undefined,
): { readonly specs: Readonly<Record<string, ImageSpec>>; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const asked = (variants ?? BAKE_OPTIONS.variants.default).split(',').map((name) => name.trim());
  for (const value of asked) {
    if (VARIANTS.some((name) => name === value)) continue;
    problems.push({
      source: '--variants',
      value,
      reason: 'is not a variant',
      wayOut: `choose from ${VARIANTS.join(', ')}`,
    });
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
  const plain = (['default', 'slim'] as const).filter((name) => asked.includes(name)).map(specOf);
  const [first] = plain;
  const specs = {
    ...(first === undefined ? {} : { default: { ...first, tags: plain.flatMap(({ tags }) => tags) } }),
    ...(asked.includes('browser') ? { browser: specOf('browser') } : {}),
  };
  if (Object.values(specs).some(({ destination }) => destination.kind === 'output')) {
    problems.push({
      source: '--output',
      value: String(options.output),
      reason: 'writes one file, but this bake builds several images',
      wayOut: 'use --push or --load, or build each image with image:build',
    });
  }
  const distinct = [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
  if (Object.keys(specs).length === 0) throw new RequestError(distinct);
  return { specs, problems: distinct };
}
