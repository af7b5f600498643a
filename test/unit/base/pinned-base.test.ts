import { expect, it } from 'vitest';
import { comparePin } from '../../../build/base/pinned-base.ts';
import { digestOf, MEDIA_TYPES, storeDocument } from '../../../build/oci/descriptor.ts';
import { parseReference } from '../../../build/oci/reference.ts';
import type { Registry } from '../../../build/oci/registry.ts';

/** A repository with an image for each time of creation. */
function repository(...times: readonly string[]) {
  const blobs = new Map<string, Buffer>();
  const documents = times.map((created, number) => {
    const bytes = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        created,
        // Others of the same time differ in something else.
        config: { Labels: { number: String(number) } },
        rootfs: { type: 'layers', diff_ids: [] },
      }),
    );
    const config = {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(bytes),
      size: bytes.length,
    };
    blobs.set(config.digest, bytes);
    const content = { schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config, layers: [] } as const;
    return { ...storeDocument(content), content, annotations: {} };
  });
  const registry = {
    document: async (_: unknown, name: string) => documents.find(({ descriptor }) => descriptor.digest === name),
    blob: async (_: unknown, digest: string) => blobs.get(digest),
  } as unknown as Registry;
  return { registry, digests: documents.map(({ descriptor }) => descriptor.digest) };
}

const DATES = ['01-01', '02-01', '03-01', '02-01'];

it.each([
  ['newer than an older base', 1, 0, 'newer'],
  ['the same as itself', 1, 1, 'same'],
  ['older than the newer base of a rebase', 1, 2, 'older'],
  ['not comparable with another one of the same time', 1, 3, 'unknown'],
])('the pinned base is %s', async (_, pinned, used, expected) => {
  const { registry, digests } = repository(...DATES.map((date) => `2026-${date}T00:00:00Z`));
  const pin = parseReference(`docker.io/library/node:24-bookworm-slim@${digests[pinned]}`);
  expect(await comparePin(pin, digests[used] ?? '', registry)).toBe(expected);
});

it('the pinned base cannot be compared with one that the registry has no more', async () => {
  const { registry, digests } = repository('2026-01-01T00:00:00Z');
  const pin = parseReference(`docker.io/library/node:24-bookworm-slim@${digests[0]}`);
  expect(await comparePin(pin, `sha256:${'0'.repeat(64)}`, registry)).toBe('unknown');
});
