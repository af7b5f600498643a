import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { compareImages, type ImageDifference } from '../../contents/compare-images.ts';
import { type ImageLine, imageLine } from '../../contents/image-line.ts';
import type { ReadImage } from '../../contents/image-summary.ts';
import type { RegistryOverview } from '../../release/registry-overview.ts';
import { bytes } from '../../units.ts';
import { differenceSection } from './difference-section.ts';
import { type Html, html, renderHtml } from './html.ts';
import { imageSection } from './image-section.ts';
import { lineSection } from './line-section.ts';
import { registriesSection } from './registries-section.ts';

/** Everything that a report shows. */
export interface ReportContent {
  /** In order: a host has the first, and gets the others. */
  readonly images: readonly ReadImage[];
  /** Of two images. */
  readonly difference: ImageDifference | undefined;
  /** Of more images. */
  readonly line: ImageLine | undefined;
  readonly registries: RegistryOverview | undefined;
}

/** Compares the images of a report. Pure. */
export function reportContent(images: readonly ReadImage[], registries: RegistryOverview | undefined): ReportContent {
  const [first, second] = images;
  return {
    ...{ images, registries },
    difference:
      images.length === 2 && first !== undefined && second !== undefined
        ? compareImages(first.contents, second.contents)
        : undefined,
    line: images.length > 2 ? imageLine(images) : undefined,
  };
}

/**
 * A page that needs nothing else: no network, no inline handler, and a content policy that allows only its own scripts and styles.
 *
 * @returns HTML
 */
export async function reportPage({ images, difference, line, registries }: ReportContent): Promise<string> {
  const [style, layout, script] = await Promise.all([
    readFile(new URL('page.css', import.meta.url), 'utf8'),
    layoutLibrary(),
    readFile(new URL('treemap.mjs', import.meta.url), 'utf8'),
  ]);
  const [first, second] = images;
  const last = images.at(-1);
  const pulled = difference && new Set(difference.layers.pulled.map(({ digest }) => digest));
  const sections: readonly (readonly [id: string, title: string, content: Html])[] = [
    ...(registries === undefined ? [] : [['registries', 'Registries', registriesSection(registries)] as const]),
    ...(line === undefined ? [] : [['line', 'Releases', lineSection(line)] as const]),
    ...(difference === undefined || first === undefined || second === undefined
      ? []
      : [['difference', 'Update', differenceSection(difference, first.summary, second.summary)] as const]),
    ...(last === undefined ? [] : [['image', last.summary.name, imageSection(last, pulled)] as const]),
  ];
  // The map writes bytes as the tables do.
  const scripts = last === undefined ? [] : [layout, `globalThis.bytes = ${bytes};\n${script}`];
  const title = last === undefined ? 'Registries' : images.map(({ summary }) => summary.name).join(', ');
  const policy = [
    "default-src 'none'",
    'img-src data:',
    `style-src '${hashOf(style)}'`,
    `script-src ${scripts.length === 0 ? "'none'" : scripts.map((text) => `'${hashOf(text)}'`).join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const head = html`<head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content=${policy} />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${`${title}: image report`}</title>
    <link rel="icon" href="data:," />
    <style dangerouslySetInnerHTML=${{ __html: style }}></style>
  </head>`;
  const body = html`<body>
    <header>
      <h1>Image report</h1>
      ${
        sections.length > 1 &&
        html`<nav aria-label="sections">${sections.map(([id, text]) => html`<a href=${`#${id}`}>${text}</a>`)}</nav>`
      }
    </header>
    <main>${sections.map(([, , content]) => content)}</main>
    ${scripts.map((text) => html`<script dangerouslySetInnerHTML=${{ __html: text }}></script>`)}
  </body>`;
  return `<!doctype html>\n${renderHtml(html`<html lang="en">${head}${body}</html>`)}\n`;
}

/** Source: CSP level 3, "hash-source" */
const hashOf = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;

/** d3-hierarchy for browsers, with its license, which must stay with it. */
async function layoutLibrary(): Promise<string> {
  const folder = new URL('../', import.meta.resolve('d3-hierarchy'));
  const [code, license] = await Promise.all(
    ['dist/d3-hierarchy.min.js', 'LICENSE'].map((file) => readFile(new URL(file, folder), 'utf8')),
  );
  return `/*\n${license}*/\n${code}`;
}
