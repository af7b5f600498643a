import type { DockerCli } from '../engine/docker-cli.ts';
import type { Engine } from '../engine/engine.ts';
import { isCheckout } from '../gateway/is-checkout.ts';
import { declaredContexts, planBuild } from '../image/build-plan.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { type ResolvedInputs, resolveInputs } from '../image/resolve-inputs.ts';
import { familiarReference } from '../oci/reference.ts';
import { warningFrame } from '../report/failure-report.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { BUILD_OPTIONS, type GivenOptions } from '../spec/option.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { defineCommand } from './options.ts';
import { type CommandOutput, runCommand } from './run-command.ts';

export const buildCommand = defineCommand({
  name: 'build',
  description: 'build an image of the OpenClaw Gateway',
  options: BUILD_OPTIONS,
  help: `
Examples:
  scripts/run build                                        the newest gateway as openclaw:local
  scripts/run build --package openclaw@2026.9.5 --tag openclaw:try
  scripts/run build --extensions slack,matrix --apt "ffmpeg jq"
  scripts/run build --source ../openclaw                   from a checkout
  scripts/run build --tag localhost:5000/openclaw:try --push
  scripts/run build --dry-run                              the plan and the Dockerfile, without an engine`,
  run,
});

/** The state after an interrupted build. */
export const BUILD_CONSEQUENCE = 'nothing was tagged, and finished steps are cached';

async function run(options: GivenOptions): Promise<void> {
  const here = process.cwd();
  const { spec, problems } = parseImageSpec(options, process.env, (await isCheckout(here)) ? here : undefined);
  const { gateway } = spec;
  await runCommand({ json: options.json, consequence: BUILD_CONSEQUENCE, cleansUp: true }, async (command) => {
    command.onStep(gateway.kind === 'registry' ? `resolving openclaw@${gateway.selector}` : `reading ${gateway.path}`);
    const [inputs, { runBuild }, report, { findBuilderEngine }, { resolveContexts }] = await command.orInterrupted(
      Promise.all([
        resolveInputs(spec, problems, command.onStep),
        // Load these modules while the registry answers: an unchanged build takes little longer than this.
        import('../image/run-build.ts'),
        import('../report/build-report.ts'),
        import('./builder-engine.ts'),
        import('../image/resolve-contexts.ts'),
      ]),
    );
    if (options.dryRun === true) return dryRun(spec, inputs);
    const loads = spec.destination.kind === 'load';
    const cli = await command.orInterrupted(findBuilderEngine(options.engine, options.builder, loads, command.onStep));
    const context = { cli, builder: options.builder, listener: command, signal: command.signal };
    const plan = planBuild(spec, inputs, await command.orInterrupted(resolveContexts(spec, inputs, context)));
    if (plan.base.warning.length > 0) command.print(warningFrame(plan.base.warning));
    command.onStep(`building ${spec.tags.map(familiarReference).join(', ')}`);
    const { image } = await runBuild({ image: plan }, context);
    if (image === undefined) throw new Error('the build has no result');
    return {
      text: () => report.buildReport(image, plan, nextCommands(image, spec, cli), options.verbose === true),
      json: () => report.buildJson(image, plan),
    };
  });
}

function nextCommands(
  { names }: BuiltImage,
  { destination }: ImageSpec,
  cli: DockerCli & Partial<Engine>,
): readonly string[] {
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
        ...(cli.source === 'private'
          ? ['eval "$(scripts/engine env)"   # so that docker uses the private engine']
          : []),
      ];
  }
}

async function dryRun(spec: ImageSpec, inputs: ResolvedInputs): Promise<CommandOutput> {
  const [{ table }, { revisionOf }] = await Promise.all([
    import('../report/table.ts'),
    import('../report/build-report.ts'),
  ]);
  const { gateway, plugins } = inputs;
  const { base, layers, dockerfile } = planBuild(spec, inputs, declaredContexts(spec));
  const overrides = Object.entries(spec.overrides).map(([name, version]) => `${name}=${version}`);
  const text = (): string => {
    const summary = table(
      ['', ''],
      [
        ['gateway', `${gateway.version} (${gateway.origin})`],
        gateway.kind === 'checkout' ? ['revision', revisionOf(gateway)] : ['integrity', gateway.integrity],
        ...(overrides.length === 0 ? [] : [['overrides', overrides]]),
        ['required Node', gateway.nodeRange],
        ['base', spec.base.kind === 'reference' ? base.from : `${spec.base.kind} (pinned: ${base.from})`],
        ['tags', spec.tags.map(familiarReference)],
        ['platforms', spec.platforms.length === 0 ? "the engine's platform" : spec.platforms.join(', ')],
        ['destination', spec.destination.kind === 'output' ? spec.destination.value : spec.destination.kind],
      ],
    );
    const rows = layers.map(({ name, made, holds }) => [
      name,
      made.by === 'stage' ? `stage ${made.stage}` : made.instruction,
      holds,
    ]);
    const columns = ['layer', 'made by', 'contents'];
    return `${summary.trimStart()}\n\n${table(columns, rows)}\n\n${dockerfile.trimEnd()}`;
  };
  return { text, json: () => ({ spec, gateway, plugins, layers, dockerfile }) };
}
