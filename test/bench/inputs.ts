// Builds releases of the gateway, checks and starts each image, and prints what works. Arguments: versions on npm (the options that one
// needs are found by themselves), or folders of checkouts. --override replaces a dependency of each. --stable adds all stable releases on
// npm that inputs.json does not have yet. --write keeps each result in inputs.json, and renders docs/compatibility.md.
import '../support/isolation.ts';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { gte, rcompare } from 'semver';
import { $ } from 'zx';
import { replaceSection } from '../../build/report/documentation.ts';
import { markdownTable } from '../../build/report/table.ts';
import { bytes, seconds } from '../../build/units.ts';
import { startEngine, stopEngine } from '../support/engine.ts';
import { isFolder, type TriedRelease, tryRelease } from '../support/try-release.ts';

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
    override: { type: 'string', multiple: true, default: [] },
    stable: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

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

const cells = (row: TriedRelease): readonly string[] => [
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

type Results = Record<'releases' | 'checkouts', TriedRelease[]>;

const readResults = async (): Promise<Results> => JSON.parse(await readFile(RESULTS, 'utf8')) as Results;

/** Replaces the row of the same version; the newest release comes first. */
function withTriedRelease(rows: readonly TriedRelease[], row: TriedRelease): TriedRelease[] {
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
  const row = await tryRelease(
    engine,
    input,
    values.override.flatMap((override) => ['--override', override]),
  );
  const section = isFolder(input) ? 'checkouts' : 'releases';
  results[section].push(row);
  process.stderr.write(`${cells(row).join(' | ')}\n`);
  if (values.write) {
    const kept = await readResults();
    await write({ ...kept, [section]: withTriedRelease(kept[section], row) });
  }
}
await stopEngine();

if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
else {
  for (const rows of Object.values(results)) {
    if (rows.length > 0) process.stdout.write(`${markdownTable(columns, rows.map(cells))}\n`);
  }
}
