import { beforeEach, describe, expect, it } from 'vitest';
import { EXPIRES_ANNOTATION } from '../../../build/oci/annotations.ts';
import {
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  MEDIA_TYPES,
  storeDocument,
} from '../../../build/oci/descriptor.ts';
import type { Repository } from '../../../build/oci/reference.ts';
import { referrersTag } from '../../../build/oci/referrers.ts';
import type { Registry, RegistryDocument } from '../../../build/oci/registry.ts';
import { preparePrune } from '../../../build/release/prune.ts';

const EXPIRED = { [EXPIRES_ANNOTATION]: '2026-01-01T00:00:00Z' };
const documents = new Map<string, RegistryDocument>();
beforeEach(() => documents.clear());

/** As a registry answers. */
const stored = (content: ImageManifest | ImageIndex): RegistryDocument => ({
  ...storeDocument(content),
  content,
  annotations: content.annotations ?? {},
});

/** Stores a document under its digest and a tag. */
function put(content: ImageManifest | ImageIndex, tag?: string): Descriptor {
  const document = stored(content);
  const { digest } = document.descriptor;
  for (const name of [digest, tag ?? digest]) documents.set(name, document);
  return document.descriptor;
}

const blob = (digit: string): Descriptor => ({ mediaType: 'x', digest: `sha256:${digit.repeat(64)}`, size: 1 });
const image = (config: string, more = {}): ImageManifest => ({
  ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: blob(config), layers: [], ...more },
});
const index = (manifests: readonly Descriptor[], annotations = {}): ImageIndex => ({
  ...{ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests, annotations },
});

/** Has the referrers API, so no tag leads to a signature. */
const registry = {
  tags: async () => [...documents.keys()].filter((name) => !name.startsWith('sha256:')),
  document: async (_: Repository, name: string) => documents.get(name),
  referrers: async (_: Repository, digest: string) => {
    const all = [...new Map([...documents.values()].map((entry) => [entry.descriptor.digest, entry])).values()];
    const attached = all.filter(({ content }) => 'subject' in content && content.subject?.digest === digest);
    return stored(index(attached.map(({ descriptor }) => descriptor)));
  },
} as unknown as Registry;

it('removes an expired image with its own signature, and never that of another image, whatever its index lists', async () => {
  const version = put(index([put(image('1'))]), '2026.9.5');
  const signature = put(image('2', { subject: version }));
  const own = put(image('3'));
  const expired = put(index([own, signature], EXPIRED), 'pr-7');
  const ownSignature = put(image('4', { subject: expired }));
  const { tags, manifests } = await preparePrune(registry, 'localhost:5000/openclaw', 1);
  expect(tags.map(({ tag }) => tag)).toEqual(['pr-7']);
  expect([...manifests].sort()).toEqual([expired, own, ownSignature].map(({ digest }) => digest).sort());
});

const prepared = async (from = registry) => {
  const { tags, manifests } = await preparePrune(from, 'localhost:5000/openclaw', 1);
  return { tags: tags.map(({ tag }) => tag).sort(), manifests: [...manifests].sort() };
};

it.each<[string, (child: Descriptor) => Descriptor]>([
  ['an index', (child) => child],
  ['an index in an index', (child) => put(index([child]))],
])('keeps a tag whose image %s of a channel lists: registries may delete the image with it', async (_, wrapped) => {
  const child = put(image('1'), '2026.9.5-r20260901-amd64');
  const preview = put(image('2', { annotations: EXPIRED }), 'pr-1');
  put(index([wrapped(child), wrapped(preview)]), 'latest');
  put(image('3'), '2026.9.5-r20260908-amd64');
  expect(await prepared()).toEqual({ tags: [], manifests: [] });
});

it('removes what only an index in a removed index lists', async () => {
  const child = put(image('1'));
  const inner = put(index([child]));
  const outer = put(index([inner], EXPIRED), 'pr-1');
  expect(await prepared()).toEqual({
    tags: ['pr-1'],
    manifests: [child, inner, outer].map(({ digest }) => digest).sort(),
  });
});

it('removes the signatures of a removed image, and no others, on a registry that lists them under tags', async () => {
  const expired = put(image('1', { annotations: EXPIRED }), 'pr-1');
  const kept = put(image('2'), '2026.9.5');
  const lists = [expired, kept].map((subject, number) => {
    const signature = put(image(String(number + 3), { subject }));
    put(index([signature]), referrersTag(subject.digest));
    return signature;
  });
  const withoutApi = { ...registry, referrers: async () => undefined } as unknown as Registry;
  expect(await prepared(withoutApi)).toEqual({
    tags: ['pr-1', referrersTag(expired.digest)].sort(),
    manifests: [expired.digest, lists[0]?.digest].sort(),
  });
});

describe('signed images without a tag, on a registry that lists signatures under tags', () => {
  const withoutApi = { ...registry, referrers: async () => undefined } as unknown as Registry;
  /** A former image of main, and the present one, both signed. */
  function pushTwice() {
    const shared = put(image('1'));
    const [former, now] = ['2', '3'].map((digit) => put(index([shared, put(image(digit))])));
    if (former === undefined || now === undefined) throw new Error('there are two');
    for (const [subject, digit] of [
      [former, '4'],
      [now, '5'],
    ] as const)
      put(index([put(image(digit, { subject }))]), referrersTag(subject.digest));
    documents.set('main', documents.get(now.digest) as RegistryDocument);
    return former;
  }

  it('are removed with their signatures, and without what another image has too', async () => {
    const former = pushTwice();
    const { tags, manifests } = await prepared(withoutApi);
    expect(tags).toEqual([referrersTag(former.digest)]);
    const [[, own] = [], [signature] = []] = [former.digest, referrersTag(former.digest)].map(
      (name) => (documents.get(name)?.content as ImageIndex | undefined)?.manifests ?? [],
    );
    expect(manifests).toEqual([former, own, signature].map((of) => of?.digest).sort());
  });

  it('stay if a record cannot be read, which may name them', async () => {
    pushTwice();
    const type = 'application/vnd.openclaw.release.record.v1+json';
    put(image('6', { artifactType: type, layers: [{ ...blob('7'), mediaType: type }] }), 'release-2026.9.5');
    expect(await prepared(withoutApi)).toEqual({ tags: [], manifests: [] });
  });
});
