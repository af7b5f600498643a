import { Command } from 'commander';
import { compareImages, type Difference, type ImageDifference } from '../contents/compare-images.ts';
import { readImageContents } from '../contents/image-contents.ts';
import { findEngine } from '../engine/engine.ts';
import { requireLocalImage } from '../engine/local-image.ts';
import { formatReference } from '../oci/reference.ts';
import { type Problem, RequestError } from '../problem.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS, type GivenOptions } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { bytes } from '../units.ts';
import { addOptions } from './options.ts';
import { runCommand } from './run-command.ts';

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

async function run(first: string, second: string, options: Pick<GivenOptions, 'engine' | 'json'>): Promise<void> {
  const references = checkedReferences([first, second]);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const engine = await findEngine(options.engine, command.onStep);
    for (const reference of references) await requireLocalImage(engine, reference);
    command.onStep(`reading ${references.join(' and ')}`);
    const [before, after] = await Promise.all(references.map((reference) => readImageContents(engine, reference)));
    if (before === undefined || after === undefined) throw new Error('two images are needed');
    const difference = compareImages(before, after);
    return { text: () => report(difference), json: () => difference };
  });
}

function checkedReferences(texts: readonly string[]): readonly string[] {
  const problems: Problem[] = [];
  const hint = 'for example: scripts/run diff openclaw:before openclaw:after';
  const references = texts.map((text) => referenceOr(text, '<reference>', hint, problems));
  if (problems.length > 0) throw new RequestError(problems);
  return references.flatMap((reference) => (reference === undefined ? [] : [formatReference(reference)]));
}

/** Longer lists are cut in the terminal; --json prints all entries. */
const MOST_ROWS = 12;

function report({ layers, bytesToPull, files, debian, npm }: ImageDifference): string {
  const size = (all: readonly { readonly size: number }[]): string =>
    bytes(all.reduce((sum, layer) => sum + layer.size, 0));
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
    ...changed.map(({ name: key, before, now }) => ['changed', key, show(before), show(now)]),
    ...added.map(({ name: key, now }) => ['added', key, '', show(now)]),
    ...removed.map(({ name: key, before }) => ['removed', key, show(before), '']),
  ];
  if (rows.length === 0) return head;
  const drawn = table([{ head: '' }, { head: '' }, { head: 'first' }, { head: 'second' }], rows.slice(0, MOST_ROWS));
  return `${head}\n${drawn}${rows.length > MOST_ROWS ? `\n… and ${rows.length - MOST_ROWS} more (--json lists them)` : ''}`;
}
