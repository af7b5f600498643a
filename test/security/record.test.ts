import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clearArtifact, putArtifact } from '../../build/oci/artifact.ts';
import { digestOf, MEDIA_TYPES, storeDocument } from '../../build/oci/descriptor.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { openRegistries, type Registry } from '../../build/oci/registry.ts';
import type { ChannelDecision } from '../../build/release/channel-decision.ts';
import { findRecord } from '../../build/release/find-record.ts';
import { rememberWritten } from '../../build/release/own-digests.ts';
import { clearLock, guardedRegistry, takeLock } from '../../build/release/release-lock.ts';
import { putRecord, type ReleaseRecord, readRecord, recordDocument } from '../../build/release/release-record.ts';
import { releaseStatus, restrictedTo } from '../../build/release/release-status.ts';
import { repairRelease } from '../../build/release/repair-release.ts';
import { decisionDigest, putDecision, readDecision } from '../../build/release/stored-decision.ts';
import { memoryRegistry, serve, type TestServer } from '../support/http-server.ts';

const RECORD_TYPE = 'application/vnd.openclaw.release.record.v1+json';
const LOCK_TYPE = 'application/vnd.openclaw.release.lock.v1+json';
const IMAGE = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [], annotations: { a: 'b' } });
const EMPTY_INDEX = { schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [] } as const;
const OTHER = storeDocument(EMPTY_INDEX);

let state = '';
let before: string | undefined;
beforeAll(async () => {
  before = process.env['XDG_STATE_HOME'];
  state = await mkdtemp(join(tmpdir(), 'openclaw-image-state-'));
  process.env['XDG_STATE_HOME'] = state;
});
afterAll(async () => {
  if (before === undefined) delete process.env['XDG_STATE_HOME'];
  else process.env['XDG_STATE_HOME'] = before;
  await rm(state, { recursive: true, force: true });
});

let servers: readonly TestServer[];
let registry: Registry;
let first = '';
let mirror = '';
beforeEach(async () => {
  servers = [await serve(memoryRegistry()), await serve(memoryRegistry())];
  registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 1, onWait: () => {} } });
  [first = '', mirror = ''] = servers.map(({ address }) => `${address}/openclaw`);
});
afterEach(async () => {
  for (const server of servers) await server.stop();
});

const recordOf = (change: Partial<ReleaseRecord> = {}): ReleaseRecord => ({
  name: '2026.9.6',
  ref: 'refs/tags/v2026.9.6',
  event: 'push',
  date: '20260907',
  revision: 'f'.repeat(40),
  source: 'https://github.com/openclaw/openclaw',
  base: `sha256:${'b'.repeat(64)}`,
  created: '2026-09-07T00:00:00.000Z',
  signed: true,
  registries: [first, mirror],
  variants: ['default'],
  platforms: ['linux/amd64'],
  images: { default: { index: IMAGE.descriptor, platforms: {} } },
  tags: [first, mirror].map((name) => ({
    registry: name,
    tag: '2026.9.6',
    kind: 'version',
    digest: IMAGE.descriptor.digest,
  })),
  ...change,
});

/** Writes a record as somebody does who can push to the repository. */
const plant = (content: unknown, repository = first, name = '2026.9.6'): Promise<void> =>
  putArtifact(registry, parseReference(repository), `release-${name}`, { type: RECORD_TYPE, annotations: {}, content });

const nobody = async (): Promise<boolean> => false;
const requests = (method: string): readonly string[] =>
  servers.flatMap((server) => server.requests.filter((request) => request.method === method).map(({ path }) => path));

