// After each kind of edit to a checkout: image:build against the Dockerfile that the install guide gives for fast rebuilds, in turn.
import { appendFile, cp, glob, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findEngine } from '../../build/engine/engine.ts';
import { table } from '../../build/report/table.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { makeCheckout } from '../fixtures/make-checkout.ts';
import { publishBase } from '../published-base.ts';
import { startRegistry } from '../registry.ts';
import { json, say, values } from './comparison.ts';
import { editsChart } from './edits-chart.ts';
import { guideDockerfile } from './guide-dockerfile.ts';
import { layersOf } from './pushed-layers.ts';

/** What differs between two builds of the same checkout, besides its files. */
interface Request {
  readonly apt: string;
  readonly browser: boolean;
}

interface Edit {
  readonly request?: Partial<Request>;
  /** Changes the checkout; a text that was never there before goes into it. */
  readonly change?: (folder: string, text: string) => Promise<void>;
  readonly before?: () => Promise<void>;
  readonly goal: string;
}

export interface Measured {
  readonly seconds: number;
  /** That a registry with the build before it would receive. */
  readonly bytes: number;
}

const engine = await findEngine(undefined, say);
if (engine.source !== 'private') {
  throw new Error('this benchmark empties the build cache: run it on a private engine (scripts/engine up)');
}
const environment = { ...engine.environment, CI: 'true' };
const docker = (...args: readonly string[]) => execa(engine.docker, args, { env: environment, extendEnv: false });
const registry = await startRegistry();
const folder = values.source === undefined ? await makeCheckout('new') : await copyOf(values.source);
const scratch = await mkdtemp(join(tmpdir(), 'openclaw-image-edits-'));
const { spec } = parseImageSpec({}, process.env);
const base = `${registry.address}/node:24-bookworm-slim`;

async function copyOf(source: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'openclaw-image-checkout-'));
  await cp(source, copy, { recursive: true, filter: (path) => !path.includes('node_modules') });
  return copy;
}

const appendTo = (pattern: string, comment: (text: string) => string) => async (where: string, text: string) => {
  for await (const path of glob(pattern, { cwd: where, exclude: ['**/node_modules/**'] })) {
    if (/\.test\./.test(path)) continue;
    await appendFile(join(where, path), comment(text));
    return;
  }
  throw new Error(`${where} has no ${pattern}`);
};
const script = (text: string): string => `\nexport const edited${text} = '${text}';\n`;

const EDITS: Readonly<Record<string, Edit>> = {
  cold: { before: async () => void (await docker('builder', 'prune', '--all', '--force')), goal: '1' },
  noop: { goal: '' },
  docs: { change: appendTo('docs/**/*.md', (text) => `\n${text}\n`), goal: '10' },
  skill: { change: appendTo('skills/*/SKILL.md', (text) => `\n${text}\n`), goal: '10' },
  ui: { change: appendTo('ui/{src/**/*.ts,*.html}', (text) => `<!-- ${text} -->\n`), goal: '1.5' },
  plugin: { change: appendTo('extensions/*/index.{ts,js}', script), goal: '1.5' },
  server: { change: appendTo('src/index.{ts,js}', script), goal: '1' },
  lockfile: { change: appendTo('pnpm-lock.yaml', (text) => `# ${text}\n`), goal: '1' },
  apt: { request: { apt: 'figlet' }, goal: '3' },
  browser: { request: { browser: true }, goal: '3' },
  base: { before: () => publishBase(engine, base, '2'), goal: '10' },
};

const sides = {
  ours: async ({ apt, browser }: Request, push: boolean): Promise<void> => {
    await execa(
      join(import.meta.dirname, '../../scripts/run'),
      [
        'build',
        ...['--source', folder, '--base', base],
        ...(apt === '' ? [] : ['--apt', apt]),
        ...(browser ? ['--browser', 'debian'] : []),
        ...(push ? ['--push', '--tag', `${registry.address}/ours`] : ['--tag', 'openclaw-image-bench:ours']),
      ],
      { env: environment, extendEnv: false },
    );
  },
  other: async ({ apt, browser }: Request, push: boolean): Promise<void> => {
    const file = join(scratch, 'guide.Dockerfile');
    await writeFile(file, await guideDockerfile(folder));
    await docker(
      'buildx',
      'build',
      '--builder=default',
      '--provenance=false',
      ...(spec.ca === undefined ? [] : ['--secret', `id=ca,src=${spec.ca}`]),
      ...[`--build-arg=BASE=${base}`, `--build-arg=APT=${apt}`, `--build-arg=BROWSER=${browser ? '1' : ''}`],
      ...['--file', file],
      ...(push ? ['--push', `--tag=${registry.address}/other`] : ['--load', '--tag=openclaw-image-bench:other']),
      folder,
    );
  },
} as const;
type Name = keyof typeof sides;

let pushed: Readonly<Record<Name, ReadonlyMap<string, number>>> = { ours: new Map(), other: new Map() };
let edits = 0;

async function measure(name: string, { before, change, request }: Edit): Promise<Readonly<Record<Name, Measured>>> {
  await before?.();
  edits += 1;
  await change?.(folder, `${Date.now()}${edits}`);
  const asked: Request = { apt: '', browser: false, ...request };
  const seconds = { ours: 0, other: 0 };
  for (const side of ['ours', 'other'] as const) {
    // Each starts cold: what the first one downloaded would help the second.
    if (name === 'cold' && side === 'other') await before?.();
    const started = performance.now();
    await sides[side](asked, false);
    seconds[side] = (performance.now() - started) / 1000;
  }
  // The next edit finds both as they were built.
  if (name === 'cold') await sides.ours(asked, false);
  const bytes = { ours: 0, other: 0 };
  const now = { ...pushed };
  for (const side of ['ours', 'other'] as const) {
    await sides[side](asked, true);
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
  [...layers.values()].reduce((sum, one) => sum + one, 0);
try {
  await publishBase(engine, base, '1');
  // The first build of both sides is what the others are edits of.
  const asked = values.only === undefined ? Object.keys(EDITS) : ['cold', ...values.only.split(',')];
  for (const [name, edit] of Object.entries(EDITS).filter(([name]) => asked.includes(name))) {
    results[name] = await measure(name, edit);
    if (name !== 'cold') continue;
    size.ours = totalOf(pushed.ours);
    size.other = totalOf(pushed.other);
  }
} finally {
  await registry.stop();
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
if (values.chart) await writeFile(chart, editsChart(rows));
if (json) {
  const byEdit = Object.fromEntries(rows.map(({ edit, ...row }) => [edit, row]));
  process.stdout.write(
    `${JSON.stringify({ edits: byEdit, size: { ...size, ratio: size.other / size.ours } }, null, 2)}\n`,
  );
} else {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const columns = [
    { head: 'edit' },
    ...['ours s', 'guide s', 'ratio', 'goal', 'ours MB', 'guide MB'].map((head) => ({ head, align: 'right' as const })),
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
