import { Command } from 'commander';
import type { Engine } from '../engine/engine.ts';
import { isCheckout } from '../gateway/is-checkout.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { gatherIngredients, type Ingredients } from '../image/gather-ingredients.ts';
import { familiarReference } from '../oci/reference.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { warningFrame } from '../report/failure-report.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { type GivenOptions, parseImageSpec } from '../spec/parse-image-spec.ts';
import { interruption } from './interruption.ts';
import { addOptions } from './options.ts';

interface BuildOptions extends GivenOptions {
  readonly engine?: string;
  readonly builder?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

export const buildCommand = (): Command =>
  addOptions(new Command('build').description('build an image of the OpenClaw Gateway'), BUILD_OPTIONS)
    .addHelpText(
      'after',
      `
Examples:
  scripts/run build                                        the newest gateway as openclaw:local
  scripts/run build --package openclaw@2026.9.5 --tag openclaw:try
  scripts/run build --extensions slack,matrix --apt "ffmpeg jq"
  scripts/run build --source ../openclaw                   from a checkout
  scripts/run build --tag localhost:5000/openclaw:try --push
  scripts/run build --dry-run                              the plan and the Dockerfile, without an engine`,
    )
    .action(run);

async function run(options: BuildOptions): Promise<void> {
  const here = process.cwd();
  const { spec, problems } = parseImageSpec(options, process.env, (await isCheckout(here)) ? here : undefined);
  const view = await progressView(progressMode(options.json === true));
  const { signal, until, because, stop } = interruption('nothing was tagged, and what was finished is cached');
  try {
    view.onStep(
      spec.gateway.kind === 'registry' ? `resolving openclaw@${spec.gateway.selector}` : `reading ${spec.gateway.path}`,
    );
    const [ingredients, { buildImage }, { buildJson, buildReport }, { findBuilderEngine }, { prepare }] = await until(
      Promise.all([
        gatherIngredients(spec, problems, view.onStep),
        // Load these modules while the registry answers: an unchanged build takes little longer than this.
        import('../image/build-image.ts'),
        import('../report/build-report.ts'),
        import('./builder-engine.ts'),
        import('../image/prepare.ts'),
      ]),
    );
    if (options.dryRun === true) {
      view.close();
      await printDryRun(spec, ingredients, options.json === true);
      return;
    }
    const loads = spec.destination.kind === 'load';
    const engine = await until(findBuilderEngine(options.engine, options.builder, loads, view.onStep));
    const preparation = await until(prepare(spec, ingredients, engine, options.builder, view, signal));
    if (preparation.base.warning.length > 0) view.print(warningFrame(preparation.base.warning));
    view.onStep(`building ${spec.tags.map(familiarReference).join(', ')}`);
    const image = await buildImage(preparation, engine, options.builder, view.onProgress, signal);
    view.close();
    const text =
      options.json === true
        ? JSON.stringify(buildJson(image, preparation), null, 2)
        : buildReport(image, preparation, nextCommands(image, spec, engine));
    process.stdout.write(`${text}\n`);
  } catch (error) {
    throw because(error);
  } finally {
    stop();
    view.close();
  }
}

function nextCommands({ names }: BuiltImage, { destination }: ImageSpec, engine: Partial<Engine>): readonly string[] {
  const name = names[0] ?? '';
  switch (destination.kind) {
    case 'push':
      return [`scripts/run verify ${name}`];
    case 'output':
      return [`# written: ${destination.value}`];
    case 'layout':
      return [];
    case 'load':
      return [
        `scripts/run verify ${name}`,
        ...(engine.source === 'private'
          ? ['eval "$(scripts/engine env)"   # so that docker finds the private engine']
          : []),
        `docker run --rm -p 127.0.0.1:18789:18789 -e OPENCLAW_GATEWAY_TOKEN="$(openssl rand -hex 32)" ${name}`,
        'curl http://127.0.0.1:18789/healthz',
      ];
  }
}

async function printDryRun(spec: ImageSpec, ingredients: Ingredients, json: boolean): Promise<void> {
  const [{ readPin }, { draw }, { table }, { revisionOf }] = await Promise.all([
    import('../base/pin.ts'),
    import('../image/prepare.ts'),
    import('../report/table.ts'),
    import('../report/build-report.ts'),
  ]);
  const { gateway, plugins } = ingredients;
  const { plan, dockerfile } = draw(spec, ingredients);
  if (json) {
    process.stdout.write(`${JSON.stringify({ spec, gateway, plugins, layers: plan.layers, dockerfile }, null, 2)}\n`);
    return;
  }
  const facts = table(
    [{ head: '' }, { head: '' }],
    [
      ['gateway', `${gateway.version} (${gateway.origin})`],
      gateway.kind === 'checkout' ? ['revision', revisionOf(gateway)] : ['integrity', gateway.integrity],
      ['required Node', gateway.nodeRange],
      [
        'base',
        spec.base.kind === 'reference'
          ? familiarReference(spec.base.reference)
          : `${spec.base.kind} (pinned: ${readPin().from})`,
      ],
      ['tags', spec.tags.map(familiarReference).join('\n')],
      ['platforms', spec.platforms.length === 0 ? "the engine's own" : spec.platforms.join(', ')],
      ['destination', spec.destination.kind === 'output' ? spec.destination.value : spec.destination.kind],
    ],
  );
  const layers = table(
    [{ head: 'layer' }, { head: 'made by' }, { head: 'contents' }],
    plan.layers.map(({ name, made, holds }) => [
      name,
      made.by === 'stage' ? `stage ${made.stage}` : made.instruction,
      holds,
    ]),
  );
  process.stdout.write(`${facts.trimStart()}\n\n${layers}\n\n${dockerfile}`);
}
