// After each kind of edit to a checkout: image:build, and the install guide's Dockerfile for fast rebuilds, in turn.
import '../support/isolation.ts';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { table } from '../../build/report/table.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { isOwnEngine, startEngine, stopEngine } from '../support/engine.ts';
import { publishBase } from '../support/published-base.ts';
import { startRegistry } from '../support/registry.ts';
import { barChart } from './bar-chart.ts';
import { json, say, values } from './comparison.ts';
import { appendTo, type Change, copyCheckout, editDocs, editPlugin, editServer } from './edit-checkout.ts';
import { guideDockerfile } from './guide-dockerfile.ts';
import { layersOf } from './pushed-layers.ts';

/** Differences between two builds of a checkout, besides its files. */
interface Request {
  readonly apt: string;
  readonly browser: boolean;
}

interface Edit {
  readonly request?: Partial<Request>;
  readonly change?: Change;
  readonly before?: () => Promise<void>;
  readonly goal: string;
}

export interface Measured {
  readonly seconds: number;
  /** Layers that a registry with the build before this one lacks. */
  readonly bytes: number;
}

if (!isOwnEngine) throw new Error('This benchmark empties the build cache: unset OPENCLAW_TEST_ENGINE.');
const engine = await startEngine();
const { docker } = engine;
const run = $({ env: { ...engine.environment, CI: 'true' } });
const registry = await startRegistry();
const folder = await copyCheckout(values.source);
const scratch = await mkdtemp(join(tmpdir(), 'openclaw-image-edits-'));
const { spec } = parseImageSpec({}, process.env);
const base = `${registry.address}/node:24-bookworm-slim`;

const EDITS: Readonly<Record<string, Edit>> = {
  cold: { before: async () => void (await run`${docker} builder prune --all --force`), goal: '1' },
  noop: { goal: '' },
  docs: { change: editDocs, goal: '10' },
  skill: { change: appendTo('skills/*/SKILL.md', (text) => `\n${text}\n`), goal: '10' },
  ui: { change: appendTo('ui/{src/**/*.ts,*.html}', (text) => `<!-- ${text} -->\n`), goal: '1.5' },
  plugin: { change: editPlugin, goal: '1.5' },
  server: { change: editServer, goal: '1' },
  lockfile: { change: appendTo('pnpm-lock.yaml', (text) => `# ${text}\n`), goal: '1' },
  apt: { request: { apt: 'figlet' }, goal: '3' },
  browser: { request: { browser: true }, goal: '3' },
  base: { before: () => publishBase(engine, base, '2'), goal: '10' },
};

const sides = {
  ours: async ({ apt, browser }: Request, push: boolean): Promise<void> => {
    const packages = [...(apt === '' ? [] : ['--apt', apt]), ...(browser ? ['--browser', 'debian'] : [])];
    const target = push ? ['--push', '--tag', `${registry.address}/ours`] : ['--tag', 'openclaw-image-bench:ours'];
    const script = join(import.meta.dirname, '../../scripts/run');
    await run`${script} build --source ${folder} --base ${base} ${packages} ${target}`;
  },
  other: async ({ apt, browser }: Request, push: boolean): Promise<void> => {
    const file = join(scratch, 'guide.Dockerfile');
    await writeFile(file, await guideDockerfile(folder));
    const secrets = spec.ca === undefined ? [] : ['--secret', `id=ca,src=${spec.ca}`];
    const target = push
      ? ['--push', `--tag=${registry.address}/other`]
      : ['--load', '--tag=openclaw-image-bench:other'];
    await run`${docker} buildx build --builder=default --provenance=false ${secrets} --build-arg=BASE=${base} \
      --build-arg=APT=${apt} --build-arg=BROWSER=${browser ? '1' : ''} --file ${file} ${target} ${folder}`;
  },
} as const;
type Name = keyof typeof sides;

let pushed: Readonly<Record<Name, ReadonlyMap<string, number>>> = { ours: new Map(), other: new Map() };
let edits = 0;

