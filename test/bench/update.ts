// The bytes that a host pulls for each step between the newest stable releases, against those of the files that changed.
import '../support/isolation.ts';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress, deflateSync } from 'node:zlib';
import { prerelease, rcompare } from 'semver';
import { extract } from 'tar-stream';
import { $ } from 'zx';
import { readNpmOptions } from '../../build/gateway/npm.ts';
import { parseVersion } from '../../build/gateway/version.ts';
import { layoutContent } from '../../build/oci/content.ts';
import { type Descriptor, digestOf } from '../../build/oci/descriptor.ts';
import { isIndex, parseDocument, parseManifest } from '../../build/oci/document.ts';
import { table } from '../../build/report/table.ts';
import { isOwnEngine, startEngine, stopEngine } from '../support/engine.ts';
import { barChart } from './bar-chart.ts';
import { json, median, rounds, say, values } from './comparison.ts';

const STEPS = rounds ?? 10;
/** Versions that cannot be built are left out, so a few more are tried. */
const SPARE = 4;

interface Version {
  readonly version: string;
  readonly layers: readonly Descriptor[];
  /** Config and manifest, which every release changes. */
  readonly documents: number;
  /** Compressed bytes of each file, by its path and everything else about it. */
  readonly files: ReadonlyMap<string, number>;
}

interface Step {
  readonly from: string;
  readonly to: string;
  /** Bytes of the files that changed, each compressed alone. */
  readonly changed: number;
  /** Bytes of the layers and documents that changed. */
  readonly pulled: number;
  readonly ratio: number;
}

if (!isOwnEngine) throw new Error('This benchmark empties the build cache: unset OPENCLAW_TEST_ENGINE.');
const engine = await startEngine();
const environment = { ...engine.environment, CI: 'true' };
const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));
const script = join(import.meta.dirname, '../../scripts/run');

/** Builds a version as a release of some day. @returns undefined if it cannot be built */
async function build(version: string, day: number): Promise<Version | undefined> {
  const layout = join(folder, `${version}-${day}`);
  say(`building openclaw@${version}`);
  const env = { ...environment, SOURCE_DATE_EPOCH: String(1_780_000_000 + day * 86_400) };
  const output = `type=oci,dest=${layout},tar=false`;
  const built = await $({ env, nothrow: true })`${script} build --package openclaw@${version} --output ${output}`;
  if (built.exitCode !== 0) {
    say(`openclaw@${version} cannot be built: ${built.stderr.trim().split('\n').slice(-3).join(' ')}`);
    return undefined;
  }
  const result = await readVersion(version, layout);
  await rm(layout, { recursive: true });
  return result;
}

async function readVersion(version: string, layout: string): Promise<Version> {
  const source = layoutContent(layout);
  let digest = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')).manifests[0].digest as string;
  for (;;) {
    const bytes = await source.document(digest);
    const document = parseDocument(bytes, digest);
    if (isIndex(document)) {
      digest = document.manifests[0]?.digest ?? '';
      continue;
    }
    const { layers, config } = parseManifest(bytes, digest);
    const files = new Map<string, number>();
    for (const layer of layers) for (const [key, size] of await filesOf(layout, layer)) files.set(key, size);
    return { version, layers, documents: bytes.length + config.size, files };
  }
}

const known = new Map<string, ReadonlyMap<string, number>>();

/** Reads a layer. The key of a file is all that a client could notice: path, kind, mode, owner and contents. */
async function filesOf(layout: string, { digest, mediaType }: Descriptor): Promise<ReadonlyMap<string, number>> {
  const read = known.get(digest);
  if (read !== undefined) return read;
  const sizes = new Map<string, number>();
  const unpack = extract();
  const reading = (async () => {
    for await (const entry of unpack) {
      const { name, type, mode, uid, gid, linkname } = entry.header;
      const content = await buffer(entry);
      const key = [name, type, mode, uid, gid, linkname, digestOf(content)].join(' ');
      sizes.set(key, type === 'file' ? deflateSync(content).length : 0);
    }
  })();
  const decompress = mediaType.endsWith('zstd') ? createZstdDecompress() : createGunzip();
  await Promise.all([pipeline([await layoutContent(layout).open(digest), decompress, unpack]), reading]);
  known.set(digest, sizes);
  return sizes;
}

