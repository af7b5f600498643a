// A build in which nothing changed: image:build against bare `docker buildx build` of the same Dockerfile, in turn.
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../../build/cache-folder.ts';
import { findEngine } from '../../build/engine/engine.ts';
import { gatherIngredients } from '../../build/image/gather-ingredients.ts';
import { prepare } from '../../build/image/prepare.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { median, report, rounds, say } from './comparison.ts';

const ROUNDS = rounds ?? 9;
const engine = await findEngine(undefined, say);
const { spec } = parseImageSpec({}, process.env);
const ingredients = await gatherIngredients(spec, [], say);
const silent = { onStep: say, onProgress: () => {} };
const { key, contexts } = await prepare(spec, ingredients, engine, undefined, silent, undefined);
const folder = cacheFolder('builds', key);

const time = async (command: string, args: readonly string[]): Promise<number> => {
  const before = performance.now();
  await execa(command, args, { env: { ...engine.environment, CI: 'true' }, extendEnv: false });
  return (performance.now() - before) / 1000;
};
const ours = () => time(join(import.meta.dirname, '../../scripts/run'), ['build']);
const bare = () =>
  time(engine.docker, [
    'buildx',
    'build',
    '--builder=default',
    '--provenance=false',
    ...Object.entries(contexts).flatMap(([name, value]) => ['--build-context', `${name}=${value}`]),
    ...(spec.ca === undefined ? [] : ['--secret', `id=ca,src=${spec.ca}`]),
    '--tag=openclaw-image-bench:bare',
    '--output=type=image,compression=zstd,unpack=true',
    `--file=${join(folder, 'Dockerfile')}`,
    join(folder, 'context'),
  ]);

say('building both once');
await ours();
await bare();
const times: { readonly ours: number; readonly bare: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const pair = { ours: await ours(), bare: await bare() };
  say(`round ${round + 1} of ${ROUNDS}: ${pair.ours.toFixed(2)} s, bare ${pair.bare.toFixed(2)} s`);
  times.push(pair);
}
await execa(engine.docker, ['image', 'rm', 'openclaw-image-bench:bare'], {
  env: engine.environment,
  extendEnv: false,
  reject: false,
});
const more = median(times.map((pair) => pair.ours - pair.bare));
report({
  name: `nothing changed (median of ${ROUNDS}, ${more.toFixed(2)} s more)`,
  ours: { seconds: median(times.map((pair) => pair.ours)) },
  other: { seconds: median(times.map((pair) => pair.bare)) },
  goal: 'at most 0.5 s more than bare docker buildx build',
});
