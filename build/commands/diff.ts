import { Command } from 'commander';
import { compareImages, type Difference, type ImageDifference } from '../diff/compare-images.ts';
import { type ImageContents, readImageContents } from '../diff/image-contents.ts';
import { findEngine } from '../engine/engine.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { formatReference } from '../oci/reference.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import { progressMode, progressView } from '../report/build-progress.ts';
import { bytes, style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { addOptions } from './options.ts';

interface DiffOptions {
  readonly engine?: string;
  readonly json?: boolean;
}

export const diffCommand = (): Command =>
  addOptions(
    new Command('diff')
      .description('compare two images in the engine: layers, bytes to pull, packages, files')
      .argument('<first>', 'image that the host already has')
      .argument('<second>', 'image that the host would pull'),
    { engine: BUILD_OPTIONS.engine, json: BUILD_OPTIONS.json },
  )
    .addHelpText(
      'after',
      `
Examples:
  scripts/run diff openclaw:2026.9.5 openclaw:2026.9.6
  scripts/run diff openclaw:before openclaw:after --json`,
    )
    .action(run);

async function run(first: string, second: string, options: DiffOptions): Promise<void> {
  const references = checkedReferences([first, second]);
  const view = await progressView(progressMode(options.json === true));
  let images: readonly ImageContents[];
  try {
    const engine = await findEngine(options.engine, view.onStep);
    for (const reference of references) {
      if ((await inspectLocalImage(engine, reference)) !== undefined) continue;
      throw new WorkError({
        kind: 'not-found',
        title: 'The engine does not have this image',
        reason: `${reference} is not in the engine`,
        wayOut: `pull or build it: docker pull ${reference}`,
      });
    }
    view.onStep(`reading ${references.join(' and ')}`);
    images = await Promise.all(references.map((reference) => readImageContents(engine, reference)));
  } finally {
    view.close();
  }
  const [before, now] = images as readonly [ImageContents, ImageContents];
  const difference = compareImages(before, now);
  process.stdout.write(`${options.json === true ? JSON.stringify(difference, null, 2) : report(difference)}\n`);
}

function checkedReferences(texts: readonly string[]): readonly string[] {
  const problems: Problem[] = [];
  const wayOut = 'for example: scripts/run diff openclaw:before openclaw:after';
  const references = texts.map((text) => referenceOr(text, '<reference>', wayOut, problems));
  if (problems.length > 0) throw new RequestError(problems);
  return references.flatMap((reference) => (reference === undefined ? [] : [formatReference(reference)]));
}

/** Longer lists are cut in the terminal; --json prints all entries. */
const MOST_ROWS = 12;

function report({ layers, bytesToPull, files, debian, npm }: ImageDifference): string {
  const size = (all: readonly { readonly size: number }[]): string =>
    bytes(all.reduce((sum, one) => sum + one.size, 0));
  const summary = table(
    [{ head: '' }, { head: 'layers', align: 'right' }, { head: 'compressed', align: 'right' }],
    [
      ['shared', String(layers.shared.length), size(layers.shared)],
      ['to pull', String(layers.pulled.length), bytes(bytesToPull)],
    ],
  );
  return [
    summary,
    section('Debian packages', debian, (version) => version),
    section('npm packages', npm, (version) => version),
    section('files', files, (file) => bytes(file.size)),
  ].join('\n\n');
}

function section<T>(name: string, { added, changed, removed }: Difference<T>, show: (value: T) => string): string {
  const head = style('bold', `${name}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`);
  const rows = [
    ...changed.map(({ name: one, before, now }) => ['changed', one, show(before), show(now)]),
    ...added.map(({ name: one, now }) => ['added', one, '', show(now)]),
    ...removed.map(({ name: one, before }) => ['removed', one, show(before), '']),
  ];
  if (rows.length === 0) return head;
  const drawn = table([{ head: '' }, { head: '' }, { head: 'first' }, { head: 'second' }], rows.slice(0, MOST_ROWS));
  return `${head}\n${drawn}${rows.length > MOST_ROWS ? `\n… and ${rows.length - MOST_ROWS} more (--json lists them)` : ''}`;
}