async function measure(
  name: string,
  { before, change, request: changed }: Edit,
): Promise<Readonly<Record<Name, Measured>>> {
  await before?.();
  edits += 1;
  await change?.(folder, `${Date.now()}${edits}`);
  const request: Request = { apt: '', browser: false, ...changed };
  const seconds = { ours: 0, other: 0 };
  for (const side of ['ours', 'other'] as const) {
    // Each side starts without a cache: downloads of the first side would help the second.
    if (name === 'cold' && side === 'other') await before?.();
    const started = performance.now();
    await sides[side](request, false);
    seconds[side] = (performance.now() - started) / 1000;
  }
  // The next edit starts from a finished build of both sides.
  if (name === 'cold') await sides.ours(request, false);
  const bytes = { ours: 0, other: 0 };
  const now = { ...pushed };
  for (const side of ['ours', 'other'] as const) {
    await sides[side](request, true);
    now[side] = await layersOf(registry.address, side, 'latest');
    bytes[side] = [...now[side]].reduce((sum, [digest, size]) => sum + (pushed[side].has(digest) ? 0 : size), 0);
  }
  pushed = now;
  say(`${name}: ${seconds.ours.toFixed(1)} s, guide ${seconds.other.toFixed(1)} s`);
  return {
    ours: { seconds: seconds.ours, bytes: bytes.ours },
    other: { seconds: seconds.other, bytes: bytes.other },
  };
}

const results: Record<string, Readonly<Record<Name, Measured>>> = {};
const size = { ours: 0, other: 0 };
const totalOf = (layers: ReadonlyMap<string, number>): number =>
  [...layers.values()].reduce((sum, size) => sum + size, 0);
try {
  await publishBase(engine, base, '1');
  // The edits start from the first build of both sides.
  const selected = values.only === undefined ? Object.keys(EDITS) : ['cold', ...values.only.split(',')];
  for (const [name, edit] of Object.entries(EDITS).filter(([name]) => selected.includes(name))) {
    results[name] = await measure(name, edit);
    if (name !== 'cold') continue;
    size.ours = totalOf(pushed.ours);
    size.other = totalOf(pushed.other);
  }
} finally {
  await registry.stop();
  await stopEngine();
  await Promise.all([folder, scratch].map((path) => rm(path, { recursive: true, force: true })));
}

const rows = Object.entries(results).map(([edit, { ours, other }]) => ({
  edit,
  ours,
  other,
  ratio: other.seconds / ours.seconds,
  bytesRatio: other.bytes / Math.max(1, ours.bytes),
  goal: EDITS[edit]?.goal ?? '',
}));
const chart = join(import.meta.dirname, 'edits.svg');
if (values.chart) {
  const title = 'Seconds until a runnable image, after each kind of edit';
  const pairs = rows.map(({ edit, ours, other }) => ({
    ...{ label: edit, ours: ours.seconds, other: other.seconds },
    ratio: `${(other.seconds / ours.seconds).toFixed(1)}×`,
  }));
  await writeFile(chart, barChart({ title, names: ['this project', "the guide's Dockerfile"], pairs }));
}
if (json) {
  const byEdit = Object.fromEntries(rows.map(({ edit, ...row }) => [edit, row]));
  process.stdout.write(
    `${JSON.stringify({ edits: byEdit, size: { ...size, ratio: size.other / size.ours } }, null, 2)}\n`,
  );
} else {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const columns = [
    'edit',
    ...['ours s', 'guide s', 'ratio', 'goal', 'ours MB', 'guide MB'].map((right) => ({ right })),
  ];
  const lines = rows.map(({ edit, ours, other, ratio, goal }) => [
    edit,
    ours.seconds.toFixed(1),
    other.seconds.toFixed(1),
    ratio.toFixed(1),
    goal,
    megabytes(ours.bytes),
    megabytes(other.bytes),
  ]);
  process.stdout.write(`${table(columns, lines)}\n`);
  process.stdout.write(`image: ${megabytes(size.ours)} MB compressed, guide ${megabytes(size.other)} MB\n`);
}
