import { type ImageLine, imageTitles } from '../../contents/image-line.ts';
import { bar, dataTable, folded, type Html, html, size } from './html.ts';

/** Images in a line: their sizes, the updates between them, and the layers that they share. */
export function lineSection({ images, layers, updates }: ImageLine): Html {
  const largest = Math.max(1, ...images.map((image) => image.size));
  const most = Math.max(1, ...updates.map(({ pulled, limit }) => Math.max(pulled, limit)));
  const titles = imageTitles(images);
  const title = (index: number): string => titles[index] ?? '';
  return html`<section id="line" aria-labelledby="line-title">
    <h2 id="line-title">${images.length} images, from ${title(0)} to ${title(images.length - 1)}</h2>
    <h3>Size over time</h3>
    ${dataTable(
      'Size over time',
      ['image', 'created', '', { right: 'to pull' }],
      images.map((image, index) => [
        html`<span title=${image.name}>${title(index)}</span>`,
        image.created.slice(0, 10),
        bar(image.size / largest),
        size(image.size),
      ]),
    )}
    <h3>Bytes of each update</h3>
    <p>The limit is about what the changed files need: another division into layers would not pull much less.</p>
    ${dataTable(
      'Bytes of each update',
      ['update', '', { right: 'pulled' }, { right: 'limit' }, { right: 'ratio' }],
      updates.map(({ pulled, limit }, index) => [
        `${title(index)} → ${title(index + 1)}`,
        [bar(pulled / most, 'pulled'), bar(limit / most, 'limit')],
        size(pulled),
        size(limit),
        limit === 0 ? '' : (pulled / limit).toFixed(2),
      ]),
    )}
    <h3>Layers that they share</h3>
    ${folded(`${layers.length} layers of ${images.length} images`, heatMap({ images, layers, updates }, title))}
  </section>`;
}

/** A row for each layer, a column for each image. Words say what the colours say. */
const heatMap = ({ images, layers }: ImageLine, title: (index: number) => string): Html =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="layers of each image">
    <table class="heat">
      <caption class="for-readers">
        Layers of each image
      </caption>
      <thead>
        <tr>
          <th scope="col">layer</th>
          <th scope="col" class="number">to pull</th>
          ${images.map((_, index) => html`<th scope="col">${title(index)}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${layers.map(
          (layer) =>
            html`<tr>
              <th scope="row" title=${layer.digest}>${layer.name}</th>
              <td class="number">${size(layer.size)}</td>
              ${layer.in.map((has, index) => {
                const state = !has ? 'absent' : index > 0 && layer.in[index - 1] === true ? 'kept' : 'new';
                return html`<td class=${state}>${state === 'absent' ? '' : state}</td>`;
              })}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