describe('a planted record', () => {
  it.each([
    ['by name', '2026.9.6'],
    ['as the newest', undefined],
  ])('is refused %s, with the command that removes it', async (_, name) => {
    await plant(recordOf());
    await expect(findRecord(registry, [first], name, nobody)).rejects.toMatchObject({
      failure: {
        kind: 'untrusted-record',
        reason: expect.stringContaining(`${first}:release-2026.9.6`),
        hint: expect.stringContaining(`release clear --record 2026.9.6 --registries ${first}`),
      },
    });
  });

  it('that was cleared does not hide an older release', async () => {
    const older = recordOf({ name: '2026.9.5', ref: 'refs/tags/v2026.9.5' });
    await plant(older, first, '2026.9.5');
    await plant(recordOf());
    await clearArtifact(registry, parseReference(first), 'release-2026.9.6');
    expect((await findRecord(registry, [first], undefined, async () => true)).name).toBe('2026.9.5');
  });

  it('belongs to one channel: each has its own newest release', async () => {
    for (const name of ['2026.9.6', '2026.6.35', '2026.6.33', '2026.10.1-beta.1'])
      await plant(recordOf({ name, ref: `refs/tags/v${name}` }), first, name);
    const newest = (channel: 'latest' | 'extended-stable') =>
      findRecord(registry, [first], undefined, async () => true, channel).then(({ name }) => name);
    expect([await newest('latest'), await newest('extended-stable')]).toEqual(['2026.9.6', '2026.6.35']);
  });

  it('does not hide the trusted one of another registry', async () => {
    await plant(recordOf({ revision: 'e'.repeat(40) }));
    await plant(recordOf(), mirror);
    const signed = await readRecord(registry, mirror, '2026.9.6');
    const record = await findRecord(
      registry,
      [first, mirror],
      '2026.9.6',
      async (_, digest) => digest === signed?.descriptor.digest,
    );
    expect(record.revision).toBe('f'.repeat(40));
  });

  it('counts if a signature of the identity that signs releases is valid', async () => {
    await plant(recordOf());
    expect(await findRecord(registry, [first], '2026.9.6', async () => true)).toEqual(recordOf());
  });

  it('counts without a signature on the host that wrote it, and for the same bytes only', async () => {
    await rememberWritten(parseReference(first), [recordDocument(recordOf()).manifest.descriptor.digest]);
    await putRecord(registry, first, recordOf(), undefined);
    expect(await findRecord(registry, [first], '2026.9.6', undefined)).toEqual(recordOf());
    await plant(recordOf({ revision: 'e'.repeat(40) }));
    await expect(findRecord(registry, [first], '2026.9.6', undefined)).rejects.toMatchObject({
      failure: { kind: 'untrusted-record' },
    });
  });
});

const broken = (): readonly (readonly [string, unknown])[] => [
  ['no object', 'text'],
  ['nothing in it', {}],
  ['no tags', { ...recordOf(), tags: undefined }],
  ['a path as a digest', { ...recordOf(), base: 'sha256:../../x' }],
  [
    'a path as the digest of an image',
    { ...recordOf(), images: { default: { index: { ...IMAGE.descriptor, digest: '../../x' }, platforms: {} } } },
  ],
  ['a line for a workflow in its ref', { ...recordOf(), ref: 'refs/tags/v1\nstale=true' }],
  ['a command for a workflow in its source', { ...recordOf(), source: 'x\n::error::y' }],
  ['the name of another release', recordOf({ name: '2026.9.7' })],
  [
    'a tag of an image that it does not have',
    recordOf({ tags: [{ registry: first, tag: 'latest', kind: 'channel', digest: OTHER.descriptor.digest }] }),
  ],
  [
    'a tag of a registry that it does not have',
    recordOf({
      tags: [{ registry: `${mirror}/payroll`, tag: 'latest', kind: 'channel', digest: IMAGE.descriptor.digest }],
    }),
  ],
  ['another platform', { ...recordOf(), platforms: ['linux/s390x'] }],
  ['another event', { ...recordOf(), event: 'constructor' }],
];

