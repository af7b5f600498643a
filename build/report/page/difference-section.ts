import { type Difference, type ImageDifference, sizeOf } from '../../contents/compare-images.ts';
import type { ImageSummary } from '../../contents/image-summary.ts';
import { bytes } from '../../units.ts';
import { bar, cards, dataTable, folded, type Html, html, percent, size } from './html.ts';

/** More rows would make the page slow; --json has all. */
const MOST_ROWS = 2000;

/** The update of a host from the first image to the second. */
export function differenceSection(difference: ImageDifference, first: ImageSummary, second: ImageSummary): Html {
  const { layers, bytesToPull, size: total } = difference;
  const names = new Map(second.layers.map(({ digest, name }) => [digest, name]));
  const replaced = first.layers.filter(({ digest }) => !names.has(digest));
  const change = total.after - total.before;
  const rows = [
    ...layers.pulled.map((layer) => ['pulled', layer] as const),
    ...layers.shared.map((layer) => ['kept', layer] as const),
  ];
  return html`<section id="difference" aria-labelledby="difference-title">
    <h2 id="difference-title">${first.name} → ${second.name}</h2>
    <p class="large">
      A host that has the first image pulls ${size(bytesToPull)} of ${size(total.after)}${' '}
      (${percent(bytesToPull / Math.max(1, total.after))}).
    </p>
    ${bar(bytesToPull / Math.max(1, total.after), 'pulled')}
    ${cards([
      ['kept', `${layers.shared.length} layers`, bytes(sizeOf(layers.shared))],
      ['pulled', `${layers.pulled.length} layers`, bytes(bytesToPull)],
      [
        'no longer used',
        `${replaced.length} layers`,
        bytes(replaced.reduce((sum, layer) => sum + layer.compressed, 0)),
      ],
      [
        'size',
        bytes(total.after),
        change === 0 ? 'as before' : `${bytes(Math.abs(change))} ${change > 0 ? 'more' : 'less'}`,
      ],
    ])}
    ${folded(
      'Layers of the second image',
      dataTable(
        'Layers of the second image',
        ['', 'layer', { right: 'to pull' }],
        rows.map(([kind, layer]) => [state(kind), names.get(layer.digest) ?? layer.digest, size(layer.size)]),
      ),
    )}
    ${changes('Debian packages', difference.debian, (version) => version)}
    ${changes('npm packages', difference.npm, (version) => version)}
    ${changes('Files', difference.files, (file) => size(file.size))}
  </section>`;
}

function changes<T>(name: string, { added, changed, removed }: Difference<T>, show: (value: T) => Html): Html {
  const rows: readonly (readonly Html[])[] = [
    ...changed.map(({ name: key, before, now }) => [state('changed'), key, show(before), show(now)]),
    ...added.map(({ name: key, now }) => [state('added'), key, '', show(now)]),
    ...removed.map(({ name: key, before }) => [state('removed'), key, show(before), '']),
  ];
  const title = `${name}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`;
  if (rows.length === 0) return html`<p>${title}</p>`;
  const rest = rows.length - MOST_ROWS;
  return folded(
    title,
    html`${dataTable(name, ['', 'name', 'first', 'second'], rows.slice(0, MOST_ROWS))}
    ${rest > 0 && html`<p>… and ${rest} more: --json lists them.</p>`}`,
  );
}

const state = (text: string): Html => html`<span class=${`state ${text}`}>${text}</span>`;
