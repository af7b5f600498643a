import { Command } from 'commander';
import { explainBuild } from '../explain/explain-build.ts';
import { isCheckout } from '../gateway/is-checkout.ts';
import { gatherIngredients } from '../image/gather-ingredients.ts';
import { readInputs, readLastBuild } from '../image/last-build.ts';
import { prepare } from '../image/prepare.ts';
import { familiarReference } from '../oci/reference.ts';
import { WorkError } from '../problem.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { explainJson, explainReport } from '../report/explain-report.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { type GivenOptions, parseImageSpec } from '../spec/parse-image-spec.ts';
import { findBuilderEngine } from './builder-engine.ts';
import { addOptions } from './options.ts';

interface ExplainOptions extends GivenOptions {
  readonly engine?: string;
  readonly builder?: string;
  readonly json?: boolean;
}

const { dryRun, push, load, output, compression, cacheFrom, cacheTo, ...ASKED } = BUILD_OPTIONS;

export const explainCommand = (): Command =>
  addOptions(
    new Command('explain').description(
      'show which stages the next build would run and why, and the size of each layer of the last build; builds nothing',
    ),
    ASKED,
  )
    .addHelpText(
      'after',
      `
Use the same options as for the build. Its first tag selects the earlier build to compare with.

Examples:
  scripts/run explain                                      changes since openclaw:local was built
  scripts/run explain --source ../openclaw                 after an edit of a checkout
  scripts/run explain --apt ffmpeg                         the effect of one more option`,
    )
    .action(run);

async function run(options: ExplainOptions): Promise<void> {
  const here = process.cwd();
  const { spec, problems } = parseImageSpec(options, process.env, (await isCheckout(here)) ? here : undefined);
  const view = await progressView(progressMode(options.json === true));
  try {
    const ingredients = await gatherIngredients(spec, problems, view.onStep);
    const names = spec.tags.map(familiarReference);
    const last = await readLastBuild(names[0] ?? '');
    if (last === undefined) {
      throw new WorkError({
        kind: 'not-found',
        title: 'There is no earlier build to compare with',
        reason: `${names[0]} was not built on this host, so every stage would run`,
        wayOut: `build it first (scripts/run build --tag ${names[0]}), or name another tag with --tag`,
      });
    }
    const engine = await findBuilderEngine(options.engine, options.builder, true, view.onStep);
    const preparation = await prepare(spec, ingredients, engine, options.builder, view, undefined);
    const inputs = await readInputs({ preparation, names });
    const explanation = explainBuild(preparation.plan.layers, inputs, last.inputs);
    view.close();
    const text =
      options.json === true
        ? JSON.stringify(explainJson(names[0] ?? '', explanation, last), null, 2)
        : explainReport(names[0] ?? '', explanation, last);
    process.stdout.write(`${text}\n`);
  } finally {
    view.close();
  }
}