it.each(Array.from({ length: 12 }, (_, number) => number))(
  'record %i that breaks a rule is named as such',
  async (number) => {
    const [what = '', content] = broken()[number] ?? [];
    await plant(content);
    await expect(readRecord(registry, first, '2026.9.6'), what).rejects.toMatchObject({
      failure: {
        kind: 'invalid-record',
        reason: expect.stringContaining(`${first}:release-2026.9.6`),
        hint: expect.stringContaining('release clear --record 2026.9.6'),
      },
    });
  },
);

describe('a repository that only the record names', () => {
  beforeEach(async () => {
    await registry.putDocument(parseReference(first), '2026.9.6', IMAGE);
    await registry.putDocument(parseReference(mirror), 'latest', OTHER);
  });

  it('is neither read nor written by repair', async () => {
    const record = recordOf({
      tags: [
        { registry: first, tag: '2026.9.6', kind: 'version', digest: IMAGE.descriptor.digest },
        { registry: mirror, tag: 'latest', kind: 'channel', digest: IMAGE.descriptor.digest },
      ],
    });
    const at = servers[1]?.requests.length;
    await repairRelease(record, [first], registry, undefined, () => {}).catch(() => {});
    expect(servers[1]?.requests.length).toBe(at);
    expect((await registry.document(parseReference(mirror), 'latest'))?.descriptor.digest).toBe(
      OTHER.descriptor.digest,
    );
  });

  it('is not read by status', async () => {
    const at = servers[1]?.requests.length;
    const tags = await releaseStatus(restrictedTo(recordOf(), [first]), registry, undefined);
    expect(tags.map((tag) => tag.registry)).toEqual([first]);
    expect(servers[1]?.requests.length).toBe(at);
  });
});

describe('a record that somebody else changed meanwhile', () => {
  it('is not overwritten', async () => {
    await plant(recordOf());
    const read = (await readRecord(registry, first, '2026.9.6'))?.descriptor.digest;
    await plant(recordOf({ revision: 'e'.repeat(40) }));
    await expect(putRecord(registry, first, recordOf({ signed: false }), read)).rejects.toMatchObject({
      failure: { kind: 'record-changed' },
    });
    expect((await readRecord(registry, first, '2026.9.6'))?.record.revision).toBe('e'.repeat(40));
  });
});

describe('a document that is too large, or has too many entries', () => {
  const decision: ChannelDecision = {
    ...{ channel: 'latest', release: '2026.9.5', withdrawn: ['2026.9.6'], reason: 'broken' },
    ...{ decided: '2026-09-08T00:00:00.000Z', by: 'me' },
  };
  const entry = { ...IMAGE.descriptor, platform: { os: 'linux', architecture: 'amd64' } };
  it.each([
    ['5 MB', storeDocument({ ...EMPTY_INDEX, annotations: { a: 'x'.repeat(5e6) } })],
    ['101 entries', storeDocument({ ...EMPTY_INDEX, manifests: Array.from({ length: 101 }, () => entry) })],
  ])('is named with the command that clears it: %s', async (_, document) => {
    for (const tag of ['release-2026.9.6', 'decision-latest'])
      await registry.putDocument(parseReference(first), tag, document);
    await expect(readRecord(registry, first, '2026.9.6')).rejects.toMatchObject({
      failure: { kind: 'invalid-record', hint: expect.stringContaining('release clear --record 2026.9.6') },
    });
    const invalid = {
      failure: { kind: 'invalid-decision', hint: expect.stringContaining('release clear --decision latest') },
    };
    await expect(readDecision(registry, [first], 'latest', nobody)).rejects.toMatchObject(invalid);
    await expect(decisionDigest(registry, first, 'latest')).rejects.toMatchObject(invalid);
    await clearArtifact(registry, parseReference(first), 'decision-latest');
    expect(await readDecision(registry, [first], 'latest', nobody)).toBeUndefined();
  });

  it('a decision that somebody else changed meanwhile is not overwritten', async () => {
    const at = parseReference(first);
    await putDecision(registry, at, decision, undefined);
    const read = await decisionDigest(registry, first, 'latest');
    await putDecision(registry, at, { ...decision, release: '2026.9.4' }, read);
    await expect(putDecision(registry, at, { ...decision, by: 'other' }, read)).rejects.toMatchObject({
      failure: { kind: 'record-changed' },
    });
    expect((await readDecision(registry, [first], 'latest', async () => true))?.release).toBe('2026.9.4');
  });
});

