import Table from 'cli-table3';
import { printable } from '../printable.ts';
import { style } from './style.ts';

const LINES =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid';
const NO_LINES = Object.fromEntries(LINES.split(' ').map((name) => [name, '']));

/** A heading. Columns of numbers are aligned to the right. */
export type Column = string | { readonly right: string };

/** A text, or its lines, or a colored text. Text from outside cannot add colors, lines or cells. */
export type Cell = string | readonly string[] | { readonly color: Color; readonly text: string };

type Color = 'dim' | 'green' | 'yellow' | 'red';

export const headOf = (column: Column): string => (typeof column === 'string' ? column : column.right);

const linesOf = (cell: Cell): readonly string[] =>
  typeof cell === 'string' ? [cell] : 'color' in cell ? [cell.text] : cell;

/** A table without lines, for a terminal or a log. */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const drawn = new Table({
    head: columns.map((column) => style('dim', headOf(column))),
    colAligns: columns.map((column) => (typeof column === 'string' ? 'left' : 'right')),
    chars: { ...NO_LINES, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  drawn.push(...rows.map((row) => row.map(cellText)));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

function cellText(cell: Cell): string {
  const text = linesOf(cell).map(printable).join('\n');
  return typeof cell === 'object' && 'color' in cell ? style(cell.color, text) : text;
}

/** The same table in Markdown, without colors, for the summary of a job or a comment. Text from outside cannot add images, links or cells. */
export function markdownTable(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const text = (cell: Cell): string =>
    linesOf(cell)
      .map((part) => printable(part).replace(/[\\*<[|]|:(?=\/\/)/g, '\\$&'))
      .join('<br>');
  return [columns.map(headOf), columns.map(() => '---'), ...rows.map((row) => row.map(text))].map(line).join('\n');
}
