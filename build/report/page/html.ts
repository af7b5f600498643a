import { html as template } from 'htm/preact';
import type { VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';
import { bytes } from '../../units.ts';
import { type Column, headOf } from '../table.ts';

/** A part of a page. */
export type Html = VNode | readonly Html[] | string | undefined;

/** HTML as a template. Values are escaped: they come from images and registries. */
export const html: (text: TemplateStringsArray, ...values: readonly unknown[]) => Html = template;

/** The text of a part. */
export const renderHtml = (part: Html): string => renderToString(template`${part}` as VNode);

/** A bar for a share from 0 to 1. The number is beside it, so screen readers skip the bar. */
export const bar = (share: number, kind = 'size'): Html =>
  html`<svg class=${`bar ${kind}`} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="rest" width="100" height="8" /><rect width=${Math.max(0, Math.min(1, share)) * 100} height="8" />
  </svg>`;

/** Bytes for people; the exact number appears on hovering. */
export const size = (count: number): Html =>
  html`<data value=${count} title=${`${count.toLocaleString('en')} bytes`}>${bytes(count)}</data>`;

/** `12.3%` */
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 2 : 1)}%`;

/** The same, with its share of a whole. */
export const sizeAndShare = (count: number, whole: number): Html =>
  html`${size(count)} <small>${percent(count / Math.max(1, whole))}</small>`;

/** Large numbers: a name, the number, and a note. */
export const cards = (all: readonly (readonly [name: string, value: Html, note: string])[]): Html =>
  html`<dl class="cards">
    ${all.map(([name, value, note]) => html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`)}
  </dl>`;

/** A table with a caption for screen readers. The first column of text names the row. */
export const dataTable = (caption: string, columns: readonly Column[], rows: readonly (readonly Html[])[]): Html => {
  const heading = columns.findIndex((column) => typeof column === 'string' && column !== '');
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
    <table>
      <caption class="for-readers">
        ${caption}
      </caption>
      <thead>
        <tr>
          ${columns.map((column) => {
            // A header without text would only disturb screen readers.
            if (column === '') return html`<td></td>`;
            return html`<th scope="col" class=${typeof column === 'object' && 'number'}>${headOf(column)}</th>`;
          })}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map((cell, index) =>
                index === heading
                  ? html`<th scope="row">${cell}</th>`
                  : html`<td class=${typeof columns[index] === 'object' && 'number'}>${cell}</td>`,
              )}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
};

/** A part that people can open. */
export const folded = (title: string, content: Html): Html =>
  html`<details><summary>${title}</summary>${content}</details>`;
