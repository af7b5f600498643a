import { describe, expect, it } from 'vitest';
import { type Descriptor, digestOf, MEDIA_TYPES, storeDocument } from '../../../build/oci/descriptor.ts';
import type { Platform } from '../../../build/oci/platform.ts';
import { parseReference } from '../../../build/oci/reference.ts';
import { putRecord, type ReleaseRecord } from '../../../build/release/release-record.ts';
import { readRunBase, resolveReleaseBase } from '../../../build/release/run-base.ts';
import { parseImageSpec } from '../../../build/spec/parse-image-spec.ts';
import { memoryRegistry, serve } from '../../support/http-server.ts';
import { useMemoryRegistry } from '../../support/memory-registry.ts';

const here = useMemoryRegistry();

const NAME = 'base-24-20260401';
const NODE = { 'org.opencontainers.image.base.name': 'docker.io/library/node:24-bookworm-slim' };
const LABELS = { ...NODE, 'org.opencontainers.image.base.digest': `sha256:${'b'.repeat(64)}` };
const OF_RUN_BASE = { ...LABELS, 'org.opencontainers.image.version': NAME };

/** Pushes an image of Node. @returns its index */
async function push(
  tag: string,
  labels: Readonly<Record<string, string>>,
  platforms: readonly Platform[] = ['linux/amd64'],
): Promise<Descriptor> {
  const at = parseReference(here.repository);
  const manifests: Descriptor[] = [];
  for (const platform of platforms) {
    const [os = '', architecture = ''] = platform.split('/');
    const config = { Labels: labels, Env: ['NODE_VERSION=24.1.0'] };
    const bytes = Buffer.from(JSON.stringify({ os, architecture, config, rootfs: { type: 'layers', diff_ids: [] } }));
    const descriptor = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(bytes),
      size: bytes.length,
    };
    await here.registry.putBlob(at, descriptor, async () => bytes);
    const manifest = storeDocument({
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.manifest,
      config: descriptor,
      layers: [],
    });
    await here.registry.putDocument(at, manifest.descriptor.digest, manifest);
    manifests.push({ ...manifest.descriptor, platform: { os, architecture } });
  }
  const index = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests });
  await here.registry.putDocument(at, tag, index);
  return index.descriptor;
}

async function record(index: Descriptor): Promise<void> {
  const content: ReleaseRecord = {
    ...{ name: NAME, ref: 'base/24', event: 'push', date: '20260401', revision: 'f'.repeat(40), signed: true },
    ...{ source: 'https://github.com/openclaw/openclaw-image', base: LABELS['org.opencontainers.image.base.digest'] },
    ...{
      created: '2026-04-01T00:00:00Z',
      registries: [here.repository],
      variants: ['default'],
      platforms: ['linux/amd64'],
    },
    ...{ images: { default: { index, platforms: {} } }, tags: [] },
  };
  await putRecord(here.registry, here.repository, content, undefined);
}

const read = (tag: string, { digest }: Descriptor, platforms: readonly Platform[] = ['linux/amd64'], signed = true) =>
  readRunBase(here.registry, { ...parseReference(`${here.repository}:${tag}`), digest }, platforms, async () => signed);
const refused = (kind: string) => ({ failure: { kind } });

describe('a run base', () => {
  it('is one if a signed record names it, and has its own base', async () => {
    const index = await push(NAME, OF_RUN_BASE);
    await record(index);
    expect(await read(NAME, index)).toMatchObject({
      image: { tag: NAME, digest: index.digest },
      base: { repository: 'library/node', digest: LABELS['org.opencontainers.image.base.digest'] },
    });
  });

  it('is refused without a signature', async () => {
    const index = await push(NAME, OF_RUN_BASE);
    await record(index);
    await expect(read(NAME, index, ['linux/amd64'], false)).rejects.toMatchObject(refused('untrusted-record'));
  });

  it.each<[string, string, Readonly<Record<string, string>>]>([
    ['another image with its label', 'other', { ...OF_RUN_BASE, planted: 'yes' }],
    ['another image with its tag and label', NAME, { ...OF_RUN_BASE, planted: 'yes' }],
    ['an image with its tag, and no labels', NAME, {}],
    ['an image with the tag of a platform, and no labels', `${NAME}-amd64`, {}],
    [
      'an image with its tag, and the label of another day',
      NAME,
      { ...OF_RUN_BASE, 'org.opencontainers.image.version': 'base-24-20260402' },
    ],
    ['an image with its label, which names no base', 'other', { 'org.opencontainers.image.version': NAME }],
  ])('%s is refused, although the record is signed', async (_, tag, labels) => {
    await record(await push('released', OF_RUN_BASE));
    const index = await push(tag, labels);
    await expect(read(tag, index)).rejects.toMatchObject(refused('untrusted-record'));
  });

  it('that lacks a platform of the release is refused', async () => {
    const index = await push(NAME, OF_RUN_BASE);
    await record(index);
    await expect(read(NAME, index, ['linux/amd64', 'linux/arm64'])).rejects.toMatchObject(refused('no-such-platform'));
    const planted = await push(NAME, {}, ['linux/amd64']);
    await expect(read(NAME, planted, ['linux/arm64'])).rejects.toMatchObject(refused('no-such-platform'));
  });

  it('is told from any other image of Node', async () => {
    const index = await push('24-bookworm-slim', {});
    expect(await read('24-bookworm-slim', index)).toBeUndefined();
  });
});

describe('the base of a release', () => {
  const resolve = (base: string) => {
    const { spec } = parseImageSpec({ base }, {});
    return resolveReleaseBase({ default: spec }, here.registry, ['linux/amd64'], async () => true);
  };

  it('is what was checked, by digest', async () => {
    const index = await push(NAME, OF_RUN_BASE);
    await record(index);
    const { digest, specs } = await resolve(`${here.repository}:${NAME}`);
    expect(digest).toBe(LABELS['org.opencontainers.image.base.digest']);
    expect(specs.default?.base).toMatchObject({ kind: 'run-base', image: { digest: index.digest } });
  });

  it('may be one that only the engine reaches, unless it has the tag of a run base', async () => {
    const digest = `sha256:${'c'.repeat(64)}`;
    await here.server.stop();
    expect((await resolve(`${here.server.address}/node:24@${digest}`)).digest).toBe(digest);
    await expect(resolve(`${here.server.address}/openclaw:${NAME}@${digest}`)).rejects.toMatchObject(
      refused('registry-unreachable'),
    );
    here.server = await serve(memoryRegistry());
  });
});
