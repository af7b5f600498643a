import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { engine, run } from '../support/command.ts';
import { makeCheckout } from '../support/make-checkout.ts';
import { plainBuildArguments } from '../support/plain-build.ts';

/** Every stage whose files the image contains. The toolchain is needed only during the build. */
const STAGES = [
  ...['system', 'system-with-apt', 'files', 'docs', 'skills', 'package'],
  ...['canvas', 'server', 'control-ui', 'dependencies', 'plugins', 'with-server', 'runtime'],
];
/** dbus adds an account and a random number, and fontconfig writes a cache that contains times. */
const APT = 'dbus fontconfig';

interface Image {
  readonly config: string;
  readonly layers: readonly string[];
}

/** Builds a checkout into a layout, with no stage of the image from the cache. @param folder for the Dockerfile and the layout */
async function buildAnew(checkout: string, date: number, folder: string): Promise<Image> {
  const file = join(folder, `${date}.Dockerfile`);
  const layout = join(folder, String(date));
  const rendered = await run(['render', '--source', checkout, '--file', file]);
  expect(rendered.exitCode, rendered.stderr).toBe(0);
  const { docker, environment } = engine();
  const args = [
    ...(await plainBuildArguments()),
    ...['--file', file, '--no-cache-filter', STAGES.join(), '--provenance=false'],
    ...['--build-arg', 'OPENCLAW_EXTENSIONS=kimi-coding', '--build-arg', `OPENCLAW_IMAGE_APT_PACKAGES=${APT}`],
    ...['--output', `type=oci,dest=${layout},tar=false,compression=zstd,force-compression=true`],
  ];
  const env = { ...environment, SOURCE_DATE_EPOCH: String(date) };
  await $({ env, quiet: true })`${docker} buildx build ${args} ${checkout}`;
  const read = async (digest: string) =>
    JSON.parse(await readFile(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const manifest = await read(index.manifests[0].digest);
  return {
    config: manifest.config.digest,
    layers: manifest.layers.map(({ digest }: { readonly digest: string }) => digest),
  };
}

describe('the same contents, built on two days from two clones', () => {
  let first = '';
  let second = '';
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'openclaw-image-lasting-'));
    first = await makeCheckout('new');
    second = join(folder, 'clone');
    await $`git clone --quiet ${first} ${second}`;
    // Another umask, and another day of cloning.
    await $`find ${second} -path ${second}/.git -prune -o -type d -exec chmod 775 {} + -o -type f -exec chmod g+w {} +`;
    await $`find ${second} -path ${second}/.git -prune -o -exec touch --no-dereference --date=2001-02-03 {} +`;
  });
  afterAll(async () => {
    for (const path of [first, folder]) await rm(path, { recursive: true, force: true });
  });

  it('give the same layers; only the config has the date', async () => {
    const before = await buildAnew(first, 1_700_000_000, folder);
    const after = await buildAnew(second, 1_800_000_000, folder);
    expect(after.layers).toEqual(before.layers);
    expect(before.layers.length).toBeGreaterThan(10);
    expect(after.config).not.toBe(before.config);
  });
});
