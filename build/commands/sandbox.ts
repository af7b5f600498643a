import { Argument } from 'commander';
import type { BuildPlan } from '../image/build-plan.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { runBuild } from '../image/run-build.ts';
import { familiarReference } from '../oci/reference.ts';
import { RequestError } from '../problem.ts';
import { warningFrame } from '../report/failure-report.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { planSandbox } from '../sandbox/plan-sandbox.ts';
import { SANDBOXES, type SandboxName } from '../sandbox/sandbox.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { bytes, seconds } from '../units.ts';
import { BUILD_CONSEQUENCE } from './build.ts';
import { findBuilderEngine } from './builder-engine.ts';
import { caVariables, defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

const { base, tag, platform, load, push, compression, ca, engine, builder, json } = BUILD_OPTIONS;
const NAMES = Object.keys(SANDBOXES) as readonly SandboxName[];

const SANDBOX_OPTIONS = {
  base: {
    ...base,
    description: 'pinned (fail if its registry is unreachable) or bootstrap (made on this host from Debian packages)',
  },
  tag: { flags: tag.flags, repeatable: true, description: tag.description, unset: 'the name that the gateway uses' },
  ...{ platform, load, push, compression, ca, engine, builder, json },
} as const;

export const sandboxCommand = defineCommand({
  name: 'sandbox',
  description: 'build an image in which agents run their tools',
  options: SANDBOX_OPTIONS,
  help: `
Examples:
  scripts/run sandbox                                      ${SANDBOXES.default.image}
  scripts/run sandbox browser --json
  scripts/run sandbox common --tag localhost:5000/sandbox --push`,
  run,
}).addArgument(
  new Argument('[image]', NAMES.map((name) => `${name}: ${SANDBOXES[name].image}, ${SANDBOXES[name].holds}`).join('; '))
    .choices(NAMES)
    .default('default' satisfies SandboxName),
);

async function run(name: SandboxName, options: OptionValues<typeof SANDBOX_OPTIONS>): Promise<void> {
  const given = { ...options, tag: options.tag ?? [SANDBOXES[name].image] };
  const environment = { SOURCE_DATE_EPOCH: process.env['SOURCE_DATE_EPOCH'], ...caVariables() };
  const { spec, problems } = parseImageSpec(given, environment);
  if (spec.base.kind === 'reference' || spec.base.kind === 'run-base') {
    const reason = 'is an image reference, but a sandbox is built on Debian';
    const problem = { source: '--base', value: String(given.base), reason, hint: 'choose pinned or bootstrap' };
    throw new RequestError([...problems, problem]);
  }
  if (problems.length > 0) throw new RequestError(problems);
  const sandbox = { ...spec, base: spec.base };
  await runCommand({ json: options.json, consequence: BUILD_CONSEQUENCE, cleansUp: true }, async (command) => {
    const loads = spec.destination.kind === 'load';
    const cli = await command.orInterrupted(findBuilderEngine(options.engine, options.builder, loads, command.onStep));
    const context = { cli, builder: options.builder, listener: command, signal: command.signal };
    const plan = await planSandbox(name, sandbox, context);
    if (plan.base.warning.length > 0) command.print(warningFrame(plan.base.warning));
    command.onStep(`building ${spec.tags.map(familiarReference).join(', ')}`);
    const { image } = await runBuild({ image: plan }, context);
    if (image === undefined) throw new Error('the build has no result');
    return { text: () => report(image, plan), json: () => sandboxJson(image, plan) };
  });
}

function report({ names, digest, size, stages, seconds: duration }: BuiltImage, { base }: BuildPlan): string {
  const executed = stages.filter(({ cached }) => !cached);
  const times = executed.map(({ stage, seconds: time }) => `${stage} ${seconds(time)}`);
  return [
    style('bold', `Built in ${seconds(duration)}`),
    table(
      ['', ''],
      [
        ['image', names],
        ['digest', digest ?? ''],
        ...(size === undefined ? [] : [['size', `${bytes(size)} compressed`]]),
        ['base', `${base.name} (${base.kind})`],
        ['stages', times.length === 0 ? 'all cached' : times.join(', ')],
      ],
    ).trimStart(),
  ].join('\n');
}

const sandboxJson = (image: BuiltImage, { base: { kind, name, digest, warning } }: BuildPlan): object => ({
  names: image.names,
  digest: image.digest,
  size: image.size,
  base: { kind, name, digest },
  stages: image.stages,
  seconds: image.seconds,
  warnings: warning,
  // The former name of `warnings`. Remove it with version 0.3.
  warning,
});
