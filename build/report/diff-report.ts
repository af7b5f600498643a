import { type Difference, type ImageDifference, sizeOf } from '../contents/compare-images.ts';
import { bytes } from '../units.ts';
import { style } from './style.ts';
import { markdownTable, table } from './table.ts';

/** Longer lists are cut; --json prints all entries. A comment on GitHub may have 65,536 characters. */
const MOST_ROWS = { terminal: 12, markdown: 100 };

/** For the terminal. */
export function diffReport(difference: ImageDifference): string {
  const summary = table(['', { right: 'layers' }, { right: 'compressed' }], layerRows(difference));
  const parts = sections(difference).map(({ title, rows }) => {
    const head = style('bold', title);
    if (rows.length === 0) return head;
    const drawn = table(['', '', 'first', 'second'], rows.slice(0, MOST_ROWS.terminal));
    const rest = rows.length - MOST_ROWS.terminal;
    return `${head}\n${drawn}${rest > 0 ? `\n… and ${rest} more (--json lists them)` : ''}`;
  });
  return [summary, `The second image is ${sizeChange(difference)}.`, ...parts].join('\n\n');
}

/**
 * For people who review a change: bytes to pull first, then packages and files in folded parts.
 *
 * @param names of the images, as they were given
 */
export function diffMarkdown(
  difference: ImageDifference,
  names: { readonly before: string; readonly after: string },
): string {
  const parts = sections(difference).map(({ title, rows }) => {
    if (rows.length === 0) return title;
    const drawn = markdownTable(['', 'name', 'first', 'second'], rows.slice(0, MOST_ROWS.markdown));
    const rest = rows.length - MOST_ROWS.markdown;
    return `<details><summary>${title}</summary>\n\n${drawn}${rest > 0 ? `\n\n… and ${rest} more` : ''}\n\n</details>`;
  });
  return [
    `### \`${names.before}\` → \`${names.after}\``,
    `A host that has the first image pulls **${bytes(difference.bytesToPull)}**. The second image is ${sizeChange(difference)}.`,
    markdownTable(['', 'layers', 'compressed'], layerRows(difference)),
    ...parts,
  ].join('\n\n');
}

const layerRows = ({ layers, bytesToPull }: ImageDifference): readonly (readonly string[])[] => [
  ['shared', String(layers.shared.length), bytes(sizeOf(layers.shared))],
  ['to pull', String(layers.pulled.length), bytes(bytesToPull)],
];

/** `1.2 MB larger (242.0 MB)` */
function sizeChange({ size: { before, after } }: ImageDifference): string {
  const change = after - before;
  if (change === 0) return `of the same size (${bytes(after)})`;
  return `${bytes(Math.abs(change))} ${change > 0 ? 'larger' : 'smaller'} (${bytes(after)})`;
}

interface Section {
  readonly title: string;
  /** Kind of the change, name, first, second. */
  readonly rows: readonly (readonly string[])[];
}

const sections = ({ debian, npm, files }: ImageDifference): readonly Section[] => [
  section('Debian packages', debian, (version) => version),
  section('npm packages', npm, (version) => version),
  section('files', files, ({ size }) => bytes(size)),
];

function section<T>(name: string, { added, changed, removed }: Difference<T>, show: (value: T) => string): Section {
  return {
    title: `${name}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`,
    rows: [
      ...changed.map(({ name: key, before, now }) => ['changed', key, show(before), show(now)]),
      ...added.map(({ name: key, now }) => ['added', key, '', show(now)]),
      ...removed.map(({ name: key, before }) => ['removed', key, show(before), '']),
    ],
  };
}
