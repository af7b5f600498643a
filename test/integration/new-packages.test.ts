import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReference } from '../../build/oci/reference.ts';
import { compareLayers } from '../../build/release/compare-layers.ts';
import { type RegistryImage, readRegistryImage } from '../../build/release/registry-image.ts';
import { engine, inImage } from '../support/command.ts';
import { type DebianMirror, startDebianMirror } from '../support/debian-mirror.ts';
import { publishBase } from '../support/published-base.ts';
import { createReleaseFixture, type Published, type ReleaseFixture } from '../support/release-fixture.ts';

let fixture: ReleaseFixture;
let repository = '';
let mirror: DebianMirror;

const rebase = (base: string, date: string) =>
  fixture.run(
    ...['rebase', `${repository}:${fixture.version}`, '--base', base, '--date', date, '--registries', repository],
    ...['--sign', 'none'],
  );

const read = async (tag: string): Promise<RegistryImage> => {
  const at = parseReference(repository);
  const document = await fixture.read.document(at, tag);
  const image = await readRegistryImage(fixture.read, at, document?.descriptor.digest ?? '', 'linux/amd64');
  if (image === undefined) throw new Error(`${tag} is not there`);
  return image;
};
const layers = ({ manifest }: RegistryImage): readonly string[] => manifest.layers.map(({ digest }) => digest);
const tini = async (tag: string): Promise<string> =>
  (await inImage(`${repository}:${tag}`, `dpkg-query --show --showformat '\${Version}' tini`)).stdout;

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  repository = fixture.repositories[0];
  mirror = await startDebianMirror(fixture.base, 'tini', ['9.1', '9.2', '9.3']);
  await publishBase(engine(), fixture.base, 'older', { also: mirror.source });
  const { exitCode, stdout, stderr } = await fixture.run(
    ...['release', 'publish', ...fixture.common([repository]), '--variants', 'default', '--base', fixture.base],
    ...['--sign', 'none', '--json'],
  );
  expect(exitCode, stdout + stderr).toBe(0);
});
afterAll(() => Promise.all([fixture.tearDown(), mirror.stop()]));

describe('a refresh', () => {
  const newest = async () => {
    const { exitCode, stdout, stderr } = await fixture.run(
      ...['release', 'newest', '--registries', repository, '--debian', '--json'],
    );
    expect(exitCode, stdout + stderr).toBe(0);
    return JSON.parse(stdout) as { readonly reason: string; readonly updates: readonly object[] };
  };

  it('is due if Debian serves a newer version of a package in the image', async () => {
    expect((await newest()).updates).not.toContainEqual(expect.objectContaining({ name: 'tini' }));
    mirror.serve('9.2');
    const { reason, updates } = await newest();
    expect(updates).toContainEqual({
      ...{ name: 'tini', installed: '9.1', available: '9.2' },
      ...{ security: false, ofBase: false },
    });
    expect(reason).toContain('Debian has newer versions: tini 9.1 → 9.2');
  });
});

describe('a rebase over changed Debian packages', () => {
  it('installs the packages of today below the same layers of the gateway, and builds nothing of it', async () => {
    const before = await read(fixture.version);
    expect(await tini(fixture.version)).toBe('9.1');
    const also = `${mirror.source}\nRUN apt-get -qq update && apt-get -qq install --yes less && rm -rf /var/lib/apt/lists/* /var/cache/apt/*`;
    await publishBase(engine(), fixture.base, 'newer', { also });
    const { exitCode, stdout, stderr } = await rebase(fixture.base, '20300501');
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toMatch(/default: 2 Debian packages change: tini 9\.1 → 9\.2, less \S+ is new/);
    const tag = `${fixture.version}-r20300501`;
    expect(await tini(tag)).toBe('9.2');
    const after = await read(tag);
    // Above the base and the layer of the Debian packages, everything is as it was.
    const gateway = layers(before).slice(layers(before).findLastIndex((digest) => !layers(after).includes(digest)) + 1);
    expect(gateway.length).toBeGreaterThan(5);
    expect(layers(after).slice(-gateway.length)).toEqual(gateway);
    expect(after.config.rootfs.diff_ids).toHaveLength(layers(after).length);
    expect((await inImage(`${repository}:${tag}`, 'cat /etc/base-version && openclaw --version')).stdout).toMatch(
      new RegExp(`^newer\n.*${RegExp.escape(fixture.version)}`),
    );
  });

  it('gives the image that a build on the new base gives, but for its times', async () => {
    const rebased = await read(`${fixture.version}-r20300501`);
    const { exitCode, stdout, stderr } = await fixture.run(
      ...['release', 'publish', ...fixture.common([repository]), '--variants', 'default', '--base', fixture.base],
      ...['--event', 'refresh', '--date', '20300502', '--sign', 'none', '--json'],
    );
    expect(exitCode, stdout + stderr).toBe(0);
    const built = await read(`${fixture.version}-r20300502`);
    const from = ({ manifest, source }: RegistryImage) => ({ layers: manifest.layers, source });
    const results = await compareLayers(from(rebased), from(built), () => {});
    expect(results.filter(({ status }) => status !== 'equal')).toEqual([]);
    const { created: _, history: __, ...config } = built.config;
    expect({ ...rebased.config, created: undefined, history: undefined }).toMatchObject({
      ...config,
      config: { ...config.config, Labels: expect.any(Object) },
    });
  });

  it('works again on a rebased image, and on the same base: its provenance has the Dockerfile', async () => {
    mirror.serve('9.3');
    const rebased = `${fixture.version}-r20300501`;
    const { exitCode, stdout, stderr } = await fixture.run(
      ...['rebase', `${repository}:${rebased}`, '--base', fixture.base, '--date', '20300503'],
      ...['--registries', repository, '--sign', 'none'],
    );
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toContain('default: 1 Debian package changes: tini 9.2 → 9.3');
    const [before, after] = [layers(await read(rebased)), layers(await read(`${fixture.version}-r20300503`))];
    expect(after.filter((digest) => !before.includes(digest))).toHaveLength(1);
  });

  it('on a day that has a refresh is refused: its record would count as an interrupted run', async () => {
    const { exitCode, stdout } = await fixture.run(
      ...['rebase', `${repository}:${fixture.version}`, '--base', fixture.base, '--date', '20300501', '--new-packages'],
      ...['--registries', repository, '--sign', 'none', '--json'],
    );
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'version-exists' });
  });
});

