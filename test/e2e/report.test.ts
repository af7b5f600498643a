import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageDifference } from '../../build/contents/compare-images.ts';
import type { ImageLine } from '../../build/contents/image-line.ts';
import type { ImageSummary } from '../../build/contents/image-summary.ts';
import { parseReference } from '../../build/oci/reference.ts';
import type { RegistryOverview } from '../../build/release/registry-overview.ts';
import { bytes } from '../../build/units.ts';
import { openBrowser } from '../support/browser.ts';
import type { TestBrowser } from '../support/chromium.ts';
import { run } from '../support/command.ts';
import { makeArchive, npmPackages } from '../support/make-archive.ts';
import { createReleaseFixture, nextVersion, publishVersion, type ReleaseFixture } from '../support/release-fixture.ts';
import { type ShownPage, showPage } from '../support/report-page.ts';

/** The output of `report --json`. */
interface Report {
  readonly images: readonly ImageSummary[];
  readonly difference?: ImageDifference;
  readonly line?: ImageLine;
  readonly registries?: RegistryOverview;
}

let browser: TestBrowser;
let folder = '';
let fixture: ReleaseFixture;
const versions: string[] = [];

/** Runs a report, and opens its page. @returns what `--json` printed, too */
async function report(name: string, ...args: readonly string[]): Promise<{ data: Report; shown: ShownPage }> {
  const file = join(folder, `${name}.html`);
  const { exitCode, stdout, stderr } = await fixture.run('report', ...args, '--output', file, '--json');
  expect(exitCode, stdout + stderr).toBe(0);
  return { data: JSON.parse(stdout) as Report, shown: await showPage(browser, file) };
}

/** Asserts that people can use the page, and that it needs nothing. */
async function isGood(shown: ShownPage, name: string): Promise<void> {
  expect(await shown.inaccessible()).toEqual([]);
  await shown.picture(name);
  expect(shown.complaints()).toEqual([]);
  shown.close();
}

/** The text of a part, without the line ends of the source. */
const text = async (selector: string): Promise<string> =>
  ((await browser.page.locator(selector).textContent()) ?? '').replace(/\s+/g, ' ').trim();
const exact = async (selector: string): Promise<readonly number[]> =>
  browser.page
    .locator(`${selector} data`)
    .evaluateAll((all) => all.map((entry) => Number(entry.getAttribute('value'))));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-report-'));
  fixture = await createReleaseFixture('small');
  browser = await openBrowser();
  for (let version = fixture.version; ; version = await nextVersion(fixture)) {
    await publishVersion(fixture, version, 'default');
    if (versions.push(version) === 4) break;
  }
});
afterAll(async () => {
  await browser?.close();
  await fixture?.tearDown();
  await rm(folder, { recursive: true, force: true });
});

describe('the page of the real image', () => {
  let data: Report;
  let shown: ShownPage;
  beforeAll(async () => {
    ({ data, shown } = await report('image', 'openclaw:local'));
  });

  it('has the numbers of --json', async () => {
    const [image] = data.images;
    expect(image?.place).toBe('engine');
    expect((await exact('#image .cards')).slice(0, 2)).toEqual([image?.size.compressed, image?.size.unpacked]);
    expect(await text('#image .cards')).toContain(String(image?.layers.length));
    expect((await exact('#image table:has(caption:text("The largest parts"))')).slice(0, 2)).toEqual([
      image?.largest[0]?.compressed,
      image?.largest[0]?.unpacked,
    ]);
    expect(image?.largest.map(({ name }) => name)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^node \d/), expect.stringMatching(/^openclaw: dist$/)]),
    );
    expect(image?.layers.reduce((sum, layer) => sum + layer.compressed, 0)).toBe(image?.size.compressed);
  });

  it('has a map that keys and the mouse open and close', async () => {
    const { page } = browser;
    const place = () => text('#map-path');
    expect(await place()).toBe('image');
    await page.locator('#map .tile').first().focus();
    await page.keyboard.press('Enter');
    expect(await place()).toMatch(/^image › \S/);
    expect(await text('#map-status')).toMatch(/^\S.*: .* to pull/);
    const inside = await text('#map-part');
    expect(inside).toMatch(/to pull, .* on disk, .*% of the image$/);
    await page.keyboard.press('ArrowRight');
    expect(await text('#map-part')).not.toBe(inside);
    await page.keyboard.press('Escape');
    expect(await place()).toBe('image');
    await page.locator('#map .tile.depth-2').first().click();
    expect(await place()).toMatch(/^image › .+ › /);
    await page.locator('#map-path button').first().click();
    expect(await place()).toBe('image');
    const areas = () => page.locator('#map .tile').first().getAttribute('style');
    const before = await areas();
    await page.getByRole('radio', { name: 'on disk' }).check();
    expect(await areas()).not.toBe(before);
    await page.getByRole('radio', { name: 'to pull' }).check();
  });

  it('is usable by everybody, in the dark, on a narrow screen and on paper, and asks the network for nothing', async () => {
    const { page } = browser;
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await shown.inaccessible()).toEqual([]);
    await page.emulateMedia({ colorScheme: 'light', media: 'print' });
    await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
    expect(await page.locator('details:not([open])').count()).toBe(0);
    await page.emulateMedia({ media: 'screen' });
    await page.setViewportSize({ width: 390, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.reload();
    await isGood(shown, 'report-image');
  });
});

