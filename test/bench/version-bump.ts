// One gateway version, then the next: image:build against a plain FROM node + RUN npm install -g, on one base and engine.
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { prerelease, rcompare } from 'semver';
import { cacheFolder } from '../../build/cache-folder.ts';
import { findEngine } from '../../build/engine/engine.ts';
import { npmOptions } from '../../build/gateway/npm.ts';
import { gatherIngredients } from '../../build/image/gather-ingredients.ts';
import { prepare } from '../../build/image/prepare.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { startRegistry } from '../registry.ts';
import { median, report, rounds, type Side, say } from './comparison.ts';
import { layersOf } from './pushed-layers.ts';

const ROUNDS = rounds ?? 1;
const { default: pacote } = await import('pacote');
const { versions } = await pacote.packument('openclaw', await npmOptions());
const [next = '', first = ''] = Object.keys(versions)
  .filter((version) => prerelease(version) === null)
  .sort(rcompare);

const engine = await findEngine(undefined, say);
if (engine.source !== 'private') {
  throw new Error(
    'this benchmark empties the build cache before each round: run it on a private engine (scripts/engine up)',
  );
}
const environment = { ...engine.environment, CI: 'true' };
const docker = (...args: readonly string[]) => execa(engine.docker, args, { env: environment, extendEnv: false });
const registry = await startRegistry();
const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));

/** A host that has built the first version, and knows nothing of the next: packages and locks are in a cache of their own. */
const cache = join(folder, 'cache');
const { spec } = parseImageSpec({}, process.env);
const { base, contexts } = await prepare(
  spec,
  await gatherIngredients(spec, [], say),
  engine,
  undefined,
  { onStep: say, onProgress: () => {} },
  undefined,
);

const SIDES = ['ours', 'plain'] as const;
/** The first images stay: what an engine deletes in its own time, it would delete in the seconds of the other side. */
const keepFirst = () =>
  Promise.all(
    SIDES.map((name) => docker('image', 'tag', `openclaw-image-bench:${name}`, `openclaw-image-bench:${name}-first`)),
  );

async function removeImages(): Promise<void> {
  const { stdout } = await docker('image', 'ls', '--quiet', '--filter=reference=openclaw-image-bench');
  if (stdout !== '') await docker('image', 'rm', '--force', ...new Set(stdout.split('\n')));
}

async function emptyCaches(): Promise<void> {
  await removeImages();
  await docker('builder', 'prune', '--all', '--force');
  await rm(cache, { recursive: true, force: true });
  await mkdir(join(cache, 'openclaw-image'), { recursive: true });
  for (const name of ['bases', 'engine', 'toolchain'])
    await symlink(cacheFolder(name), join(cache, 'openclaw-image', name));
}

/** What was written before is on the disk: neither side pays for the other. */
const timed = async (work: () => Promise<unknown>): Promise<number> => {
  await execa('sync');
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
};

const run = (...args: readonly string[]) =>
  execa(join(import.meta.dirname, '../../scripts/run'), ['build', ...args], {
    env: { ...environment, XDG_CACHE_HOME: cache },
    extendEnv: false,
  });
const ours = {
  build: (version: string) => run('--package', `openclaw@${version}`, '--tag', 'openclaw-image-bench:ours'),
  push: (version: string) =>
    run(
      '--package',
      `openclaw@${version}`,
      '--base',
      base.kind,
      '--push',
      '--tag',
      `${registry.address}/ours:${version}`,
    ),
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
  'buildx',
  'build',
  '--builder=default',
  '--provenance=false',
  ...(contexts['base'] === undefined ? [] : ['--build-context', `base=${contexts['base']}`]),
  ...(spec.ca === undefined ? [] : ['--secret', `id=ca,src=${spec.ca}`]),
  `--build-arg=VERSION=${version}`,
  `--file=${plainDockerfile}`,
];
const plain = {
  build: (version: string) => docker(...plainArguments(version), '--tag=openclaw-image-bench:plain', '--load', folder),
  push: (version: string) =>
    docker(...plainArguments(version), `--tag=${registry.address}/plain:${version}`, '--push', folder),
};

async function bytesToPush(
  name: (typeof SIDES)[number],
  side: { readonly push: (version: string) => PromiseLike<unknown> },
): Promise<number> {
  const there = await layersOf(registry.address, name, first);
  await side.push(next);
  const wanted = await layersOf(registry.address, name, next);
  return [...wanted].filter(([digest]) => !there.has(digest)).reduce((sum, [, size]) => sum + size, 0);
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
