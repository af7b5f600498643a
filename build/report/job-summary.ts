import { appendFile } from 'node:fs/promises';
import { printable } from '../printable.ts';

/**
 * Appends to the job summary of a GitHub workflow, if there is one.
 *
 * Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
 */
export async function writeJobSummary(markdown: string): Promise<void> {
  const file = process.env['GITHUB_STEP_SUMMARY'];
  if (file !== undefined && file !== '') await appendFile(file, `${markdown}\n`);
}

/** A Markdown table. Bars and line breaks inside a cell are escaped. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => printable(text).replaceAll('|', '\\|');
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
