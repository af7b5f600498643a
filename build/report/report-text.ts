import type { ImageDifference } from '../contents/compare-images.ts';
import { type ImageLine, imageTitles } from '../contents/image-line.ts';
import type { ImageSummary } from '../contents/image-summary.ts';
import { printable } from '../printable.ts';
import { type RegistryOverview, signatureText } from '../release/registry-overview.ts';
import { isDrift } from '../release/release-status.ts';
import { bytes } from '../units.ts';
import type { ReportContent } from './page/page.ts';
import { style } from './style.ts';
import { table } from './table.ts';

const MOST_LAYERS = 10;
const MOST_VERSIONS = 8;
const WIDEST_BAR = 40;
/** Columns for everything beside a bar. */
const BESIDE = 60;

/** The report for a terminal. @param columns of the terminal */
export function reportText(
  { images, difference, line, registries }: ReportContent,
  columns = process.stdout.columns ?? 100,
): string {
  const width = Math.max(8, Math.min(WIDEST_BAR, columns - BESIDE));
  const last = images.at(-1);
  const names = images.map(({ summary }) => printable(summary.name));
  return [
    ...(registries === undefined ? [] : [registriesText(registries)]),
    ...(line === undefined ? [] : [lineText(line, columns)]),
    ...(difference === undefined ? [] : [differenceText(difference, names, width)]),
    ...(last === undefined ? [] : [imageText(last.summary, width)]),
  ].join('\n\n');
}

/** A bar of a width for a share from 0 to 1. */
const bar = (share: number, width: number): string =>
  '█'.repeat(Math.max(share > 0 ? 1 : 0, Math.round(share * width)));

function imageText({ name, size, layers, packages, waste, largest }: ImageSummary, width: number): string {
  const rows = (parts: readonly { readonly name: string; readonly compressed: number }[]) => {
    const most = Math.max(1, ...parts.map(({ compressed }) => compressed));
    return parts.map((part) => [cut(part.name), bytes(part.compressed), bar(part.compressed / most, width)]);
  };
  const head = ['', { right: 'to pull' }, ''];
  const sorted = layers.toSorted((a, b) => b.compressed - a.compressed).slice(0, MOST_LAYERS);
  const percent = (waste.share * 100).toFixed(2);
  return [
    style('bold', printable(name)),
    `${bytes(size.compressed)} to pull, ${bytes(size.unpacked)} on disk; ${layers.length} layers, ${packages.length} packages; ${bytes(waste.bytes)} wasted (${percent}%)`,
    '',
    style('bold', 'largest parts'),
    table(head, rows(largest)),
    '',
    style('bold', 'largest layers'),
    table(head, rows(sorted)),
  ].join('\n');
}

const LONGEST_NAME = 40;
const cut = (text: string): string => (text.length > LONGEST_NAME ? `${text.slice(0, LONGEST_NAME - 1)}…` : text);

function differenceText(
  { bytesToPull, layers, size, debian, npm, files }: ImageDifference,
  names: readonly string[],
  width: number,
): string {
  const share = size.after === 0 ? 0 : bytesToPull / size.after;
  const full = bar(share, width);
  const versions = [...debian.changed, ...npm.changed].map(({ name, before, now }) => `  ${name} ${before} → ${now}`);
  const rest = versions.length - MOST_VERSIONS;
  return [
    style('bold', names.join(' → ')),
    `pulled ${bytes(bytesToPull)} of ${bytes(size.after)} (${layers.pulled.length} of ${layers.pulled.length + layers.shared.length} layers)`,
    `${style('yellow', full)}${style('dim', '░'.repeat(width - full.length))}`,
    ...Object.entries({ 'Debian packages': debian, 'npm packages': npm, files }).map(
      ([name, { added, changed, removed }]) =>
        `${name}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`,
    ),
    ...versions.slice(0, MOST_VERSIONS).map((text) => printable(text)),
    ...(rest > 0 ? [`  … and ${rest} more (--json lists them)`] : []),
  ].join('\n');
}

/** Columns of the numbers of a line of images. */
const NUMBERS = 34;

function lineText({ images, updates }: ImageLine, columns: number): string {
  const largest = Math.max(1, ...images.map(({ size }) => size));
  const titles = imageTitles(images);
  const longest = Math.min(LONGEST_NAME, Math.max(...titles.map(({ length }) => length)));
  const width = Math.max(4, Math.min(WIDEST_BAR, columns - NUMBERS - longest));
  return table(
    [...['image', { right: 'to pull' }, ''], ...['update', 'limit'].map((right) => ({ right }))],
    images.map(({ size }, index) => {
      const update = updates[index - 1];
      return [
        cut(titles[index] ?? ''),
        bytes(size),
        bar(size / largest, width),
        update === undefined ? '' : bytes(update.pulled),
        update === undefined ? '' : bytes(update.limit),
      ];
    }),
  );
}

function registriesText({ releases, channels }: RegistryOverview): string {
  const rows = releases.map(({ name, tags, signature, problem }) => {
    const drift = tags.filter(isDrift).length;
    const isWrong = problem !== undefined || drift > 0 || signature?.status === 'failed';
    const state = drift === 0 ? `${tags.length} tags as recorded` : `${drift} of ${tags.length} tags differ`;
    return [
      { color: isWrong ? 'red' : 'green', text: name } as const,
      // A release whose record does not count has no tags.
      tags.length === 0 ? (problem ?? '') : [state, ...(problem === undefined ? [] : [problem])].join('; '),
      tags.length === 0 ? '' : signatureText(signature),
    ];
  });
  const now = channels.map(({ channel, now: current, decision, problem }) => {
    const versions = current.map(({ version, digest }) => (digest === undefined ? 'missing' : version || 'unknown'));
    const why = decision === undefined ? '' : `chosen by ${decision.by}: ${decision.reason}`;
    return [channel, [...new Set(versions)].join(' / '), problem ?? why];
  });
  const columns = ['', '', ''];
  const repairs = releases.flatMap(({ repair }) => (repair === undefined ? [] : [`  ${repair}`]));
  return [
    table(columns, now).trimStart(),
    table(columns, rows).trimStart(),
    ...(repairs.length > 0 ? [['Repair them with:', ...repairs].join('\n')] : []),
  ].join('\n\n');
}
