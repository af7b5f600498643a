import { installedPackages, namesPackages } from '../contents/installed-packages.ts';
import { mergeLayers } from '../contents/merged-layers.ts';
import { withSavedImage } from '../contents/open-image.ts';
import { type RequiredPackage, requirersOf } from '../contents/requirers.ts';
import { findEngine } from '../engine/engine.ts';
import { requireLocalImage } from '../engine/local-image.ts';
import { formatReference } from '../oci/reference.ts';
import { printable } from '../printable.ts';
import { type Problem, RequestError, WorkError } from '../problem.ts';
import { style } from '../report/style.ts';
import { BUILD_OPTIONS, type GivenOptions } from '../spec/option.ts';
import { referenceOr } from '../spec/parse-image-spec.ts';
import { closest } from '../spec/suggestion.ts';
import { bytes } from '../units.ts';
import { defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

export const whyCommand = defineCommand({
  name: 'why',
  description: 'show which packages of an image depend on a package, from npm or from Debian',
  options: { engine: BUILD_OPTIONS.engine, json: BUILD_OPTIONS.json },
  help: `
Examples:
  scripts/run why openclaw:local protobufjs
  scripts/run why openclaw:local libssl3`,
  run,
})
  .argument('<image>', 'image in the engine')
  .argument('<package>', 'its name, or name@version');

async function run(text: string, wanted: string, options: Pick<GivenOptions, 'engine' | 'json'>): Promise<void> {
  const problems: Problem[] = [];
  const parsed = referenceOr(text, '<image>', 'for example: scripts/run why openclaw:local protobufjs', problems);
  if (parsed === undefined) throw new RequestError(problems);
  const reference = formatReference(parsed);
  await runCommand({ json: options.json, consequence: 'nothing was changed' }, async (command) => {
    const engine = await findEngine(options.engine, command.onStep);
    await requireLocalImage(engine, reference);
    command.onStep(`reading ${reference}`);
    const { layers, found } = await withSavedImage(engine, reference, undefined, async ({ source, manifest }) => {
      const { layers: all } = manifest;
      const merged = await mergeLayers(source, all, { texts: namesPackages, fingerprints: false });
      const requirers = requirersOf(merged, wanted);
      if (requirers.length === 0)
        throw absent(
          reference,
          wanted,
          closest(
            wanted,
            installedPackages(merged).map(({ name }) => name),
          ),
        );
      return { layers: all, found: requirers };
    });
    const packages = found.map(({ layer, ...rest }) => ({
      ...rest,
      ...(layer === undefined ? {} : { layer: layers[layer]?.digest ?? '' }),
    }));
    return { text: () => found.map(report).join('\n\n'), json: () => ({ reference, packages }) };
  });
}

const absent = (reference: string, wanted: string, near: readonly string[]): WorkError =>
  new WorkError({
    kind: 'not-found',
    title: 'The image does not contain this package',
    reason: `${reference} has no package ${wanted}, neither from npm nor from Debian.`,
    hint: near.length > 0 ? `did you mean ${near.join(' or ')}?` : 'write its name as npm or apt does',
  });

function report({ kind, name, version, size, chains }: RequiredPackage): string {
  const head = `${printable(name)} ${printable(version)} (${kind === 'npm' ? 'npm' : 'Debian'}${size === undefined ? '' : `, ${bytes(size)}`})`;
  const lines = chains.map((chain) => `  ${chain.map(printable).join(' → ')}`);
  return [style('bold', head), ...(lines.length > 0 ? lines : ['  no other package asks for it'])].join('\n');
}
