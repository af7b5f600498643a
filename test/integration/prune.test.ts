import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXPIRES_ANNOTATION } from '../../build/oci/annotations.ts';
import { putArtifact, putSmallBlob } from '../../build/oci/artifact.ts';
import { type Descriptor, digestOf, MEDIA_TYPES, storeDocument } from '../../build/oci/descriptor.ts';
import { parseReference, type Repository } from '../../build/oci/reference.ts';
import { putReferrer } from '../../build/oci/referrers.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import type { PrunePlan } from '../../build/release/prune.ts';
import { run } from '../support/command.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 10, onWait: () => {} } });
let deleting: TestRegistry;
let keeping: TestRegistry;
const nameOf = ({ address }: TestRegistry): string => `${address}/openclaw`;

/** Pushes an image of one small layer in an index, with a signature. @returns digests */
async function push(repository: Repository, content: string, tags: readonly string[], annotations = {}) {
  const put = async (text: string, mediaType: string): Promise<Descriptor> => {
    const bytes = Buffer.from(text);
    const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await putSmallBlob(registry, repository, blob, bytes);
    return blob;
  };
  const config = await put(
    JSON.stringify({ os: 'linux', architecture: 'amd64', content }),
    'application/vnd.oci.image.config.v1+json',
  );
  const manifest = storeDocument({
    ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config },
    layers: [await put(content, 'application/vnd.oci.image.layer.v1.tar')],
  });
  await registry.putDocument(repository, manifest.descriptor.digest, manifest);
  const platform = { os: 'linux', architecture: 'amd64' };
  const index = storeDocument({
    ...{
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.index,
      manifests: [{ ...manifest.descriptor, platform }],
      annotations,
    },
  });
  for (const tag of tags) await registry.putDocument(repository, tag, index);
  const empty = await put('{}', MEDIA_TYPES.empty);
  await putReferrer(registry, repository, {
    ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, artifactType: 'application/vnd.test.signature' },
    ...{ config: empty, layers: [empty], subject: index.descriptor },
  });
  return { index: index.descriptor.digest, manifest: manifest.descriptor.digest };
}

async function fill(name: string) {
  const repository = parseReference(name);
  // It counts for the tags of pull requests only.
  const expired = { [EXPIRES_ANNOTATION]: '2026-01-01T00:00:00Z' };
  const images = {
    version: await push(repository, 'the version', ['2026.9.5'], expired),
    old: await push(repository, 'the old refresh', ['2026.9.5-r20260901', '2026.9.5-r20260901-slim']),
    newest: await push(repository, 'the newest refresh', ['2026.9.5-r20260908', '2026.9.5-r20260908-slim', 'latest']),
    closed: await push(repository, 'a closed pull request', ['pr-7', 'sha-0123abc'], expired),
    open: await push(repository, 'an open pull request', ['pr-8'], { [EXPIRES_ANNOTATION]: '2126-01-01T00:00:00Z' }),
  };
  const type = 'application/vnd.openclaw.release.record.v1+json';
  await putArtifact(registry, repository, 'release-2026.9.5-r20260901', { type, annotations: {}, content: {} });
  return { repository, images };
}
const tags = async (repository: Repository): Promise<readonly string[]> =>
  (await registry.tags(repository)).filter((tag) => !/^(?:sha256-|release-lock$)/.test(tag)).sort();
const prune = (name: string, ...args: readonly string[]) =>
  run(['release', 'prune', '--registries', name, '--keep', '1', ...args]);

beforeAll(async () => {
  [deleting, keeping] = await Promise.all([startRegistry({ deletes: true }), startRegistry()]);
});
afterAll(() => Promise.all([deleting.stop(), keeping.stop()]));

describe('release prune', () => {
  it('lists first, then removes old refreshes with their signatures, and keeps everything else', async () => {
    const { repository, images } = await fill(nameOf(deleting));
    const before = await tags(repository);
    const listed = await prune(nameOf(deleting));
    expect(listed.exitCode, listed.stderr).toBe(0);
    expect(listed.stdout).toContain('2026.9.5 has the newer refresh 20260908');
    expect(listed.stdout).toContain('expired on 2026-01-01');
    expect(listed.stdout).toContain('Add --yes to remove them');
    expect(await tags(repository)).toEqual(before);
    const { exitCode, stdout, stderr } = await prune(nameOf(deleting), '--yes', '--json');
    expect(exitCode, stdout + stderr).toBe(0);
    const { repositories, removed } = JSON.parse(stdout) as { repositories: readonly PrunePlan[]; removed: boolean };
    expect(removed).toBe(true);
    expect(repositories[0]?.tags.map(({ tag }) => tag).filter((tag) => !tag.startsWith('sha256-'))).toEqual([
      '2026.9.5-r20260901',
      '2026.9.5-r20260901-slim',
      'pr-7',
      'release-2026.9.5-r20260901',
      'sha-0123abc',
    ]);
    expect(await tags(repository)).toEqual([
      ...['2026.9.5', '2026.9.5-r20260908', '2026.9.5-r20260908-slim', 'latest', 'pr-8'],
    ]);
    for (const digest of [images.old.index, images.old.manifest, images.closed.index, images.closed.manifest])
      expect(await registry.document(repository, digest), digest).toBeUndefined();
    for (const digest of [images.version.index, images.newest.manifest, images.open.manifest])
      expect(await registry.document(repository, digest), digest).toBeDefined();
    const again = await prune(nameOf(deleting), '--yes');
    expect(again.stdout).toContain('Nothing to remove.');
  });

  it('says so if the registry does not delete, and changes nothing', async () => {
    const { repository } = await fill(nameOf(keeping));
    const before = await tags(repository);
    const { exitCode, stderr } = await prune(nameOf(keeping), '--yes');
    expect(exitCode, stderr).toBe(1);
    expect(stderr).toContain('The registry does not delete images');
    expect(stderr).toContain("switch on deletion in the registry's settings");
    expect(await tags(repository)).toEqual(before);
  });

  it('needs the names of the repositories', async () => {
    const { exitCode, stderr } = await run(['release', 'prune', '--keep', '0']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--keep: "0" is not a number of refreshes to keep');
  });
});
