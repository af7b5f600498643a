// How long a browser needs to open the page of an image: the real one, one with 127 layers, and one with 10,000 packages, in turn.
import '../support/isolation.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { table } from '../../build/report/table.ts';
import { startChromium } from '../support/chromium.ts';
import { startEngine, stopEngine } from '../support/engine.ts';
import { makeArchive, npmPackages } from '../support/make-archive.ts';
import { serveFile } from '../support/serve-file.ts';
import { json, median, rounds, say } from './comparison.ts';

const ROUNDS = rounds ?? 9;
const BROWSER = 'openclaw-image-bench:chromium';
const engine = await startEngine();
const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));
const script = join(import.meta.dirname, '../../scripts/run');
const run = $({ env: { ...engine.environment, CI: 'true' } });

say('building the gateway and the browser');
await run`${script} build --tag openclaw-image-bench:gateway`;
await run`${script} sandbox browser --tag ${BROWSER}`;
const packages = npmPackages(10_000);
await makeArchive(join(folder, 'packages.tar'), [packages]);
await makeArchive(
  join(folder, 'layers.tar'),
  Array.from({ length: 127 }, (_, index) => packages.slice(index * 40, (index + 1) * 40)),
);

/** The image of each page. The first is what the others are compared with. */
const images = {
  'the gateway': 'openclaw-image-bench:gateway',
  '127 layers': join(folder, 'layers.tar'),
  '10,000 packages': join(folder, 'packages.tar'),
};
const pages = await Promise.all(
  Object.entries(images).map(async ([name, image], index) => {
    const file = join(folder, `${index}.html`);
    await run`${script} report ${image} --output ${file}`;
    return { name, ...(await serveFile(file)), times: [] as number[] };
  }),
);
const { page, close } = await startChromium(engine, BROWSER);
for (let round = 0; round < ROUNDS; round += 1)
  for (const { name, address, times } of pages) {
    const before = performance.now();
    await page.goto(address);
    await page.locator('#map .tile').first().waitFor();
    times.push((performance.now() - before) / 1000);
    say(`round ${round + 1} of ${ROUNDS}: ${name} ${times.at(-1)?.toFixed(2)} s`);
  }
await close();
for (const { stop } of pages) stop();
await run`${engine.docker} image rm ${BROWSER} openclaw-image-bench:gateway`.nothrow();
await stopEngine();
await rm(folder, { recursive: true });

const [first = { times: [1] }] = pages;
const results = pages.map(({ name, times }) => ({
  name,
  seconds: median(times),
  ratio: median(times) / median(first.times),
}));
if (json) process.stdout.write(`${JSON.stringify({ results, goal: 'at most 2 s' }, null, 2)}\n`);
else {
  const rows = results.map(({ name, seconds, ratio }) => [name, `${seconds.toFixed(2)} s`, ratio.toFixed(2)]);
  process.stdout.write(
    `${table(['page', { right: 'until the map is there' }, { right: 'ratio' }], rows)}\ngoal: at most 2 s\n`,
  );
}