it('shows an update: what is kept, pulled and changed', async () => {
  const [first, second] = versions.map((version) => `${fixture.repositories[0]}:${version}`);
  const { data, shown } = await report('update', first ?? '', second ?? '');
  const { difference } = data;
  expect(difference?.layers.shared.length).toBeGreaterThan(5);
  expect(await exact('#difference .large')).toEqual([difference?.bytesToPull, difference?.size.after]);
  expect(await text('#difference .cards')).toContain(`${difference?.layers.pulled.length} layers`);
  expect(await text('#difference')).toContain(`npm packages: 0 added, 1 changed, 0 removed`);
  // Layers of the small gateway are too small to see beside the base: what is drawn in stripes.
  const drawn = JSON.parse(await text('#contents')) as { readonly children: readonly { readonly pulled: boolean }[] };
  expect(drawn.children.filter(({ pulled }) => pulled).length).toBe(difference?.layers.pulled.length);
  await isGood(shown, 'report-update');
  const diff = await run(['report', first ?? '', second ?? '', '--text'], { env: fixture.environment });
  expect(diff.stdout).toContain(`pulled ${bytes(difference?.bytesToPull ?? 0)} of`);
});

it('shows the four newest releases of a repository', async () => {
  const { data, shown } = await report('releases', fixture.repositories[0], '--releases', '4');
  const { line } = data;
  expect(line?.images.map(({ version }) => version)).toEqual(versions);
  const updates = line?.updates ?? [];
  expect(updates.length).toBe(3);
  for (const { pulled, limit } of updates) expect(pulled).toBeGreaterThanOrEqual(limit);
  expect(await exact('#line table:has(caption:text("Size over time"))')).toEqual(line?.images.map(({ size }) => size));
  expect(await exact('#line table:has(caption:text("Bytes of each update"))')).toEqual(
    updates.flatMap(({ pulled, limit }) => [pulled, limit]),
  );
  await browser.page.locator('#line details summary').click();
  expect(await browser.page.locator('#line .heat tbody tr').count()).toBe(line?.layers.length);
  expect(await browser.page.locator('#line .heat td.new').count()).toBeGreaterThan(4);
  await isGood(shown, 'report-releases');
});

it.each([
  ['10,000 packages', [npmPackages(10_000)], { packages: 10_000, layers: 1 }],
  ['127 layers', Array.from({ length: 127 }, (_, layer) => npmPackages(layer + 1)), { packages: 127, layers: 127 }],
] as const)('shows an image with %s', async (name, layers, { packages, layers: count }) => {
  const archive = join(folder, `${count}.tar`);
  await makeArchive(archive, layers);
  const { data, shown } = await report(`large-${count}`, archive);
  expect(data.images[0]?.packages.length).toBe(packages);
  expect(await browser.page.locator('#map .tile').count(), name).toBeGreaterThan(100);
  const rows = (caption: string) => browser.page.locator(`table:has(caption:text-is("${caption}")) tbody tr`).count();
  expect([await rows('Packages'), await rows('Layers')]).toEqual([packages, count]);
  expect(shown.complaints()).toEqual([]);
  shown.close();
});

