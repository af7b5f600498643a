// From built images to all tags on two registries: release publish, with its checks, and docker tag, push and imagetools, in turn.
import '../support/isolation.ts';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { parseReleaseSpecs } from '../../build/commands/release/release-options.ts';
import { readNpmOptions } from '../../build/gateway/npm.ts';
import { resolveGatewayPackage } from '../../build/gateway/resolved-package.ts';
import { layoutContent } from '../../build/oci/content.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import { builtImages } from '../../build/release/build-images.ts';
import { loadPlatformImage } from '../../build/release/load-platform-image.ts';
import { planRelease } from '../../build/release/plan-release.ts';
import { imageFolder } from '../../build/release/platform-image.ts';
import { publishRelease } from '../../build/release/publish-release.ts';
import { parseRelease } from '../../build/release/release.ts';
import { resolveRelease } from '../../build/release/resolve-release.ts';
import { verifyPlatformImage } from '../../build/release/verify-platform-image.ts';
import { VARIANT_IMAGES } from '../../build/spec/variant.ts';
import { startEngine, stopEngine } from '../support/engine.ts';
import { publishBase } from '../support/published-base.ts';
import { startRegistry } from '../support/registry.ts';
import { median, report, rounds, say } from './comparison.ts';

const ROUNDS = rounds ?? 3;
const engine = await startEngine();
const { version } = await resolveGatewayPackage({ kind: 'registry', selector: 'latest' }, await readNpmOptions());
const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));
const [first, mirror] = [await startRegistry(), await startRegistry()];
const registries = [first, mirror].map(({ address }) => `${address}/openclaw`);
const release = parseRelease({
  ref: `refs/tags/v${version}`,
  event: 'push',
  variants: ['default', 'slim', 'browser'],
  platforms: ['linux/amd64'],
  registries,
  date: '20260401',
  platformTags: true,
});
const base = `${first.address}/node:24-bookworm-slim`;
await publishBase(engine, base, 'one');

const { specs, problems } = parseReleaseSpecs(release, { base, browser: 'debian' }, undefined);
const resolved = await resolveRelease(release, specs, problems, say);
const built = join(folder, 'built');
const listener = { onStep: say, onProgress: () => {} };
const registry = openRegistries({ retries: { seconds: 5, onWait: () => {} } });
const context = {
  ...{ cli: engine, builder: undefined, listener, signal: undefined, folder: built, builderId: 'urn:bench' },
  registry,
  cache: undefined,
};
const source = builtImages(resolved, async () => context);
const images = await source.build('linux/amd64');
for (const image of images) {
  const layout = layoutContent(imageFolder(built, image));
  await loadPlatformImage(engine, layout, image.index, `openclaw-image-bench:${image.image}`);
}

const run = $({ env: engine.environment });
const { docker } = engine;

/** Empties the registries, and writes earlier files to the disk, so that neither side waits for the other's. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  for (const registry of [first, mirror]) await registry.forgetRepository('openclaw');
  await $`sync`;
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

/** @param boots whether every image is started and checked against the contract, as when it was not checked when it was built */
async function ours(boots: boolean): Promise<number> {
  const copy = join(folder, 'publish');
  await cp(built, copy, { recursive: true });
  return timed(() =>
    publishRelease(
      {
        release,
        origin: { revision: resolved.revision, source: resolved.source },
        identity: 'bench',
        journal: join(copy, 'journal.json'),
        folder: copy,
      },
      {
        registry: openRegistries({ retries: { seconds: 10, onWait: say } }),
        signer: undefined,
        source: { build: async () => images },
        verify: async (image) => (boots ? verifyPlatformImage(engine, copy, image, () => {}, undefined) : undefined),
        finish: async () => {},
        lockWait: { minutes: 0, onWait: say },
        onStep: () => {},
        signal: undefined,
      },
    ),
  );
}

/** Writes the same tags: pushes those of one architecture, and joins them into the others. */
const plain = (): Promise<number> =>
  timed(async () => {
    const { tags } = planRelease(release);
    for (const { registry, tag, variant, platform } of tags) {
      if (platform === undefined) continue;
      const name = `${registry}:${tag}`;
      await run`${docker} tag ${`openclaw-image-bench:${VARIANT_IMAGES[variant]}`} ${name}`;
      await run`${docker} push --quiet ${name}`;
    }
    for (const { registry, tag, platform } of tags) {
      if (platform !== undefined) continue;
      const name = `${registry}:${tag}`;
      await run`${docker} buildx imagetools create --tag ${name} ${`${name}-amd64`}`;
    }
    for (const { registry, tag, platform } of tags)
      if (platform !== undefined) await run`${docker} image rm ${`${registry}:${tag}`}`;
  });

const times: { readonly checked: number; readonly booted: number; readonly plain: number }[] = [];
try {
  for (let round = 0; round < ROUNDS; round += 1) {
    const checked = await ours(false);
    const other = await plain();
    const booted = await ours(true);
    say(
      `round ${round + 1}: ours ${checked.toFixed(1)} s, booted ${booted.toFixed(1)} s; docker tag, push and imagetools ${other.toFixed(1)} s`,
    );
    times.push({ checked, booted, plain: other });
  }
} finally {
  await first.stop();
  await mirror.stop();
  for (const { image } of images) await run`${docker} image rm --force ${`openclaw-image-bench:${image}`}`;
  await rm(folder, { recursive: true, force: true });
  await stopEngine();
}
const count = planRelease(release).tags.length;
const other = { seconds: median(times.map((round) => round.plain)) };
for (const [kind, name] of [
  ['checked', 'pushed layers, attestations and tags are read back'],
  ['booted', 'the same, and every image is started'],
] as const) {
  report({
    name: `${count} tags on two registries: ${name}`,
    ours: { seconds: median(times.map((round) => round[kind])) },
    other,
    goal: 'not slower: 1 or more',
  });
}
