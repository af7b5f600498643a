// Builds releases of the gateway, checks and starts each image, and prints what works. Arguments: versions on npm (the options that one
// needs are found by themselves), or folders of checkouts. --stable adds all stable releases on npm that inputs.json does not have yet.
// --write keeps each result in inputs.json, and renders docs/compatibility.md.
import '../support/isolation.ts';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { gte, rcompare } from 'semver';
import { $ } from 'zx';
import { startContainer } from '../../build/engine/container.ts';
import { requestGateway } from '../../build/engine/gateway-request.ts';
import { replaceSection } from '../../build/report/documentation.ts';
import { markdownTable } from '../../build/report/job-summary.ts';
import { bytes, seconds } from '../../build/units.ts';
import { startEngine, stopEngine } from '../support/engine.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENT = join(ROOT, 'docs/compatibility.md');
/** The results of earlier runs: a run of all releases takes hours, and may be interrupted. */
const RESULTS = join(import.meta.dirname, 'inputs.json');
/** The first release under this name. */
const FIRST = '2026.1.29';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    stable: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

/** The result of one release. A part that was not reached is undefined. */
interface Row {
  readonly version: string;
  /** Options that the build needed, beside the version. */
  readonly options: readonly string[];
  readonly builds: boolean;
  readonly seconds: number;
  readonly bytes?: number;
  /** Passed checks of the contract, of all. */
  readonly verifies?: readonly [passed: number, all: number];
  readonly healthz?: boolean;
  readonly controlUi?: boolean;
  readonly plugins?: number;
  /** Why it is not green, and the way out. */
  readonly note?: string;
}

interface Failed {
  readonly error?: { readonly kind: string; readonly reason?: string; readonly hint?: string };
}

/** Runs the command line with --json. */
async function run<T>(args: readonly string[]): Promise<T & Failed> {
  const { stdout } = await execa(join(ROOT, 'scripts/run'), [...args, '--json'], { reject: false, cwd: ROOT });
  return JSON.parse(stdout) as T & Failed;
}

interface Built {
  readonly size: number;
  readonly gateway: { readonly version: string };
}

interface Verified {
  readonly results: readonly { readonly name: string; readonly status: string; readonly found: string }[];
}

const isFolder = (input: string): boolean => input.includes('/');

async function survey(input: string): Promise<Row> {
  const tag = `openclaw-image-inputs:${basename(input)}`;
  try {
    return await measure(input, tag);
  } finally {
    await $({ env: engine.environment, nothrow: true, quiet: true })`${engine.docker} image rm --force ${tag}`;
  }
}

async function measure(input: string, tag: string): Promise<Row> {
  const gateway = isFolder(input) ? ['--source', input] : ['--package', `openclaw@${input}`];
  const started = performance.now();
  const build = (options: readonly string[]) => run<Built>(['build', ...gateway, '--tag', tag, ...options]);
  let options: readonly string[] = [];
  let built = await build(options);
  // The message names the option.
  const override = /--override (\S+?);/.exec(built.error?.hint ?? '')?.[1];
  if (override !== undefined) {
    options = ['--override', override];
    built = await build(options);
  }
  const took = (performance.now() - started) / 1000;
  const { error } = built;
  const version = built.gateway?.version ?? basename(input);
  if (error !== undefined)
    return {
      version,
      options,
      builds: false,
      seconds: took,
      note: `${error.kind}: ${error.reason ?? ''} ${error.hint ?? ''}`,
    };
  const { results = [] } = await run<Verified>(['verify', tag]);
  const failed = results.filter(({ status }) => status === 'failed');
  const warned = results.filter(({ status }) => status === 'warning');
  const notes = [...failed, ...warned].map(({ name, found }) => `${name}: ${found}`);
  return {
    ...{ version, options, builds: true, seconds: took, bytes: built.size },
    verifies: [results.length - failed.length, results.length],
    ...(await start(tag)),
    ...(notes.length === 0 ? {} : { note: notes.join('; ') }),
  };
}

