import type { ContentsNode } from '../../contents/contents-tree.ts';
import type { ImageSummary, ReadImage } from '../../contents/image-summary.ts';
import { bytes } from '../../units.ts';
import { bar, cards, dataTable, folded, type Html, html, percent, size, sizeAndShare } from './html.ts';

/**
 * An image: numbers, a treemap, its largest parts, what it wastes, its layers and packages.
 *
 * @param pulled digests of the layers that the image before it does not have
 */
export function imageSection({ summary, tree }: ReadImage, pulled: ReadonlySet<string> | undefined): Html {
  return html`<section id="image" aria-labelledby="image-title">
    <h2 id="image-title">${summary.name}</h2>
    ${numbers(summary)} ${treemap(summary, tree, pulled)} ${largest(summary)} ${waste(summary)} ${layers(summary)}
    ${packages(summary)}
  </section>`;
}

function numbers({
  size: sizes,
  layers,
  packages,
  waste,
  version,
  created,
  platform,
  place,
  digest,
}: ImageSummary): Html {
  const all: readonly (readonly [string, Html, string])[] = [
    ['to pull', size(sizes.compressed), 'compressed layers'],
    ['on disk', size(sizes.unpacked), 'unpacked files'],
    ['layers', String(layers.length), `${layers.filter(({ files }) => files > 0).length} with files`],
    ['packages', String(packages.length), 'Debian, npm and others'],
    ['waste', size(waste.bytes), `${percent(waste.share)} of the unpacked bytes`],
  ];
  return html`<p class="about">
      ${version !== '' && `version ${version}, `}${platform}, from the ${place}${created !== '' && `, created ${created.slice(0, 10)}`}
      <br /><code>${digest}</code>
    </p>
    ${cards(all)}`;
}

/** The page's script draws the map from the JSON. Without it, the tables below have the same numbers. */
function treemap(
  { layers, size: sizes }: ImageSummary,
  tree: ContentsNode,
  pulled: ReadonlySet<string> | undefined,
): Html {
  const children = tree.children ?? [];
  const data = {
    ...tree,
    children: children.map((child, index) => ({
      ...child,
      ...(pulled === undefined ? {} : { pulled: pulled.has(layers[index]?.digest ?? '') }),
    })),
  };
  return html`<h3 id="map-title">What is inside</h3>
    <p id="map-help">
      Each area is as large as its bytes. Choose a part to look inside. Keys: arrows go from part to part, Enter opens,
      Escape goes back.${pulled !== undefined && ' Striped parts are in layers that the first image does not have.'}
    </p>
    <div class="needs-script">
    <div class="map-bar">
      <nav id="map-path" aria-label="place in the image"></nav>
      <fieldset>
        <legend class="for-readers">size of the areas</legend>
        <label><input type="radio" name="measure" value="compressed" checked /> to pull</label>
        <label><input type="radio" name="measure" value="unpacked" /> on disk</label>
      </fieldset>
    </div>
    <div id="map" role="group" aria-labelledby="map-title" aria-describedby="map-help"></div>
    <p id="map-part" aria-hidden="true">${bytes(sizes.compressed)} to pull, ${bytes(sizes.unpacked)} on disk</p>
    <p id="map-status" role="status" class="for-readers"></p>
    ${folded('The same as a table', html`<div id="map-table"></div>`)}
    </div>
    <noscript><p>The map needs scripts. The tables below have the same numbers.</p></noscript>
    <script
      type="application/json"
      id="contents"
      dangerouslySetInnerHTML=${{ __html: JSON.stringify(data).replaceAll('<', '\\u003c') }}
    ></script>`;
}

const largest = ({ largest: parts, size: sizes }: ImageSummary): Html =>
  html`<h3>The largest parts</h3>
    ${dataTable(
      'The largest parts',
      ['part', '', { right: 'to pull' }, { right: 'on disk' }, 'why it is there'],
      parts.map(({ name, compressed, unpacked, why, layer }) => [
        name,
        bar(compressed / Math.max(1, parts[0]?.compressed ?? 1)),
        sizeAndShare(compressed, sizes.compressed),
        size(unpacked),
        why.length === 0 ? `in the layer ${layer}` : `needed by ${why.join(' → ')}`,
      ]),
    )}`;

const waste = ({ waste: { bytes: sum, share, count, files }, layers }: ImageSummary): Html =>
  html`<h3>Wasted bytes</h3>
    <p>
      ${count === 0 ? 'No layer replaces or removes files of a lower one.' : html`${size(sum)} (${percent(share)}) in ${count} files that a later layer replaces or removes.`}
    </p>
    ${
      count > 0 &&
      folded(
        count > files.length ? `The ${files.length} largest of them` : 'All of them',
        dataTable(
          'Wasted bytes',
          ['file', { right: 'bytes' }, 'layer', 'replaced or removed by'],
          files.map(({ path, size: length, layer, by }) => [
            html`<code>/${path}</code>`,
            size(length),
            layers[layer]?.name,
            layers[by]?.name,
          ]),
        ),
      )
    }`;

const layers = ({ layers: all, size: sizes }: ImageSummary): Html => {
  const most = Math.max(1, ...all.map(({ compressed }) => compressed));
  return html`<h3>Layers</h3>
    ${folded(
      `${all.length} layers, the lowest first`,
      dataTable(
        'Layers',
        [{ right: '#' }, 'layer', '', { right: 'to pull' }, { right: 'on disk' }, { right: 'files' }],
        all.map(({ name, compressed, unpacked, files, digest }, index) => [
          String(index + 1),
          html`<span title=${digest}>${name}</span>`,
          bar(compressed / most),
          sizeAndShare(compressed, sizes.compressed),
          size(unpacked),
          String(files),
        ]),
      ),
    )}`;
};

const packages = ({ packages: all }: ImageSummary): Html =>
  html`<h3>Packages</h3>
    ${folded(
      `${all.length} packages, the largest first`,
      dataTable(
        'Packages',
        ['package', 'version', 'kind', { right: 'to pull' }, { right: 'on disk' }],
        all.map(({ name, version, kind, compressed, unpacked }) => [
          name,
          version,
          kind,
          size(compressed),
          size(unpacked),
        ]),
      ),
    )}`;
