import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { cosignSigner } from '../../../build/attest/signature.ts';
import { cacheFolder } from '../../../build/cache-folder.ts';
import { MEDIA_TYPES, storeDocument } from '../../../build/oci/descriptor.ts';
import { parseReference } from '../../../build/oci/reference.ts';
import type { PlatformImageFile } from '../../../build/release/platform-image-file.ts';
import { putRecord, type ReleaseRecord, recordDocument } from '../../../build/release/release-record.ts';
import { stateFolder } from '../../../build/state-folder.ts';
import {
  createReleaseFixture,
  PASSWORD_OF_KEY,
  type Published,
  type ReleaseFixture,
} from '../../support/release-fixture.ts';

let fixture: ReleaseFixture;
let images = '';
let record: ReleaseRecord;
/** The image that somebody with write access to the first registry wants to be released. */
const PLANTED = storeDocument({
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.index,
  manifests: [],
  annotations: { planted: 'yes' },
});

beforeAll(async () => {
  fixture = await createReleaseFixture('small');
  images = join(fixture.folder, 'images');
  const built = await fixture.run(
    ...['release', 'build', '--ref', fixture.ref, '--platforms', 'linux/amd64', '--variants', 'default'],
    ...['--base', fixture.base, '--to', images],
  );
  expect(built.exitCode, built.stderr).toBe(0);
  // Everything that the record of this release has is public.
  const file = JSON.parse(await readFile(join(images, 'default-amd64.json'), 'utf8')) as PlatformImageFile;
  const { annotations } = file.image;
  const [first, mirror] = fixture.repositories;
  record = {
    name: fixture.version,
    ref: fixture.ref,
    event: 'push',
    date: '20261127',
    revision: file.revision,
    source: file.source,
    base: annotations['org.opencontainers.image.base.digest'] ?? '',
    created: annotations['org.opencontainers.image.created'] ?? '',
    signed: true,
    registries: [first, mirror],
    variants: ['default'],
    platforms: ['linux/amd64'],
    images: { default: { index: PLANTED.descriptor, platforms: { 'linux/amd64': PLANTED.descriptor } } },
    tags: [first, mirror].flatMap((registry) =>
      [fixture.version, 'latest'].map((tag) => ({
        registry,
        tag,
        kind: tag === 'latest' ? ('channel' as const) : ('version' as const),
        digest: PLANTED.descriptor.digest,
      })),
    ),
  };
  const repository = parseReference(first);
  await fixture.read.putDocument(repository, PLANTED.descriptor.digest, PLANTED);
  await putRecord(fixture.read, first, record, undefined);
});
afterAll(() => fixture.tearDown());

const joinImages = (...more: readonly string[]) =>
  fixture.run(
    ...[
      'release',
      'join',
      ...fixture.common(fixture.repositories),
      '--variants',
      'default',
      '--from',
      images,
      '--json',
    ],
    ...more,
  );
const registries = (): readonly string[] => ['--registries', fixture.repositories.join(',')];
const nothingIsTagged = async (): Promise<void> => {
  expect(await Promise.all(fixture.repositories.map(fixture.tagsOf))).toEqual([{}, {}]);
};

describe('a record that somebody planted in the first registry', () => {
  it('ends a release before anything is signed or tagged', async () => {
    const { exitCode, stdout } = await joinImages('--sign', fixture.privateKey);
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({
      kind: 'untrusted-record',
      reason: expect.stringContaining(`${fixture.repositories[0]}:release-${fixture.version}`),
    });
    await nothingIsTagged();
    const mirror = parseReference(fixture.repositories[1]);
    expect(await fixture.read.document(mirror, PLANTED.descriptor.digest)).toBeUndefined();
  });

  it.each([
    ['status', ['release', 'status', '--release']],
    ['repair', ['release', 'repair', '--release']],
    ['newest', ['release', 'newest']],
  ])('is not believed by %s', async (_, args) => {
    const named = args.includes('--release') ? [...args, fixture.version] : args;
    const { exitCode, stdout } = await fixture.run(...named, ...registries(), '--key', fixture.publicKey, '--json');
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'untrusted-record' });
    await nothingIsTagged();
  });

  it('is not believed by rebase', async () => {
    const reference = `${fixture.repositories[0]}:${fixture.version}`;
    const { exitCode, stdout } = await fixture.run(
      ...['rebase', reference, '--base', fixture.base, '--key', fixture.publicKey, '--json'],
    );
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'untrusted-record' });
  });

  it('does not count with a signature of another key', async () => {
    const other = join(fixture.folder, 'other');
    const { COSIGN_PASSWORD } = process.env;
    process.env['COSIGN_PASSWORD'] = PASSWORD_OF_KEY;
    await $({
      cwd: fixture.folder,
    })`${cacheFolder('cosign', 'usr/bin/cosign')} generate-key-pair --output-key-prefix ${other}`;
    const signer = await cosignSigner({ kind: 'key', key: `${other}.key` }, () => {});
    const { descriptor } = recordDocument(record).manifest;
    await signer?.sign(fixture.read, [parseReference(fixture.repositories[0])], descriptor);
    if (COSIGN_PASSWORD === undefined) delete process.env['COSIGN_PASSWORD'];
    else process.env['COSIGN_PASSWORD'] = COSIGN_PASSWORD;
    const { exitCode, stdout } = await joinImages('--sign', fixture.privateKey);
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'untrusted-record' });
    await nothingIsTagged();
  });

  it('is removed by the command in the hint, and the release goes on', async () => {
    const cleared = await fixture.run(
      ...['release', 'clear', '--record', fixture.version, '--registries', fixture.repositories[0], '--json'],
    );
    expect(cleared.exitCode, cleared.stdout).toBe(0);
    const { exitCode, stdout } = await joinImages('--sign', fixture.privateKey);
    expect(exitCode, stdout).toBe(0);
    const published = (JSON.parse(stdout) as Published).record;
    expect(published.images.default?.index.digest).not.toBe(PLANTED.descriptor.digest);
    const tags = await fixture.tagsOf(fixture.repositories[0]);
    expect(tags['latest']).toBe(published.images.default?.index.digest);
  });

  it('of the release itself counts on another host, by its signature', async () => {
    // Another host has no list of what it wrote.
    await rm(stateFolder('written'), { recursive: true });
    const args = ['release', 'status', '--release', fixture.version, ...registries()];
    const unknown = await fixture.run(...args, '--json');
    expect(unknown.exitCode, unknown.stdout).toBe(1);
    const { exitCode, stdout } = await fixture.run(...args, '--key', fixture.publicKey);
    expect(exitCode, stdout).toBe(0);
  });
});