describe('a run base', () => {
  const name = 'base-24-20300510';
  const signed = () => ['--sign', fixture.privateKey, '--registries', repository];

  it('has the Debian packages of a day, and its own record, annotations, SBOM and signature', async () => {
    const { exitCode, stdout, stderr } = await fixture.run(
      ...['release', 'publish', '--ref', 'base/24', '--date', '20300510', '--platforms', 'linux/amd64'],
      ...['--base', fixture.base, '--revision', 'a'.repeat(40), ...signed(), '--json'],
    );
    expect(exitCode, stdout + stderr).toBe(0);
    const { record } = JSON.parse(stdout) as Published;
    expect(record.tags.map(({ tag }) => tag)).toEqual([name, `${name}-amd64`]);
    expect(await tini(name)).toBe('9.3');
    const verified = await fixture.run(
      ...['release', 'verify', `${repository}:${name}`, '--key', fixture.publicKey, '--platforms', 'linux/amd64'],
    );
    expect(verified.exitCode, verified.stdout).toBe(0);
    const { annotations = {} } = (await read(name)).manifest;
    expect(annotations['org.opencontainers.image.base.name']).toBe(fixture.base);
  });

  it('comes below the layers of a published gateway without a build, whose base stays the one of the run base', async () => {
    const { exitCode, stdout, stderr } = await fixture.run(
      ...['rebase', `${repository}:${fixture.version}`, '--base', `${repository}:${name}`, '--date', '20300510'],
      ...signed(),
    );
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toContain('default for linux/amd64 has the Debian packages of the run base');
    expect(stderr).not.toContain('installing the Debian packages');
    const [below, before, after] = await Promise.all([name, fixture.version, `${fixture.version}-r20300510`].map(read));
    if (below === undefined || before === undefined || after === undefined) throw new Error('an image is missing');
    expect(layers(after)).toEqual([
      ...layers(below),
      ...layers(before).slice(-layers(after).length + layers(below).length),
    ]);
    const { annotations = {} } = after.manifest;
    expect(annotations['org.opencontainers.image.base.digest']).toBe(
      below.manifest.annotations?.['org.opencontainers.image.base.digest'],
    );
    expect(annotations['ai.openclaw.image.run-base']).toContain(`${repository}:${name}@sha256:`);
    expect(await tini(`${fixture.version}-r20300510`)).toBe('9.3');
  });

  it('gives a build the layers that a rebase has', async () => {
    const { exitCode, stdout, stderr } = await fixture.run(
      ...['release', 'publish', ...fixture.common([repository]), '--variants', 'default', '--event', 'refresh'],
      ...['--date', '20300511', '--base', `${repository}:${name}`, '--sign', fixture.privateKey],
    );
    expect(exitCode, stdout + stderr).toBe(0);
    const [rebased, built] = await Promise.all(
      ['20300510', '20300511'].map((day) => read(`${fixture.version}-r${day}`)),
    );
    if (rebased === undefined || built === undefined) throw new Error('an image is missing');
    expect(layers(built).slice(0, layers(await read(name)).length)).toEqual(layers(await read(name)));
    const from = ({ manifest, source }: RegistryImage) => ({ layers: manifest.layers, source });
    const results = await compareLayers(from(rebased), from(built), () => {});
    expect(results.filter(({ status }) => status !== 'equal')).toEqual([]);
  });

  it('that only says so is refused, by a rebase and by a build', async () => {
    const { annotations = {} } = (await read(name)).manifest;
    const keys = ['org.opencontainers.image.base.name', 'org.opencontainers.image.base.digest'];
    const labels = [
      ...keys.map((key) => `${key}=${annotations[key]}`),
      'org.opencontainers.image.version=base-24-20300601',
    ];
    const planted = `${repository}:planted`;
    await publishBase(engine(), planted, 'planted', { also: `LABEL ${labels.join(' ')}` });
    const tagged = `${repository}:base-24-20300602`;
    await publishBase(engine(), tagged, 'tagged');
    const refresh = [
      'release',
      'publish',
      ...fixture.common([repository]),
      '--variants',
      'default',
      '--event',
      'refresh',
    ];
    const rebased = ['rebase', `${repository}:${fixture.version}`, '--registries', repository];
    for (const command of [refresh, rebased])
      for (const base of [planted, tagged]) {
        const options = ['--base', base, '--date', '20300601', '--sign', 'none', '--json'];
        const { exitCode, stdout } = await fixture.run(...command, ...options);
        expect(exitCode).toBe(1);
        expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'untrusted-record' });
      }
  });
});
