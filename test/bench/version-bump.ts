// One gateway version, then the next: image:build, and FROM node with RUN npm install -g, on the same base and engine.
import '../support/isolation.ts';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prerelease, rcompare } from 'semver';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import { readNpmOptions } from '../../build/gateway/npm.ts';
import { planBuild } from '../../build/image/build-plan.ts';
import { resolveContexts } from '../../build/image/resolve-contexts.ts';
import { resolveInputs } from '../../build/image/resolve-inputs.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { isOwnEngine, startEngine, stopEngine } from '../support/engine.ts';
import { startRegistry } from '../support/registry.ts';
import { median, report, rounds, type Side, say } from './comparison.ts';
import { layersOf } from './pushed-layers.ts';

const ROUNDS = rounds ?? 1;
const { default: pacote } = await import('pacote');
const { versions } = await pacote.packument('openclaw', await readNpmOptions());
const [next = '', first = ''] = Object.keys(versions)
  .filter((version) => prerelease(version) === null)
  .sort(rcompare);

if (!isOwnEngine) throw new Error('This benchmark empties the build cache: unset OPENCLAW_TEST_ENGINE.');
const engine = await startEngine();
const environment = { ...engine.environment, CI: 'true' };
const run = $({ env: environment });
const docker = engine.docker;
const registry = await startRegistry();
const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));

/** A cache folder for packages and locks: the host has built the first version, and not the next one. */
const cache = join(folder, 'cache');
const { spec } = parseImageSpec({}, process.env);
const inputs = await resolveInputs(spec, [], say);
const listener = { onStep: say, onProgress: () => {} };
const resolved = await resolveContexts(spec, inputs, { cli: engine, builder: undefined, listener, signal: undefined });
const { base, contexts } = planBuild(spec, inputs, resolved);

const SIDES = ['ours', 'plain'] as const;
/** Keeps the first images: otherwise the engine deletes them while the other side is measured. */
const keepFirst = () =>
  Promise.all(
    SIDES.map(
      (name) => run`${docker} image tag ${`openclaw-image-bench:${name}`} ${`openclaw-image-bench:${name}-first`}`,
    ),
  );

async function removeImages(): Promise<void> {
  const ids = await run`${docker} image ls --quiet --filter=reference=openclaw-image-bench`.lines();
  if (ids.length > 0) await run`${docker} image rm --force ${[...new Set(ids)]}`;
}

async function emptyCaches(): Promise<void> {
  await removeImages();
  await run`${docker} builder prune --all --force`;
  await rm(cache, { recursive: true, force: true });
  await mkdir(join(cache, 'openclaw-image'), { recursive: true });
  for (const name of ['bases', 'engine', 'toolchain'])
    await symlink(cacheFolder(name), join(cache, 'openclaw-image', name));
}

/** Writes earlier files to the disk first, so that neither side waits for the other's. */
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  await $`sync`;
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
};

const script = join(import.meta.dirname, '../../scripts/run');
const withCache = $({ env: { ...environment, XDG_CACHE_HOME: cache } });
const ours = {
  build: (version: string) => withCache`${script} build --package openclaw@${version} --tag openclaw-image-bench:ours`,
  push: (version: string) =>
    withCache`${script} build --package openclaw@${version} --base ${base.kind} --push --tag ${registry.address}/ours:${version}`,
};

const plainDockerfile = join(folder, 'Dockerfile');
await writeFile(
  plainDockerfile,
  `FROM ${base.from} AS base
FROM base
ARG VERSION
RUN --mount=type=secret,id=ca if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca; fi; npm install -g openclaw@$VERSION
CMD ["openclaw", "gateway", "--allow-unconfigured"]
`,
);
const plainArguments = (version: string): readonly string[] => [
  '--builder=default',
  '--provenance=false',
  ...(contexts['base'] === undefined ? [] : ['--build-context', `base=${contexts['base']}`]),
  ...(spec.ca === undefined ? [] : ['--secret', `id=ca,src=${spec.ca}`]),
  `--build-arg=VERSION=${version}`,
  `--file=${plainDockerfile}`,
];
const plain = {
  build: (version: string) =>
    run`${docker} buildx build ${plainArguments(version)} --tag=openclaw-image-bench:plain --load ${folder}`,
  push: (version: string) =>
    run`${docker} buildx build ${plainArguments(version)} --tag=${registry.address}/plain:${version} --push ${folder}`,
};

async function bytesToPush(
  name: (typeof SIDES)[number],
  side: { readonly push: (version: string) => PromiseLike<unknown> },
): Promise<number> {
  const existing = await layersOf(registry.address, name, first);
  await side.push(next);
  const required = await layersOf(registry.address, name, next);
  return [...required].filter(([digest]) => !existing.has(digest)).reduce((sum, [, size]) => sum + size, 0);
}

const results: { readonly ours: Side; readonly other: Side }[] = [];
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    await emptyCaches();
    say(`round ${round + 1} of ${ROUNDS}: openclaw@${first}, both`);
    await ours.build(first);
    await plain.build(first);
    await ours.push(first);
    await plain.push(first);
    await keepFirst();
    say(`openclaw@${next}, ours`);
    const oursSeconds = await timed(() => ours.build(next));
    say(`${oursSeconds.toFixed(1)} s; openclaw@${next}, plain`);
    const plainSeconds = await timed(() => plain.build(next));
    say(`${plainSeconds.toFixed(1)} s`);
    results.push({
      ours: { seconds: oursSeconds, bytes: await bytesToPush('ours', ours) },
      other: { seconds: plainSeconds, bytes: await bytesToPush('plain', plain) },
    });
  }
} finally {
  await removeImages();
  await registry.stop();
  await stopEngine();
  await rm(folder, { recursive: true, force: true });
}
const side = (name: 'ours' | 'other'): Side => ({
  seconds: median(results.map((result) => result[name].seconds)),
  bytes: median(results.map((result) => result[name].bytes ?? 0)),
});
report({
  name: `openclaw ${first} → ${next} (${ROUNDS} round${ROUNDS === 1 ? '' : 's'})`,
  ours: side('ours'),
  other: side('other'),
  goal: 'at most half of the seconds and half of the bytes',
});
