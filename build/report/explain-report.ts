import type { LastBuild } from '../image/build-record.ts';
import type { BuildForecast, Expectation, StageForecast } from '../image/explain-build.ts';
import { bytes, seconds } from '../units.ts';
import { uncachedText } from './build-report.ts';
import { style } from './style.ts';
import { table } from './table.ts';

/** The terminal lists this many reasons and counts the rest; --json prints all. */
const MOST_REASONS = 3;

const STAGE_WORDS: Readonly<Record<Expectation, string>> = { cached: 'cached', runs: 'runs', depends: 'may run' };
const LAYER_WORDS: Readonly<Record<Expectation, string>> = { cached: 'cached', runs: 'new', depends: 'may be new' };

const reasonsOf = ({ reasons }: StageForecast): string => {
  const more = reasons.length - MOST_REASONS;
  return [...reasons.slice(0, MOST_REASONS), ...(more > 0 ? [`… and ${more} more`] : [])].join('\n');
};

/** The forecast of the next build, for people. @param reference the build's first tag */
export function explainReport(reference: string, { stages, layers }: BuildForecast, last: LastBuild): string {
  const running = stages.filter(({ expectation }) => expectation === 'runs');
  const head =
    running.length > 0
      ? `${running.length} of ${stages.length} stages would run`
      : stages.every(({ expectation }) => expectation === 'cached')
        ? `None of ${stages.length} stages would run`
        : 'Some stages run only if an earlier stage produces a different result';
  const time = (name: string): string => {
    const duration = last.stageSeconds[name];
    return duration === undefined ? '' : seconds(duration);
  };
  const costs = new Map(last.layers.map((layer) => [layer.name, layer]));
  return [
    style('bold', head),
    `compared with ${reference}, built ${last.built.slice(0, 16).replace('T', ' ')} UTC; valid while BuildKit keeps its cache`,
    ...(last.uncached === undefined || last.uncached.length === 0
      ? []
      : [`The last build: ${uncachedText(last.uncached)}`]),
    '',
    table(
      ['stage', '', { right: 'time' }, 'reason'],
      stages.map((stage) => [stage.name, STAGE_WORDS[stage.expectation], time(stage.name), reasonsOf(stage)]),
    ),
    '',
    table(
      ['layer', '', { right: 'size' }, 'last build', 'reason'],
      layers.map((layer) => {
        const cost = costs.get(layer.name);
        return [
          layer.name,
          LAYER_WORDS[layer.expectation],
          cost?.size === undefined ? '' : bytes(cost.size),
          cost === undefined ? '' : cost.cached ? 'cached' : 'new',
          reasonsOf(layer),
        ];
      }),
    ),
  ].join('\n');
}

/** The same for `--json`: seconds and bytes, every reason. */
export function explainJson(reference: string, { stages, layers }: BuildForecast, last: LastBuild): object {
  const costs = new Map(last.layers.map((layer) => [layer.name, layer]));
  return {
    reference,
    built: last.built,
    uncached: last.uncached ?? [],
    stages: stages.map((stage) => ({ ...withAlias(stage), seconds: last.stageSeconds[stage.name] })),
    layers: layers.map((layer) => {
      const cost = costs.get(layer.name);
      return { ...withAlias(layer), size: cost?.size, newInLastBuild: cost === undefined ? undefined : !cost.cached };
    }),
  };
}

/** `because` is the former name of `reasons`. Remove it with version 0.3. */
const withAlias = (forecast: StageForecast): object => ({ ...forecast, because: forecast.reasons });
