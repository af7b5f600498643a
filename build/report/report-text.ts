import { compareImages } from '../contents/compare-images.ts';
import { imageLine } from '../contents/image-line.ts';
import type { ImageSummary } from '../contents/image-summary.ts';
import type { RegistryOverview } from '../release/registry-overview.ts';
import { isDrift } from '../release/release-status.ts';
import { bytes } from '../units.ts';
import type { ReportContent } from './page/page.ts';
import { style } from './style.ts';
import { table } from './table.ts';

const MOST_LAYERS = 10;
const WIDEST_BAR = 40;
/** Columns for everything beside a bar. */
const BESIDE = 60;

/** The report for a terminal. @param columns of the terminal */
export function reportText({ images, registries }: ReportContent, columns = process.stdout.columns ?? 100): string {
  const width = Math.max(8, Math.min(WIDEST_BAR, columns - BESIDE));
  const [first, second] = images;
  const last = images.at(-1);
  return [
    ...(registries === undefined ? [] : [registriesText(registries)]),
    ...(images.length > 2 ? [lineText(images, width)] : []),
    ...(images.length === 2 && first !== undefined && second !== undefined
      ? [differenceText([first, second], width)]
      : []),
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
  const head = [{ head: '' }, { head: 'to pull', align: 'right' as const }, { head: '' }];
  const sorted = layers.toSorted((a, b) => b.compressed - a.compressed).slice(0, MOST_LAYERS);
  const percent = (waste.share * 100).toFixed(2);
  return [
    style('bold', name),
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
  [first, second]: readonly [ReportContent['images'][number], ReportContent['images'][number]],
  width: number,
): string {
  const { bytesToPull, layers, size, debian, npm, files } = compareImages(first.contents, second.contents);
  const share = size.after === 0 ? 0 : bytesToPull / size.after;
  const counts = Object.entries({ 'Debian packages': debian, 'npm packages': npm, files }).map(
    ([name, { added, changed, removed }]) =>
      `${name}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`,
  );
  return [
    style('bold', `${first.summary.name} → ${second.summary.name}`),
    `pulled ${bytes(bytesToPull)} of ${bytes(size.after)} (${layers.pulled.length} of ${layers.pulled.length + layers.shared.length} layers)`,
    `${style('yellow', bar(share, width))}${style('dim', '░'.repeat(width - bar(share, width).length))}`,
    ...counts,
  ].join('\n');
}

function lineText(images: ReportContent['images'], width: number): string {
  const { images: all, updates } = imageLine(images);
  const largest = Math.max(1, ...all.map(({ size }) => size));
  return table(
    [
      ...[{ head: 'image' }, { head: 'to pull', align: 'right' as const }, { head: '' }],
      ...[
        { head: 'update', align: 'right' as const },
        { head: 'limit', align: 'right' as const },
      ],
    ],
    all.map(({ name, version, size }, index) => {
      const update = updates[index - 1];
      return [
        cut(version === '' ? name : version),
        bytes(size),
        bar(size / largest, width),
        update === undefined ? '' : bytes(update.pulled),
        update === undefined ? '' : bytes(update.limit),
      ];
    }),
  );
}

function registriesText({ releases, channels }: RegistryOverview): string {
  const rows = releases.map(({ name, tags, signedBy, problem, repair }) => {
    const drift = tags.filter(isDrift).length;
    const state =
      problem ?? (drift === 0 ? `${tags.length} tags as recorded` : `${drift} of ${tags.length} tags differ`);
    return [
      style(problem !== undefined || drift > 0 ? 'red' : 'green', name),
      state,
      problem !== undefined ? '' : signedBy === undefined ? 'not signed' : `signed by ${signedBy}`,
      repair ?? '',
    ];
  });
  const now = channels.map(({ channel, now: current, decision }) => [
    channel,
    [...new Set(current.map(({ version, digest }) => (digest === undefined ? 'missing' : version || 'unknown')))].join(
      ' / ',
    ),
    decision === undefined ? '' : `chosen by ${decision.by}: ${decision.reason}`,
  ]);
  const plain = (count: number) => Array.from({ length: count }, () => ({ head: '' }));
  return [table(plain(3), now).trimStart(), table(plain(4), rows).trimStart()].join('\n\n');
}
