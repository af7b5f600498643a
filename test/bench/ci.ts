// A push to main on a fresh runner, from a checkout to checked tags: with the build cache in a registry, and without it, in turn.
// --source names a checkout.
import '../support/isolation.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { isOwnEngine, startEngine, stopEngine } from '../support/engine.ts';
import { publishBase } from '../support/published-base.ts';
import { startRegistry } from '../support/registry.ts';
import { report, say, values } from './comparison.ts';
import { type Change, cloneCheckout, editDocs, editServer } from './edit-checkout.ts';
import { layersOf } from './pushed-layers.ts';

const EDITS: readonly { readonly name: string; readonly change: Change; readonly goal: string }[] = [
  { name: 'documentation', change: editDocs, goal: 'at least 5 times as fast; at most 10 MB pushed' },
  { name: 'server source', change: editServer, goal: 'at least 1.5 times as fast' },
];

if (!isOwnEngine) throw new Error('This benchmark empties the build cache: unset OPENCLAW_TEST_ENGINE.');
const engine = await startEngine();
const run = $({ env: { ...engine.environment, CI: 'true' } });
const registry = await startRegistry();
const folder = await cloneCheckout(values.source);
const images = await mkdtemp(join(tmpdir(), 'openclaw-image-ci-'));
const base = `${registry.address}/node:24-bookworm-slim`;
const script = join(import.meta.dirname, '../../scripts/run');

/** A fresh runner has no build cache and no image. */
async function empty(): Promise<void> {
  await run`${engine.docker} builder prune --all --force`;
  await rm(images, { recursive: true, force: true });
  await $`sync`;
}

/** Builds and checks the image on a runner, and publishes it, as the jobs of release.yml do. @returns seconds */
async function push(repository: string, cache: readonly string[]): Promise<number> {
  await empty();
  const started = performance.now();
  const same = ['--ref', 'refs/heads/main', '--platforms', 'linux/amd64', '--variants', 'default', ...cache];
  await run`${script} release build ${same} --source ${folder} --base ${base} --to ${images}`;
  await run`${script} release join ${same} --registries ${`${registry.address}/${repository}`} --sign none --from ${images}`;
  return (performance.now() - started) / 1000;
}

/** Bytes of the layers in a repository that another list of layers lacks. */
async function newBytes(repository: string, had: ReadonlyMap<string, number>): Promise<number> {
  const layers = await layersOf(registry.address, repository, 'main');
  return [...layers].reduce((sum, [digest, size]) => sum + (had.has(digest) ? 0 : size), 0);
}

const sides = {
  ours: { repository: 'openclaw', cache: ['--cache', `${registry.address}/openclaw-cache`] },
  other: { repository: 'plain', cache: [] },
} as const;

const commit = async (message: string): Promise<void> => {
  const author = ['-c', 'user.name=Bench', '-c', 'user.email=bench@example.com'];
  await run`git -C ${folder} ${author} commit --quiet --all --message ${message}`;
};

try {
  await publishBase(engine, base, '1');
  for (const { repository, cache } of Object.values(sides)) {
    const seconds = await push(repository, cache);
    say(`the first push to ${repository}: ${seconds.toFixed(1)} s`);
  }
  for (const { name, change, goal } of EDITS) {
    await change(folder, String(Date.now()));
    await commit(`Edit: ${name}`);
    const measured = { ours: { seconds: 0, bytes: 0 }, other: { seconds: 0, bytes: 0 } };
    for (const side of ['ours', 'other'] as const) {
      const { repository, cache } = sides[side];
      const had = await layersOf(registry.address, repository, 'main');
      const seconds = await push(repository, cache);
      measured[side] = { seconds, bytes: await newBytes(repository, had) };
    }
    report({ name: `${name}, from a commit to tags on a fresh runner`, ...measured, goal });
  }
} finally {
  await registry.stop();
  await rm(folder, { recursive: true, force: true });
  await rm(images, { recursive: true, force: true });
  await stopEngine();
}
