import { describe, expect, it } from 'vitest';
import { storeDocument } from '../../../build/oci/descriptor.ts';
import { parseReference } from '../../../build/oci/reference.ts';
import type { ChannelDecision } from '../../../build/release/channel-decision.ts';
import { findRecord } from '../../../build/release/find-record.ts';
import { putRecord, type ReleaseRecord } from '../../../build/release/release-record.ts';
import { releaseStatus } from '../../../build/release/release-status.ts';
import { decisionDocument, putDecision } from '../../../build/release/stored-decision.ts';
import { useMemoryRegistry } from '../../support/memory-registry.ts';

const here = useMemoryRegistry();

const trusted = async (): Promise<boolean> => true;
const imageOf = (version: string) =>
  storeDocument({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [],
    annotations: { 'org.opencontainers.image.version': version },
  });

/** Publishes a version: its image, its tag and its record, which names no channel. */
async function publish(version: string): Promise<ReleaseRecord> {
  const image = imageOf(version);
  const record: ReleaseRecord = {
    ...{ name: version, ref: `refs/tags/v${version}`, event: 'backfill', date: '20260907', revision: 'f'.repeat(40) },
    ...{ source: 'https://github.com/openclaw/openclaw', base: `sha256:${'b'.repeat(64)}`, signed: true },
    ...{ created: '2026-09-07T00:00:00.000Z', registries: [here.repository], variants: ['default'] },
    ...{
      platforms: ['linux/amd64'],
      platformTags: false,
      images: { default: { index: image.descriptor, platforms: {} } },
    },
    tags: [{ registry: here.repository, tag: version, kind: 'version', digest: image.descriptor.digest }],
  };
  await here.registry.putDocument(parseReference(here.repository), version, image);
  await putRecord(here.registry, here.repository, record, undefined);
  return record;
}

const decide = (release: string, withdrawn: readonly string[]): Promise<void> =>
  putDecision(here.registry, parseReference(here.repository), decision(release, withdrawn), undefined);
const decision = (release: string, withdrawn: readonly string[]): ChannelDecision => ({
  ...{ channel: 'latest', release, withdrawn, reason: 'sign-in fails' },
  ...{ decided: '2026-11-27T12:00:00.000Z', by: 'me' },
});

it('is found below any number of withdrawn releases', async () => {
  const newer = Array.from({ length: 25 }, (_, index) => `2026.9.${index + 6}`);
  await publish('2026.9.5');
  for (const version of newer)
    await here.registry.putDocument(parseReference(here.repository), `release-${version}`, imageOf(version));
  await decide('2026.9.5', newer);
  expect((await findRecord(here.registry, [here.repository], undefined, trusted)).name).toBe('2026.9.5');
});

it('a decision that later commands would refuse is not written', () => {
  const newer = Array.from({ length: 1001 }, (_, index) => `2026.9.${index}`);
  expect(() => decisionDocument(decision('2026.1.1', newer))).toThrow(/withdrawn/);
});

describe('the status of a chosen release whose record has no channel', () => {
  const statusOfLatest = async (record: ReleaseRecord) =>
    (await releaseStatus(record, here.registry, trusted)).filter(({ tag }) => tag === 'latest');

  it('compares the channel with the chosen image', async () => {
    const record = await publish('2026.9.5');
    await here.registry.putDocument(parseReference(here.repository), 'latest', imageOf('2026.9.5'));
    await decide('2026.9.5', ['2026.9.6']);
    // The image has no manifests, so it is incomplete; its digest is the right one.
    expect(await statusOfLatest(record)).toMatchObject([{ state: 'missing platform' }]);
  });

  it('says that the channel names another image, or does not exist', async () => {
    const record = await publish('2026.9.5');
    await decide('2026.9.5', ['2026.9.6']);
    expect(await statusOfLatest(record)).toMatchObject([{ state: 'missing' }]);
    await here.registry.putDocument(parseReference(here.repository), 'latest', imageOf('2026.1.1'));
    expect(await statusOfLatest(record)).toMatchObject([{ state: 'wrong digest', why: 'is 2026.1.1' }]);
  });

  it('says so if a newer release has the channel', async () => {
    const record = await publish('2026.9.5');
    for (const tag of ['2026.9.7', 'latest'])
      await here.registry.putDocument(parseReference(here.repository), tag, imageOf('2026.9.7'));
    await decide('2026.9.5', ['2026.9.6']);
    expect(await statusOfLatest(record)).toMatchObject([{ state: 'moved on', why: '2026.9.7 is newer' }]);
  });
});
