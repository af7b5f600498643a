import { isCheckout } from '../gateway/is-checkout.ts';
import { planBuild } from '../image/build-plan.ts';
import { readInputs, readLastBuild } from '../image/build-record.ts';
import { explainBuild } from '../image/explain-build.ts';
import { resolveContexts } from '../image/resolve-contexts.ts';
import { resolveInputs } from '../image/resolve-inputs.ts';
import { familiarReference } from '../oci/reference.ts';
import { WorkError } from '../problem.ts';
import { explainJson, explainReport } from '../report/explain-report.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { findBuilderEngine } from './builder-engine.ts';
import { defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

const { dryRun, push, load, output, compression, cacheFrom, cacheTo, ...EXPLAIN_OPTIONS } = BUILD_OPTIONS;

export const explainCommand = defineCommand({
  name: 'explain',
  description:
    'show which stages the next build would run and why, and the size of each layer of the last build; builds nothing',
  options: EXPLAIN_OPTIONS,
  help: `
Use the same options as for the build. Its first tag selects the earlier build to compare with.

Examples:
  scripts/run explain                                      changes since openclaw:local was built
  scripts/run explain --source ../openclaw                 after an edit of a checkout
  scripts/run explain --apt ffmpeg                         the effect of one more option`,
  run,
});

async function run(options: OptionValues<typeof EXPLAIN_OPTIONS>): Promise<void> {
  const here = process.cwd();
  const { spec, problems } = parseImageSpec(options, process.env, (await isCheckout(here)) ? here : undefined);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const inputs = await resolveInputs(spec, problems, command.onStep);
    const names = spec.tags.map(familiarReference);
    const name = names[0] ?? '';
    const last = await readLastBuild(name);
    if (last === undefined) {
      throw new WorkError({
        kind: 'not-found',
        title: 'There is no earlier build to compare with',
        reason: `${name} was not built on this host, so every stage would run.`,
        hint: `build it first (scripts/run build --tag ${name}), or name another tag with --tag`,
      });
    }
    const cli = await findBuilderEngine(options.engine, options.builder, true, command.onStep);
    const context = { cli, builder: options.builder, listener: command, signal: undefined };
    const plan = planBuild(spec, inputs, await resolveContexts(spec, inputs, context));
    const forecast = explainBuild(plan.layers, await readInputs(plan, names), last.inputs);
    return {
      text: () => explainReport(name, forecast, last),
      json: () => explainJson(name, forecast, last),
    };
  });
}
