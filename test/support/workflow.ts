import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** The parts of a workflow that the tests read. Source: GitHub, "Workflow syntax". */
export interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, unknown>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly concurrency?: { readonly group: string; readonly 'cancel-in-progress': boolean | string };
  readonly env?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

export interface Job {
  readonly permissions?: Readonly<Record<string, string>>;
  readonly environment?: string;
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly 'timeout-minutes'?: number;
  readonly strategy?: { readonly matrix: { readonly include: readonly Readonly<Record<string, string>>[] } };
  readonly env?: Readonly<Record<string, string>>;
  readonly uses?: string;
  /** The inputs of a called workflow. */
  readonly with?: Readonly<Record<string, string>>;
  readonly steps?: readonly Step[];
}

export interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
}

const FOLDER = join(import.meta.dirname, '../../.github/workflows');

export const workflowText = (name: string): string => readFileSync(join(FOLDER, `${name}.yml`), 'utf8');
export const readWorkflow = (name: string): Workflow => parse(workflowText(name)) as Workflow;

/**
 * Replaces expressions in `${{ }}`.
 *
 * @param values by expression
 * @throws Error for an expression without a value
 */
export const evaluate = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replace(/\$\{\{\s*(.*?)\s*\}\}/g, (_, expression: string) => {
    const value = values[expression];
    if (value === undefined) throw new Error(`the test has no value for ${expression}`);
    return value;
  });
