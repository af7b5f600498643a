import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { engine, run } from '../support/command.ts';
import { makeCheckout } from '../support/make-checkout.ts';
import { plainBuildArguments } from '../support/plain-build.ts';

/** Every stage whose files the image contains. The toolchain is needed only during the build. */
const STAGES =
  'system system-with-apt files docs skills package canvas server control-ui dependencies plugins runtime'.replaceAll(
    ' ',
    ',',
  );

interface Image {
  readonly config: string;
  readonly layers: readonly string[];
}

/** Builds a checkout into a layout, with no stage of the image from the cache. */
async function buildAnew(checkout: string, date: number): Promise<Image> {
  const file = join(checkout, '../', `${date}.Dockerfile`);
  const layout = `${checkout}-layout`;
  const rendered = await run(['render', '--source', checkout, '--file', file]);
  expect(rendered.exitCode, rendered.stderr).toBe(0);
  const { docker, environment } = engine();
  const args = [
    ...(await plainBuildArguments()),
    ...['--file', file, '--no-cache-filter', STAGES, '--provenance=false'],
    ...['--build-arg', 'OPENCLAW_EXTENSIONS=kimi-coding', '--build-arg', 'OPENCLAW_IMAGE_APT_PACKAGES=dbus fontconfig'],
    // dbus adds an account, and fontconfig writes a cache with times.
    ...['--output', `type=oci,dest=${layout},tar=false,compression=zstd,force-compression=true`],
  ];
  const env = { ...environment, SOURCE_DATE_EPOCH: String(date) };
  await $({ env, quiet: true })`${docker} buildx build ${args} ${checkout}`;
  const read = async (digest: string) =>
    JSON.parse(await readFile(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  const manifest = await read(index.manifests[0].digest);
  await rm(file);
  await rm(layout, { recursive: true });
  return {
    config: manifest.config.digest,
    layers: manifest.layers.map(({ digest }: { readonly digest: string }) => digest),
  };
}

describe('the same contents, built on two days from two clones', () => {
  let first = '';
  let second = '';
  beforeAll(async () => {
    first = await makeCheckout('new');
    second = await makeCheckout('new');
    // Another umask, and another day of cloning.
    await $`find ${second} -path ${second}/.git -prune -o -type d -exec chmod 775 {} + -o -type f -exec chmod g+w {} +`;
    await $`find ${second} -path ${second}/.git -prune -o -exec touch --no-dereference --date=2001-02-03 {} +`;
  });
  afterAll(async () => {
    for (const folder of [first, second]) await rm(folder, { recursive: true, force: true });
  });

  it('give the same layers; only the config has the date', async () => {
    const before = await buildAnew(first, 1_700_000_000);
    const after = await buildAnew(second, 1_800_000_000);
    expect(after.layers).toEqual(before.layers);
    expect(before.layers.length).toBeGreaterThan(10);
    expect(after.config).not.toBe(before.config);
  });
});