function compare(before: Version, after: Version): Step {
  const had = new Set(before.layers.map(({ digest }) => digest));
  const layers = after.layers.filter(({ digest }) => !had.has(digest)).reduce((sum, { size }) => sum + size, 0);
  const changed = [...after.files].reduce((sum, [file, size]) => sum + (before.files.has(file) ? 0 : size), 0);
  const pulled = layers + after.documents;
  return { from: before.version, to: after.version, changed, pulled, ratio: pulled / changed };
}

/** The first files that differ between two builds of one layer; none if only times or the compression differ. */
function differences(one: Version, other: Version, layer: number): readonly string[] {
  const before = known.get(one.layers[layer]?.digest ?? '') ?? new Map();
  const after = known.get(other.layers[layer]?.digest ?? '') ?? new Map();
  return [...after.keys()].filter((file) => !before.has(file)).slice(0, 3);
}

try {
  const { default: pacote } = await import('pacote');
  const { versions } = await pacote.packument('openclaw', await readNpmOptions());
  const newest = Object.keys(versions)
    .filter((version) => prerelease(version) === null && parseVersion(version)?.kind === 'stable')
    .sort(rcompare)
    .slice(0, STEPS + 1 + SPARE);
  const images: Version[] = [];
  for (const [day, version] of newest.entries()) {
    const image = images.length > STEPS ? undefined : await build(version, day);
    if (image !== undefined) images.unshift(image);
  }
  const last = images.at(-1);
  if (last === undefined) throw new Error('no version could be built');
  // The newest again, as a release of another day, on an engine that has never built it.
  await $({ env: environment })`${engine.docker} builder prune --all --force`;
  const again = await build(last.version, 1000);
  if (again === undefined) throw new Error('the newest version could not be built again');
  const had = new Set(last.layers.map(({ digest }) => digest));
  const differing = again.layers.flatMap(({ digest, size }, index) =>
    had.has(digest) ? [] : [{ layer: index + 1, size, differences: differences(last, again, index) }],
  );
  const sameVersion = {
    bytes: again.documents + differing.reduce((sum, { size }) => sum + size, 0),
    layers: differing,
  };
  const steps = images.slice(1).flatMap((image, index) => {
    const before = images[index];
    return before === undefined ? [] : [compare(before, image)];
  });
  if (values.chart) {
    const pairs = steps.map(({ from, to, pulled, changed, ratio }) => ({
      ...{ label: `${from} → ${to}`, ours: pulled / 1e6, other: changed / 1e6 },
      ratio: ratio.toFixed(2),
    }));
    const title = 'Megabytes that an update pulls, and those of the files that changed';
    const file = join(import.meta.dirname, 'update.svg');
    await writeFile(file, barChart({ title, names: ['pulled', 'changed files'], pairs }));
  }
  const result = { steps, median: median(steps.map(({ ratio }) => ratio)), sameVersion };
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  process.stdout.write(
    json
      ? `${JSON.stringify(result, null, 2)}\n`
      : `${table(
          ['step', { right: 'changed files, MB' }, { right: 'pulled, MB' }, { right: 'ratio' }],
          steps.map(({ from, to, changed, pulled, ratio }) => [
            `${from} → ${to}`,
            megabytes(changed),
            megabytes(pulled),
            ratio.toFixed(2),
          ]),
        )}\nmedian ratio ${result.median.toFixed(2)}\n${last.version} released again on another day: ${sameVersion.bytes} bytes\n${sameVersion.layers.map((layer) => `${JSON.stringify(layer)}\n`).join('')}`,
  );
} finally {
  await stopEngine();
  await rm(folder, { recursive: true, force: true });
}