describe('the page of two registries', () => {
  it('shows tags that differ, the command that repairs them, and who signed', async () => {
    const [first, mirror] = fixture.repositories;
    const old = await fixture.read.document(parseReference(mirror), versions[2] ?? '');
    if (old === undefined) throw new Error('the third version was not published');
    await fixture.read.putDocument(parseReference(mirror), 'latest', old);
    const options = ['--registries', fixture.repositories.join(','), '--key', fixture.publicKey];
    const { data, shown } = await report('registries', ...options);
    const [newest] = data.registries?.releases ?? [];
    expect(newest).toMatchObject({ name: versions[3], signature: { status: 'passed', by: 'the key of cosign.pub' } });
    expect(newest?.tags.filter(({ state }) => state !== 'ok')).toMatchObject([
      { registry: mirror, tag: 'latest', state: 'stale mirror' },
    ]);
    expect(await text('#registries .large')).toBe('1 tag differs from the record of its release.');
    expect(await text('#registries .command')).toBe(newest?.repair);
    expect(await browser.page.locator('#registries article.drift').count()).toBe(1);
    expect(await text('#registries table:has(caption:text("Channels"))')).toContain(versions[3]);
    await isGood(shown, 'report-registries');
    // The command repairs: the page says so.
    const repaired = await fixture.run(...(newest?.repair ?? '').split(' ').slice(1), '--key', fixture.publicKey);
    expect(repaired.exitCode, repaired.stderr).toBe(0);
    const after = await report('repaired', ...options);
    expect(await text('#registries .large')).toBe('All tags of 4 releases are as recorded.');
    after.shown.close();
    expect((await fixture.tagsOf(mirror))['latest']).toBe((await fixture.tagsOf(first))['latest']);
  });

  it('lists the packages of which Debian has newer versions', async () => {
    const options = ['--registries', fixture.repositories[0], '--key', fixture.publicKey, '--releases', '1'];
    const { data, shown } = await report('debian', ...options, '--debian');
    const [release, ...others] = data.registries?.releases ?? [];
    expect(others).toEqual([]);
    expect(release?.problem).toBeUndefined();
    // Whatever Debian has today.
    const count = release?.updates?.length ?? -1;
    expect(count).toBeGreaterThanOrEqual(0);
    expect(await text('#registries article')).toContain(
      count === 0 ? 'Debian has no newer version of a package' : `Debian has newer versions of ${count} packages`,
    );
    expect(shown.complaints()).toEqual([]);
    shown.close();
  });

  it('shows who promoted another release, and why', async () => {
    const [, , older = ''] = versions;
    const both = ['--registries', fixture.repositories.join(','), '--key', fixture.publicKey];
    const promoted = await fixture.run(
      ...['release', 'promote', 'latest', '--to', older, '--reason', 'sign-in fails', ...both],
      ...['--sign', fixture.privateKey, '--yes'],
    );
    expect(promoted.exitCode, promoted.stderr).toBe(0);
    const { data, shown } = await report('promoted', ...both);
    const latest = data.registries?.channels.find(({ channel }) => channel === 'latest');
    expect(latest?.decision).toMatchObject({ release: older, withdrawn: [versions[3]], reason: 'sign-in fails' });
    expect(latest?.history.map(({ release }) => release)).toEqual([older, ...versions.toReversed()]);
    expect(latest?.now.map(({ version }) => version)).toEqual([older, older]);
    expect(await text('#registries table:has(caption:text-is("Channels"))')).toContain(`${older} was chosen on`);
    await browser.page.locator('summary', { hasText: 'History of latest' }).click();
    const history = await text('#registries table:has(caption:text-is("History of latest"))');
    expect(history).toContain('sign-in fails');
    expect(await text('#registries .large')).toBe('All tags of 4 releases are as recorded.');
    await isGood(shown, 'report-promoted');
  });

  it('lists a planted record as a problem, and the other releases', async () => {
    const repository = parseReference(fixture.repositories[0]);
    const record = await fixture.read.document(repository, `release-${versions[0]}`);
    if (record === undefined) throw new Error('there is no record');
    await fixture.read.putDocument(repository, 'release-2030.1.1', record);
    const { data, shown } = await report(
      'planted',
      '--registries',
      fixture.repositories[0],
      '--key',
      fixture.publicKey,
    );
    const [planted, ...others] = data.registries?.releases ?? [];
    expect(planted).toMatchObject({
      name: '2030.1.1',
      tags: [],
      problem: expect.stringContaining(`/name is ${versions[0]}`),
    });
    expect(others.map(({ name }) => name)).toEqual(versions.toReversed());
    expect(await text('#registries')).toContain(planted?.problem);
    await isGood(shown, 'report-planted');
  });
});

it('writes text of an image from an archive, and refuses what is none', async () => {
  const archive = join(folder, 'image.tar');
  const built = await fixture.run('build', '--base', fixture.base, '--output', `type=oci,dest=${archive}`);
  expect(built.exitCode, built.stderr).toBe(0);
  const { exitCode, stdout, stderr } = await run(['report', archive, '--text']);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/ to pull, .* on disk; \d+ layers, \d+ packages; .* wasted \(\d/);
  expect(stdout).toMatch(/^node \d.*█/m);
  const text = join(folder, 'image.html');
  const before = await readFile(text);
  const refused = await run(['report', text, '--json']);
  expect(refused.exitCode).toBe(1);
  expect(JSON.parse(refused.stdout).error).toMatchObject({ kind: 'invalid-content' });
  expect((await readFile(text)).equals(before)).toBe(true);
});

it.each([
  [[], 'name an image, or give --registries'],
  [['openclaw:local', '--releases', '3'], 'needs one repository without a tag'],
  [['openclaw', '--releases', 'many'], 'is not a number of releases'],
  [['openclaw:local', '--platform', 'linux/mips'], 'is not a platform of the gateway'],
  [['Openclaw'], 'a repository name must be lower-case'],
  [['./absent.tar'], 'does not exist'],
  [['openclaw:local', '--output', 'absent/report.html'], 'is in a folder that does not exist'],
])('refuses %j', async (args, reason) => {
  const { exitCode, stderr } = await run(['report', ...args]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain(reason);
});
