import { Argument, Command } from 'commander';
import { RequestError } from '../problem.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { warningFrame } from '../report/failure-report.ts';
import { bytes, seconds, style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { type BuiltSandbox, buildSandbox } from '../sandbox/build-sandbox.ts';
import { SANDBOXES, type SandboxName } from '../sandbox/sandbox.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { type GivenOptions, parseImageSpec } from '../spec/parse-image-spec.ts';
import { findBuilderEngine } from './builder-engine.ts';
import { interruption } from './interruption.ts';
import { addOptions } from './options.ts';

const { base, tag, platform, load, push, compression, ca, engine, builder, json } = BUILD_OPTIONS;
const NAMES = Object.keys(SANDBOXES) as readonly SandboxName[];

const SANDBOX_OPTIONS = {
  base: { ...base, description: 'pinned (fail if its registry is unreachable) or bootstrap (made on this host from Debian packages)' },
  tag: { flags: tag.flags, repeatable: true, description: tag.description, unset: 'the name that the gateway uses' },
  ...{ platform, load, push, compression, ca, engine, builder, json },
} as const;

interface SandboxOptions extends GivenOptions {
  readonly tag?: readonly string[];
  readonly engine?: string;
  readonly builder?: string;
  readonly json?: boolean;
}

export const sandboxCommand = (): Command =>
  addOptions(
    new Command('sandbox')
      .description('build an image in which agents run their tools')
      .addArgument(
        new Argument(
          '[image]',
          NAMES.map((name) => `${name}: ${SANDBOXES[name].image}, ${SANDBOXES[name].holds}`).join('; '),
        )
          .choices(NAMES)
          .default('default' satisfies SandboxName),
      ),
    SANDBOX_OPTIONS,
  )
    .addHelpText(
      'after',
      `
Examples:
  scripts/run sandbox                                      ${SANDBOXES.default.image}
  scripts/run sandbox browser --json
  scripts/run sandbox common --tag localhost:5000/sandbox --push`,
    )
    .action(run);

async function run(name: SandboxName, options: SandboxOptions): Promise<void> {
  const asked = { ...options, tag: options.tag ?? [SANDBOXES[name].image] };
  const environment = { SOURCE_DATE_EPOCH: process.env['SOURCE_DATE_EPOCH'], ...caOf() };
  const { spec, problems: wrong } = parseImageSpec(asked, environment);
  const problems = [...wrong];
  if (spec.base.kind === 'reference') {
    problems.push({
      source: '--base',
      value: String(asked.base),
      reason: 'is an image reference, but a sandbox is built on Debian',
      wayOut: 'choose pinned or bootstrap',
    });
  }
  if (problems.length > 0 || spec.base.kind === 'reference') throw new RequestError(problems);
  const view = await progressView(progressMode(options.json === true));
  const { signal, until, because, stop } = interruption('nothing was tagged, and what was finished is cached');
  try {
    const loads = spec.destination.kind === 'load';
    const found = await until(findBuilderEngine(options.engine, options.builder, loads, view.onStep));
    const built = await buildSandbox(name, { ...spec, base: spec.base }, found, options.builder, view, signal);
    if (built.warning.length > 0) view.print(warningFrame(built.warning));
    view.close();
    process.stdout.write(`${options.json === true ? JSON.stringify(built, null, 2) : report(built)}\n`);
  } catch (error) {
    throw because(error);
  } finally {
    stop();
    view.close();
  }
}

/** Only the variables that name certificate authorities affect a sandbox. */
function caOf(): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(BUILD_OPTIONS.ca.variables.map((variable) => [variable, process.env[variable]]));
}

function report({ names, digest, size, base: stood, stages, seconds: took }: BuiltSandbox): string {
  const ran = stages.filter(({ cached }) => !cached);
  return [
    style('bold', `Built in ${seconds(took)}`),
    table(
      [{ head: '' }, { head: '' }],
      [
        ['image', names.join('\n')],
        ['digest', digest ?? ''],
        ...(size === undefined ? [] : [['size', `${bytes(size)} compressed`]]),
        ['base', `${stood.name} (${stood.kind})`],
        [
          'stages',
          ran.length === 0 ? 'all cached' : ran.map((one) => `${one.stage} ${seconds(one.seconds)}`).join(', '),
        ],
      ],
    ).trimStart(),
  ].join('\n');
}
