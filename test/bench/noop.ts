// A build in which nothing changed: image:build, and docker buildx build of the same Dockerfile, in turn. --source measures a checkout.
import '../support/isolation.ts';
import { join, resolve } from 'node:path';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import { planBuild } from '../../build/image/build-plan.ts';
import { resolveContexts } from '../../build/image/resolve-contexts.ts';
import { resolveInputs } from '../../build/image/resolve-inputs.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { startEngine, stopEngine } from '../support/engine.ts';
import { median, report, rounds, say, values } from './comparison.ts';

const ROUNDS = rounds ?? 9;
const engine = await startEngine();
const given = values.source === undefined ? {} : { source: resolve(values.source) };
const { spec } = parseImageSpec(given, process.env);
const inputs = await resolveInputs(spec, [], say);
const listener = { onStep: say, onProgress: () => {} };
const buildContext = { cli: engine, builder: undefined, listener, signal: undefined };
const { key, contexts, context } = planBuild(spec, inputs, await resolveContexts(spec, inputs, buildContext));
const folder = cacheFolder('builds', key);
const run = $({ env: { ...engine.environment, CI: 'true' } });

const time = async (work: () => PromiseLike<unknown>): Promise<number> => {
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
};
const script = join(import.meta.dirname, '../../scripts/run');
const source = values.source === undefined ? [] : ['--source', values.source];
const ours = () => time(() => run`${script} build ${source}`);
const replaced = Object.entries(contexts).flatMap(([name, value]) => ['--build-context', `${name}=${value}`]);
const secrets = spec.ca === undefined ? [] : ['--secret', `id=ca,src=${spec.ca}`];
const bare = () =>
  time(
    () => run`${engine.docker} buildx build --builder=default --provenance=false ${replaced} ${secrets} \
      --tag=openclaw-image-bench:bare --output=type=image,compression=zstd,unpack=true \
      --file=${join(folder, 'Dockerfile')} ${context?.folder ?? join(folder, 'context')}`,
  );

say('building both once');
await ours();
await bare();
const times: { readonly ours: number; readonly bare: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const pair = { ours: await ours(), bare: await bare() };
  say(`round ${round + 1} of ${ROUNDS}: ${pair.ours.toFixed(2)} s, bare ${pair.bare.toFixed(2)} s`);
  times.push(pair);
}
await run`${engine.docker} image rm openclaw-image-bench:bare`.nothrow();
await stopEngine();
const more = median(times.map((pair) => pair.ours - pair.bare));
report({
  name: `nothing changed (median of ${ROUNDS}, ${more.toFixed(2)} s more)`,
  ours: { seconds: median(times.map((pair) => pair.ours)) },
  other: { seconds: median(times.map((pair) => pair.bare)) },
  goal: 'at most 0.5 s more than bare docker buildx build',
});
