import { compareImages } from '../contents/compare-images.ts';
import { readImageContents } from '../contents/image-contents.ts';
import { findEngine } from '../engine/engine.ts';
import { requireLocalImage } from '../engine/local-image.ts';
import { formatReference } from '../oci/reference.ts';
import { type Problem, problemWith, RequestError } from '../problem.ts';
import { diffMarkdown, diffReport } from '../report/diff-report.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

const DIFF_OPTIONS = {
  engine: BUILD_OPTIONS.engine,
  json: BUILD_OPTIONS.json,
  markdown: { flags: '--markdown', description: 'print Markdown, for a job summary or a pull request' },
} as const;

export const diffCommand = defineCommand({
  name: 'diff',
  description: 'compare two images in the engine: layers, bytes to pull, packages, files',
  options: DIFF_OPTIONS,
  help: `
Examples:
  scripts/run diff openclaw:2026.9.5 openclaw:2026.9.6
  scripts/run diff openclaw:before openclaw:after --json
  scripts/run diff openclaw:before openclaw:after --markdown >>"$GITHUB_STEP_SUMMARY"`,
  run,
})
  .argument('<first>', 'image that the host already has')
  .argument('<second>', 'image that the host would pull');

async function run(first: string, second: string, options: OptionValues<typeof DIFF_OPTIONS>): Promise<void> {
  const references = checkedReferences([first, second], options);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const engine = await findEngine(options.engine, command.onStep);
    for (const reference of references) await requireLocalImage(engine, reference);
    command.onStep(`reading ${references.join(' and ')}`);
    const [before, after] = await Promise.all(references.map((reference) => readImageContents(engine, reference)));
    if (before === undefined || after === undefined) throw new Error('two images are needed');
    const difference = compareImages(before, after);
    const names = { before: first, after: second };
    return {
      text: () => (options.markdown === true ? diffMarkdown(difference, names) : diffReport(difference)),
      json: () => difference,
    };
  });
}

function checkedReferences(
  texts: readonly string[],
  { json, markdown }: OptionValues<typeof DIFF_OPTIONS>,
): readonly string[] {
  const problems: Problem[] = [];
  if (json === true && markdown === true) {
    problems.push(problemWith('--markdown', 'true', 'cannot be combined with --json', 'choose one of them'));
  }
  const hint = 'for example: scripts/run diff openclaw:before openclaw:after';
  const references = texts.map((text) => referenceOr(text, '<reference>', hint, problems));
  if (problems.length > 0) throw new RequestError(problems);
  return references.flatMap((reference) => (reference === undefined ? [] : [formatReference(reference)]));
}
