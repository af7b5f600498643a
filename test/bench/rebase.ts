// A refresh of a published release on a runner without caches, from a new base to checked tags on two registries: rebase, on the new base
// alone, with Debian's packages of today, and on a run base that is published for it; and a build, in turn.
import '../support/isolation.ts';
import { $ } from 'zx';
import { readNpmOptions } from '../../build/gateway/npm.ts';
import { resolveGatewayPackage } from '../../build/gateway/resolved-package.ts';
import { planRelease } from '../../build/release/plan-release.ts';
import { parseRelease } from '../../build/release/release.ts';
import { isOwnEngine, startEngine, stopEngine } from '../support/engine.ts';
import { publishBase } from '../support/published-base.ts';
import { startRegistry } from '../support/registry.ts';
import { median, report, rounds, say } from './comparison.ts';

const ROUNDS = rounds ?? 3;
if (!isOwnEngine) throw new Error('This benchmark empties the build cache: unset OPENCLAW_TEST_ENGINE.');
const engine = await startEngine();
const run = $({ env: { ...engine.environment, CI: 'true' } });
const script = `${import.meta.dirname}/../../scripts/run`;
const { version } = await resolveGatewayPackage({ kind: 'registry', selector: 'latest' }, await readNpmOptions());
const [first, mirror] = [await startRegistry(), await startRegistry()];
const registries = [first, mirror].map(({ address }) => `${address}/openclaw`);
const base = `${first.address}/node:24-bookworm-slim`;
const request = {
  ref: `refs/tags/v${version}`,
  variants: ['default', 'slim', 'browser'],
  platforms: ['linux/amd64'],
} as const;
const same = ['--registries', registries.join(','), '--sign', 'none'];
const build = [
  ...['release', 'publish', '--ref', request.ref, '--variants', request.variants.join(',')],
  ...['--platforms', request.platforms.join(','), '--base', base, '--browser', 'debian', ...same],
];

const rebase = ['rebase', `${registries[0]}:${version}`, ...same];
const runBase = ['release', 'publish', '--ref', 'base/24', '--platforms', request.platforms.join(',')];
const revision = 'a'.repeat(40);

/** The commands of each way, for a date. */
const WAYS: Readonly<Record<'rebase' | 'packages' | 'runBase' | 'build', (date: string) => readonly string[][]>> = {
  rebase: () => [[...rebase, '--base', base]],
  packages: () => [[...rebase, '--base', base, '--new-packages']],
  runBase: (date) => [
    [...runBase, '--base', base, '--revision', revision, ...same],
    [...rebase, '--base', `${registries[0]}:base-24-${date}`],
  ],
  build: () => [[...build, '--event', 'refresh']],
};
type Way = keyof typeof WAYS;

/** @param number of the refresh: it becomes a date, so that each refresh has other tags */
async function timed(way: Way, number: number): Promise<number> {
  await run`${engine.docker} builder prune --all --force`;
  await $`sync`;
  const before = performance.now();
  const date = new Date(Date.UTC(2030, 0, number)).toISOString().slice(0, 10).replaceAll('-', '');
  for (const command of WAYS[way](date)) await run`${script} ${command} --date ${date}`;
  return (performance.now() - before) / 1000;
}

const times: Record<Way, number>[] = [];
try {
  await publishBase(engine, base, 'first');
  say(`publishing ${version}`);
  await run`${script} ${build}`;
  for (let round = 1; round <= ROUNDS; round += 1) {
    await publishBase(engine, base, `round ${round}`);
    const results = { rebase: 0, packages: 0, runBase: 0, build: 0 };
    for (const [index, way] of (Object.keys(WAYS) as Way[]).entries()) {
      results[way] = await timed(way, round * 4 + index);
      say(`round ${round}: ${way} ${results[way].toFixed(1)} s`);
    }
    times.push(results);
  }
} finally {
  await first.stop();
  await mirror.stop();
  await stopEngine();
}
const { tags } = planRelease(
  parseRelease({ ...request, event: 'refresh', registries, date: '20300101', platformTags: true }),
);
const other = { seconds: median(times.map((round) => round.build)) };
for (const [way, name] of [
  ['rebase', 'on a new base'],
  ['packages', "on a new base, with Debian's packages of today"],
  ['runBase', "on a new run base, with Debian's packages of today"],
] as const)
  report({
    name: `rebase to ${tags.length} tags on two registries, ${name}`,
    ours: { seconds: median(times.map((round) => round[way])) },
    other,
    goal: 'at least 3 times as fast as building',
  });