it('tags of versions that do not exist hide no release silently', async () => {
  for (let number = 1; number <= 20; number += 1)
    await registry.putDocument(parseReference(first), `release-2099.1.${number}`, IMAGE);
  await expect(findRecord(registry, [first], undefined, async () => true)).rejects.toMatchObject({
    failure: { kind: 'invalid-record', reason: expect.stringContaining('do not name a record') },
  });
});

describe('the lock', () => {
  const repository = () => parseReference(first);
  const take = () => takeLock(registry, [repository()], { minutes: -1, onWait: () => {} });
  const holder = { id: 'other', who: 'someone@other', processes: 'another boot', process: 1, until: 0 };
  const plantLock = (content: unknown) =>
    putArtifact(registry, repository(), 'release-lock', { type: LOCK_TYPE, annotations: {}, content });

  it.each([
    ['until the year 285,000', { ...holder, until: 9e12 }],
    ['until next week', { ...holder, until: Math.round(Date.now() / 1000) + 7 * 86_400 }],
    ['without a holder', { until: 9e12 }],
    ['with a text as time', { ...holder, until: 'tomorrow' }],
    ['that is null', null],
    ['of two megabytes', { ...holder, who: 'x'.repeat(2e6) }],
  ])('%s is named as nonsense, with the command that removes it', async (_, content) => {
    await plantLock(content);
    await expect(take()).rejects.toMatchObject({
      failure: { kind: 'invalid-lock', hint: expect.stringContaining(`release clear --lock --registries ${first}`) },
    });
    await clearLock(registry, repository());
    await (await take()).release();
  });

  it.each([
    ['that is not JSON', Buffer.from('<html>')],
    ['whose content is missing', undefined],
  ])('%s is named as nonsense too', async (_, bytes) => {
    const config = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf(Buffer.from('{}')), size: 2 };
    const content = bytes ?? Buffer.from('missing');
    const layer = { mediaType: LOCK_TYPE, digest: digestOf(content), size: content.length };
    if (bytes !== undefined) await registry.putBlob(repository(), layer, async () => bytes);
    const manifest = {
      ...{ schemaVersion: 2 as const, mediaType: 'application/vnd.oci.image.manifest.v1+json' },
      ...{ artifactType: LOCK_TYPE, config, layers: [layer] },
    };
    await registry.putDocument(repository(), 'release-lock', storeDocument(manifest));
    await expect(take()).rejects.toMatchObject({
      failure: { kind: 'invalid-lock', hint: expect.stringContaining('release clear --lock') },
    });
    await clearLock(registry, repository());
  });

  it('that was stolen stops the write of every document', async () => {
    const lock = await take();
    const writes = guardedRegistry(registry, lock);
    await writes.putDocument(repository(), 'a', IMAGE);
    await plantLock({ ...holder, until: Math.round(Date.now() / 1000) + 600 });
    const puts = requests('PUT').length;
    const held = { failure: { kind: 'release-held' } };
    await expect(writes.putDocument(repository(), 'latest', IMAGE)).rejects.toMatchObject(held);
    await expect(writes.remove(repository(), 'a')).rejects.toMatchObject(held);
    expect(requests('DELETE')).toEqual([]);
    await expect(putRecord(writes, first, recordOf(), undefined)).rejects.toMatchObject(held);
    expect(await registry.document(repository(), 'latest')).toBeUndefined();
    expect(await registry.document(repository(), 'release-2026.9.6')).toBeUndefined();
    // Only blobs of the record, to which nothing refers.
    expect(
      requests('PUT')
        .slice(puts)
        .every((path) => path.includes('/blobs/uploads/')),
    ).toBe(true);
    await lock.release();
  });
});
