// From built images to all tags on two registries: release publish, its checks included, against docker tag, push and imagetools.
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { parseReleaseSpecs } from '../../build/commands/release/release-options.ts';
import { findEngine } from '../../build/engine/engine.ts';
import { resolveGatewayPackage } from '../../build/gateway/npm-package.ts';
import { layoutContent } from '../../build/oci/content.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import { buildPieces, gatherRelease, pieceFolder } from '../../build/release/build-pieces.ts';
import { loadPiece } from '../../build/release/load-piece.ts';
import { planRelease } from '../../build/release/plan-release.ts';
import { publishRelease } from '../../build/release/publish-release.ts';
import { verifyPiece } from '../../build/release/verify-piece.ts';
import { VARIANT_IMAGES } from '../../build/spec/variant.ts';
import { publishBase } from '../published-base.ts';
import { startRegistry } from '../registry.ts';
import { median, report, rounds, say } from './comparison.ts';

const ROUNDS = rounds ?? 3;
const engine = await findEngine(undefined, say);
const { version } = await resolveGatewayPackage({ kind: 'registry', selector: 'latest' });
const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));
const [first, mirror] = [await startRegistry(), await startRegistry()];
const registries = [first, mirror].map(({ address }) => `${address}/openclaw`);
const release = {
  ref: `refs/tags/v${version}`,
  event: 'push',
  variants: ['default', 'slim', 'browser'],
  platforms: ['linux/amd64'],
  registries,
  date: '20260401',
} as const;
const base = `${first.address}/node:24-bookworm-slim`;
await publishBase(engine, base, 'one');

const { specs, problems } = parseReleaseSpecs(release, { base, browser: 'debian' }, undefined);
const made = await gatherRelease(release.ref, specs, problems, undefined, say);
const context = {
  engine,
  builder: undefined,
  builderId: 'urn:bench',
  signal: undefined,
  onStep: say,
  onProgress: () => {},
};
const built = join(folder, 'built');
const pieces = await buildPieces(made, 'linux/amd64', { ...context, folder: built });
for (const piece of pieces)
  await loadPiece(engine, layoutContent(pieceFolder(built, piece)), piece.index, `openclaw-image-bench:${piece.image}`);

const docker = (...args: readonly string[]) =>
  execa(engine.docker, args, { env: engine.environment, extendEnv: false });

/** What was written before is on the disk: neither side pays for the other. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  for (const registry of [first, mirror]) await registry.forgetRepository('openclaw');
  await execa('sync');
  const before = performance.now();
  await work();
  return (performance.now() - before) / 1000;
}

/** @param booted whether every image is booted and held against the contract on the way, or was when it was built */
async function ours(booted: boolean): Promise<number> {
  const copy = join(folder, 'publish');
  await cp(built, copy, { recursive: true });
  return timed(() =>
    publishRelease(
      { release, revision: made.revision, source: made.source, identity: 'bench', folder: copy },
      {
        registry: openRegistries({ patience: { seconds: 10, onWait: say } }),
        signer: undefined,
        pieces: async (image) => pieces.filter((piece) => piece.image === image),
        verify: async (piece) => (booted ? verifyPiece(engine, copy, piece, () => {}, undefined) : undefined),
        patience: { minutes: 0, onWait: say },
        onStep: () => {},
        signal: undefined,
      },
    ),
  );
}

/** The same tags: those of an architecture are pushed, and joined into those without one. */
const plain = (): Promise<number> =>
  timed(async () => {
    const { tags } = planRelease({ ...release, published: undefined });
    for (const { registry, tag, variant, platform } of tags) {
      if (platform === undefined) continue;
      const name = `${registry}:${tag}`;
      await docker('tag', `openclaw-image-bench:${VARIANT_IMAGES[variant]}`, name);
      await docker('push', '--quiet', name);
    }
    for (const { registry, tag, platform } of tags) {
      if (platform !== undefined) continue;
      const name = `${registry}:${tag}`;
      await docker('buildx', 'imagetools', 'create', '--tag', name, `${name}-amd64`);
    }
    for (const { registry, tag, platform } of tags)
      if (platform !== undefined) await docker('image', 'rm', `${registry}:${tag}`);
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
  for (const { image } of pieces) await docker('image', 'rm', '--force', `openclaw-image-bench:${image}`);
  await rm(folder, { recursive: true, force: true });
}
const count = planRelease({ ...release, published: undefined }).tags.length;
const other = { seconds: median(times.map((round) => round.plain)) };
for (const [kind, name] of [
  ['checked', 'what is pushed read back, layers, attestations and tags'],
  ['booted', 'the same, and every image booted'],
] as const) {
  report({
    name: `${count} tags on two registries: ${name}`,
    ours: { seconds: median(times.map((round) => round[kind])) },
    other,
    goal: 'not slower: 1 or more',
  });
}
