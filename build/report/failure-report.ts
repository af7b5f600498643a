import { printable } from '../printable.ts';
import { InterruptedError, RequestError, WorkError } from '../problem.ts';
import { style } from './style.ts';

/** An error for people: what is wrong, why, and a hint. */
export function failureText(error: unknown, stream: NodeJS.WriteStream = process.stderr): string {
  const red = (text: string): string => style(['red', 'bold'], text, stream);
  const dim = (text: string): string => style('dim', text, stream);
  if (error instanceof RequestError) {
    const rows = error.problems.flatMap(({ source, value, reason, hint }) => [
      `  ${style('bold', source, stream)}: ${printable(value === '' ? reason : `"${value}" ${reason}`)}`,
      `    ${dim('Hint:')} ${printable(hint)}`,
    ]);
    const count = error.problems.length === 1 ? 'a problem' : `${error.problems.length} problems`;
    return [red(`Nothing was started: the request has ${count}.`), ...rows].join('\n');
  }
  if (error instanceof WorkError) {
    const { title, reason, hint, lines = [] } = error.failure;
    return [
      red(title),
      ...reason.split('\n').map((line) => `  ${printable(line)}`),
      `  ${dim('Hint:')} ${printable(hint)}`,
      ...lines.map((line) => `  ${dim('|')} ${printable(line)}`),
    ].join('\n');
  }
  if (error instanceof InterruptedError) return `Interrupted: ${error.message}.`;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  // A message may quote what somebody else wrote.
  return text.split('\n').map(printable).join('\n');
}

/** `wayOut` is the former name of `hint`. Remove it with version 0.3. */
const withFormerName = (explained: { readonly hint: string }): object => ({ ...explained, wayOut: explained.hint });

/** An error for `--json`. */
export function failureJson(error: unknown): object {
  if (error instanceof RequestError)
    return { error: { kind: 'request', problems: error.problems.map(withFormerName) } };
  if (error instanceof WorkError) return { error: withFormerName(error.failure) };
  if (error instanceof InterruptedError) return { error: { kind: 'interrupted', title: error.message } };
  return { error: { kind: 'unexpected', title: error instanceof Error ? error.message : String(error) } };
}

/** 0 done, 1 the work failed, 2 the request was not valid, 130 interrupted. */
export const exitCodeOf = (error: unknown): number =>
  error instanceof RequestError ? 2 : error instanceof InterruptedError ? 130 : 1;

/** A frame that is hard to miss in a terminal or a log. */
export function warningFrame(lines: readonly string[], stream: NodeJS.WriteStream = process.stderr): string {
  const width = Math.max(...lines.map((line) => line.length));
  const frame = ['!'.repeat(width + 4), ...lines.map((line) => `! ${line.padEnd(width)} !`), '!'.repeat(width + 4)];
  return frame.map((line) => style('yellow', line, stream)).join('\n');
}
