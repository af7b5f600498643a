import { parseArgs } from 'node:util';
import { $ } from 'zx';
import { table } from '../../build/report/table.ts';

// Output of the measured commands is not part of the report.
$.quiet = true;

export interface Side {
  readonly seconds: number;
  readonly bytes?: number;
}

/** The same work done by this project and by plain Docker. */
export interface Comparison {
  readonly name: string;
  readonly ours: Side;
  readonly other: Side;
  readonly goal: string;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};

/** `--source` applies to bench:edits and bench:noop; `--only` to bench:edits, `--chart` to bench:edits and bench:update. */
export const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    source: { type: 'string' },
    only: { type: 'string' },
    chart: { type: 'boolean', default: false },
  },
});
export const json = values.json;
export const rounds = values.rounds === undefined ? undefined : Number(values.rounds);

/** Progress goes to standard error, so that --json stays JSON. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** other ÷ ours: higher is better. */
const ratios = ({ ours, other }: Comparison) => ({
  ratio: other.seconds / ours.seconds,
  ...(ours.bytes === undefined || other.bytes === undefined ? {} : { bytesRatio: other.bytes / ours.bytes }),
});

export function report(comparison: Comparison): void {
  const { name, ours, other, goal } = comparison;
  if (json) {
    process.stdout.write(`${JSON.stringify({ name, ours, other, ...ratios(comparison), goal }, null, 2)}\n`);
    return;
  }
  const { ratio, bytesRatio } = ratios(comparison);
  const rows = [
    ['seconds', ours.seconds.toFixed(2), other.seconds.toFixed(2), ratio.toFixed(2)],
    ...(bytesRatio === undefined
      ? []
      : [
          [
            'MB to push',
            ((ours.bytes ?? 0) / 1e6).toFixed(1),
            ((other.bytes ?? 0) / 1e6).toFixed(1),
            bytesRatio.toFixed(2),
          ],
        ]),
  ];
  const columns = [name, { right: 'ours' }, { right: 'other' }, { right: 'other ÷ ours' }] as const;
  process.stdout.write(`${table(columns, rows)}\ngoal: ${goal}\n`);
}