/** Starts the gateway and asks it. */
async function start(image: string): Promise<Pick<Row, 'healthz' | 'controlUi' | 'plugins'>> {
  const container = await startContainer(engine, { image, environment: { OPENCLAW_GATEWAY_TOKEN: 'a'.repeat(32) } });
  try {
    const limits = { seconds: 120, every: 1 };
    const health = await requestGateway(container, '/healthz', [200], limits);
    const page = await requestGateway(container, '/', [200], limits);
    const { stdout } = await container.exec(['openclaw', 'plugins', 'list', '--json']);
    const listed = /\{[\s\S]*\}/.exec(stdout)?.[0];
    const { plugins = [] } = JSON.parse(listed ?? '{}') as { readonly plugins?: readonly unknown[] };
    const answers = (answer: typeof health): boolean => answer !== undefined && answer !== 'no shell';
    return {
      healthz: answers(health),
      controlUi: answers(page) && typeof page === 'object' && page.body.includes('<html'),
      plugins: plugins.length,
    };
  } finally {
    await container.remove();
  }
}

const yes = (value: boolean | undefined): string => (value === undefined ? '' : value ? 'yes' : '**no**');

const columns = [
  'version',
  'options',
  'builds',
  'verifies',
  '`/healthz`',
  'Control UI',
  'plugins',
  'size',
  'time',
  'note',
];

const cells = (row: Row): readonly string[] => [
  row.version,
  row.options.map((option) => `\`${option}\``).join(' '),
  yes(row.builds),
  row.verifies === undefined ? '' : row.verifies.join(' of '),
  yes(row.healthz),
  yes(row.controlUi),
  row.plugins === undefined ? '' : String(row.plugins),
  row.bytes === undefined ? '' : bytes(row.bytes),
  seconds(row.seconds),
  (row.note ?? '').replace(/\s+/g, ' '),
];

type Results = Record<'releases' | 'checkouts', Row[]>;

const readResults = async (): Promise<Results> => JSON.parse(await readFile(RESULTS, 'utf8')) as Results;

/** Replaces the row of the same version; the newest release comes first. */
function withRow(rows: readonly Row[], row: Row): Row[] {
  const others = rows.filter(({ version }) => version !== row.version);
  return [...others, row].sort((a, b) => rcompare(a.version, b.version));
}

async function write(results: Results): Promise<void> {
  await writeFile(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  let document = await readFile(DOCUMENT, 'utf8');
  for (const [section, rows] of Object.entries(results)) {
    document = replaceSection(document, section, markdownTable(columns, rows.map(cells)));
  }
  await writeFile(DOCUMENT, document);
}

/** Stable releases on npm that have no result yet, the newest first. */
async function missingReleases(): Promise<readonly string[]> {
  const versions = JSON.parse((await $`npm view openclaw versions --json`).stdout) as readonly string[];
  const known = new Set((await readResults()).releases.map(({ version }) => version));
  const stable = versions.filter((version) => !/-[a-z]/.test(version) && gte(version, FIRST) && !known.has(version));
  return stable.sort(rcompare);
}

const engine = await startEngine();
const results: Results = { releases: [], checkouts: [] };
for (const input of [...positionals, ...(values.stable ? await missingReleases() : [])]) {
  process.stderr.write(`${input}\n`);
  const row = await survey(input);
  const section = isFolder(input) ? 'checkouts' : 'releases';
  results[section].push(row);
  process.stderr.write(`${cells(row).join(' | ')}\n`);
  if (values.write) {
    const kept = await readResults();
    await write({ ...kept, [section]: withRow(kept[section], row) });
  }
}
await stopEngine();

if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
else {
  for (const rows of Object.values(results)) {
    if (rows.length > 0) process.stdout.write(`${markdownTable(columns, rows.map(cells))}\n`);
  }
}
