import type { Checkout } from '../gateway/gateway.ts';
import type { GatewayBuildPlan } from '../image/build-plan.ts';
import type { BuiltImage } from '../image/built-image.ts';
import { bytes, seconds } from '../units.ts';
import { style } from './style.ts';
import { table } from './table.ts';

/** The result of a build, for people. @param next commands to run now */
export function buildReport(image: BuiltImage, plan: GatewayBuildPlan, next: readonly string[]): string {
  const { base, gateway } = plan;
  const summary = table(
    [{ head: '' }, { head: '' }],
    [
      ['image', image.names.join('\n')],
      ['digest', image.digest ?? 'none (this output has no index)'],
      ...(image.size === undefined ? [] : [['size', `${bytes(image.size)} compressed`]]),
      ['gateway', `${gateway.version} (${gateway.origin})`],
      ...(gateway.kind === 'checkout' ? [['revision', revisionOf(gateway)]] : []),
      ['base', `${base.name}, Node ${base.nodeVersion} (${base.kind})`],
    ],
  );
  const layers = table(
    [{ head: 'layer' }, { head: 'size', align: 'right' }, { head: '' }, { head: 'contents' }],
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
          [{ head: 'stage' }, { head: 'time', align: 'right' }],
          executed.map(({ stage, seconds: time }) => [stage, seconds(time)]),
        );
  return [
    style(
      'bold',
      image.stages.length === 0 ? 'Nothing changed since the last build' : `Built in ${seconds(image.seconds)}`,
    ),
    summary.trimStart(),
    '',
    layers,
    '',
    stages,
    ...(image.uncached.length === 0 ? [] : ['', uncachedText(image.uncached)]),
    '',
    style('bold', 'Next'),
    ...next.map((command) => `  ${command}`),
  ].join('\n');
}

/** Explains stages that ran without a reason of their own. @param stages their names */
export const uncachedText = (stages: readonly string[]): string =>
  `${stages.join(', ')}: nothing that ${stages.length === 1 ? 'this stage reads' : 'these stages read'} had changed, but this engine does not have the cache: it deleted it, or another engine made the last build. ` +
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
    uncached: image.uncached,
    seconds: image.seconds,
  };
}
