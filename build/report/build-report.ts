import type { Checkout } from '../gateway/gateway.ts';
import type { GatewayBuildPlan } from '../image/build-plan.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { bytes, seconds } from '../units.ts';
import { style } from './style.ts';
import { table } from './table.ts';

/**
 * The result of a build, for people: five lines that matter.
 *
 * @param next commands to run now
 * @param verbose whether to print all layers and stages too
 */
export function buildReport(
  image: BuiltImage,
  plan: GatewayBuildPlan,
  next: readonly string[],
  verbose: boolean,
): string {
  const title =
    image.stages.length === 0 ? 'Nothing changed since the last build' : `Built in ${seconds(image.seconds)}`;
  const lines = [
    ['image', image.names],
    ['digest', image.digest ?? 'none (this output has no index)'],
    ...(image.size === undefined ? [] : [['size', sizeText(image.size, image.formerSize)]]),
    ['rebuilt', rebuiltText(image)],
    // A row for each, so that they can be copied.
    ...next.map((command, index) => [index === 0 ? 'next' : '', command]),
  ].filter(([, text]) => text?.length);
  return [
    style('bold', title),
    table(['', ''], lines).trimStart(),
    ...(image.uncached.length === 0 ? [] : ['', uncachedText(image.uncached)]),
    ...(verbose ? ['', details(image, plan)] : []),
  ].join('\n');
}

/** `242 MB compressed, 1.2 MB larger than the last build` */
function sizeText(size: number, former: number | undefined): string {
  const text = `${bytes(size)} compressed`;
  if (former === undefined) return text;
  const change = size - former;
  if (change === 0) return `${text}, as the last build`;
  return `${text}, ${bytes(Math.abs(change))} ${change > 0 ? 'larger' : 'smaller'} than the last build`;
}

const MOST_REBUILT = 4;

/** `server (src/index.ts changed), build-info (…); 36 of 40 layers were cached`; of a first build, which has no reasons, `39 of 40 layers` */
function rebuiltText({ stages, rebuilt, layers }: BuiltImage): string {
  if (stages.every(({ cached }) => cached)) return 'nothing';
  const cached = layers.filter((layer) => layer.cached).length;
  if (rebuilt.length === 0) return `${layers.length - cached} of ${layers.length} layers`;
  const shown = rebuilt.slice(0, MOST_REBUILT).map(({ stage, reason }) => `${stage} (${reason})`);
  const rest = rebuilt.length - shown.length;
  return `${[...shown, ...(rest > 0 ? [`${rest} more`] : [])].join(', ')}; ${cached} of ${layers.length} layers were cached`;
}

/** Gateway and base, all layers, and the time of each stage that ran. */
function details(image: BuiltImage, { base, gateway }: GatewayBuildPlan): string {
  const inputs = table(
    ['', ''],
    [
      ['gateway', `${gateway.version} (${gateway.origin})`],
      ...(gateway.kind === 'checkout' ? [['revision', revisionOf(gateway)]] : []),
      ['base', `${base.name}, Node ${base.nodeVersion} (${base.kind})`],
    ],
  );
  const layers = table(
    ['layer', { right: 'size' }, '', 'contents'],
    image.layers.map(({ name, size, cached, holds }) => [
      name,
      size === undefined ? '' : bytes(size),
      cached ? 'cached' : 'new',
      holds,
    ]),
  );
  const executed = image.stages.filter(({ cached }) => !cached);
  const stages =
    executed.length === 0
      ? 'every stage was cached'
      : table(
          ['stage', { right: 'time' }],
          executed.map(({ stage, seconds: time }) => [stage, seconds(time)]),
        );
  return [inputs.trimStart(), '', layers, '', stages].join('\n');
}

/** Explains stages that ran without a reason of their own. @param stages their names */
export const uncachedText = (stages: readonly string[]): string =>
  `${stages.join(', ')}: ran although nothing that ${stages.length === 1 ? 'it reads' : 'they read'} had changed, because this engine does not have the cache: it deleted it, or another engine made the last build. ` +
  'To give the cache more room: https://docs.docker.com/build/cache/garbage-collection';

/** The commit, and whether the sources differ from it. */
export const revisionOf = ({ revision, dirty }: Pick<Checkout, 'revision' | 'dirty'>): string =>
  `${revision}${dirty ? ', with uncommitted changes' : ''}`;

/** The result of a build, for `--json`: sizes in bytes, times in seconds. */
export function buildJson(image: BuiltImage, { base, gateway, plugins }: GatewayBuildPlan): object {
  return {
    names: image.names,
    digest: image.digest,
    size: image.size,
    formerSize: image.formerSize,
    gateway: {
      version: gateway.version,
      origin: gateway.origin,
      ...(gateway.kind === 'checkout'
        ? { revision: gateway.revision, dirty: gateway.dirty }
        : { integrity: gateway.integrity }),
    },
    plugins,
    base: { kind: base.kind, name: base.name, digest: base.digest, node: base.nodeVersion },
    warnings: base.warning,
    annotations: image.annotations,
    layers: image.layers,
    stages: image.stages,
    rebuilt: image.rebuilt,
    uncached: image.uncached,
    seconds: image.seconds,
  };
}
