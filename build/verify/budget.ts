import { readFile } from 'node:fs/promises';
import { passIf } from '../check-result.ts';
import { mergeLayers } from '../contents/merged-layers.ts';
import { withSavedImage } from '../contents/open-image.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { type Problem, problemWith } from '../problem.ts';
import { bytes } from '../units.ts';
import type { ContractResult } from './check.ts';

/** Limits for the size of an image. */
export interface Budget {
  /** Compressed bytes of all layers. */
  readonly maxSize?: number;
  /** Share of the unpacked bytes that a later layer replaces or removes, from 0 to 1. */
  readonly maxWaste?: number;
}

/** The limits as people write them: `240MB`, `1%`. */
export interface BudgetText {
  readonly maxSize?: string | undefined;
  readonly maxWaste?: string | undefined;
}

/** Where each limit comes from, for error messages. */
const OPTIONS = { maxSize: '--max-size', maxWaste: '--max-waste' } as const;

const UNITS: Readonly<Record<string, number>> = { kB: 1e3, MB: 1e6, GB: 1e9 };

/** @returns bytes of `240MB`, in decimal units; undefined if it is not a size */
export function parseSize(text: string): number | undefined {
  const [, amount, unit = ''] = /^(\d{1,6}(?:\.\d{1,3})?) ?(kB|MB|GB)$/.exec(text) ?? [];
  return amount === undefined ? undefined : Number(amount) * (UNITS[unit] ?? 1);
}

/** @returns 0.01 of `1%`; undefined if it is not a share */
export function parseShare(text: string): number | undefined {
  const [, amount] = /^(\d{1,3}(?:\.\d{1,3})?) ?%$/.exec(text) ?? [];
  return amount === undefined || Number(amount) > 100 ? undefined : Number(amount) / 100;
}

/**
 * Reads the limits of a command line; a limit of a file counts if the command line has none.
 *
 * @param file path of a JSON file with `maxSize` and `maxWaste`
 * @param problems receives what is wrong
 */
export async function readBudget(given: BudgetText, file: string | undefined, problems: Problem[]): Promise<Budget> {
  const kept = file === undefined ? {} : await readBudgetFile(file, problems);
  const limit = (
    name: keyof BudgetText,
    parse: (text: string) => number | undefined,
    hint: string,
  ): number | undefined => {
    const text = given[name] ?? kept[name];
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value === undefined) {
      const source = given[name] === undefined ? `${file}, ${name}` : OPTIONS[name];
      problems.push(problemWith(source, text, 'is not a limit', hint));
    }
    return value;
  };
  const maxSize = limit('maxSize', parseSize, 'write a number and kB, MB or GB: 240MB');
  const maxWaste = limit('maxWaste', parseShare, 'write a number and a percent sign: 1%');
  return { ...(maxSize === undefined ? {} : { maxSize }), ...(maxWaste === undefined ? {} : { maxWaste }) };
}

async function readBudgetFile(file: string, problems: Problem[]): Promise<BudgetText> {
  const problem = (reason: string): BudgetText => {
    problems.push(problemWith('--budget', file, reason, 'write a JSON object: {"maxSize": "240MB", "maxWaste": "1%"}'));
    return {};
  };
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    return problem(error instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read');
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) return problem('is not a JSON object');
  const strange = Object.entries(content).find(
    ([name, value]) => !Object.hasOwn(OPTIONS, name) || typeof value !== 'string',
  );
  return strange === undefined ? content : problem(`has the entry ${JSON.stringify(strange[0])}, which is not a limit`);
}

/** Compares an image in the engine with its limits. @returns a result for each limit */
export async function checkBudget(
  engine: DockerCli,
  reference: string,
  { maxSize, maxWaste }: Budget,
): Promise<readonly ContractResult[]> {
  if (maxSize === undefined && maxWaste === undefined) return [];
  const started = performance.now();
  const { size, written, replaced } = await withSavedImage(
    engine,
    reference,
    undefined,
    async ({ source, manifest: { layers } }) => ({
      size: layers.reduce((sum, layer) => sum + layer.size, 0),
      // Unpacking takes seconds.
      ...(maxWaste === undefined
        ? { written: 0, replaced: 0 }
        : (await mergeLayers(source, layers, { texts: () => false, fingerprints: false })).bytes),
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  const waste = written === 0 ? 0 : replaced / written;
  return [
    ...(maxSize === undefined
      ? []
      : [
          {
            name: 'size',
            row: 'budget',
            checked: 'compressed bytes of all layers',
            ...passIf(size <= maxSize, `${bytes(size)} of ${bytes(maxSize)}`, `${bytes(maxSize)} at most`),
            seconds,
          },
        ]),
    ...(maxWaste === undefined
      ? []
      : [
          {
            name: 'waste',
            row: 'budget',
            checked: 'unpacked bytes that a later layer replaces or removes',
            ...passIf(
              waste <= maxWaste,
              `${bytes(replaced)}, ${percent(waste)} of ${percent(maxWaste)}`,
              `${percent(maxWaste)} at most`,
            ),
            seconds,
          },
        ]),
  ];
}

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`;
