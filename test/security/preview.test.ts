import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ANNOTATION, EXPIRES_ANNOTATION } from '../../build/oci/annotations.ts';
import { addToLayout } from '../../build/oci/content.ts';
import { type Descriptor, MEDIA_TYPES, storeDocument } from '../../build/oci/descriptor.ts';
import { imageFolder } from '../../build/release/platform-image.ts';
import { readPlatformImageFiles, writePlatformImageFile } from '../../build/release/platform-image-file.ts';
import { parseRelease } from '../../build/release/release.ts';

// A pull request can change the scripts that build its image, and the job that pushes reads what they hand over.

const COMMIT = 'c'.repeat(40);
const DAY = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * DAY).toISOString();
const RELEASE = parseRelease({
  ...{ ref: 'refs/pull/12/merge', event: 'push', date: '20260401', platformTags: true },
  ...{ variants: ['default'], platforms: ['linux/amd64'], registries: ['localhost:5000/openclaw'] },
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-preview-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Writes what the job hands over, and reads it. */
async function handOver(revision: string, annotated: string, expires: string | undefined) {
  const entry = (digit: string): Descriptor => ({
    ...{ mediaType: MEDIA_TYPES.manifest, digest: `sha256:${digit.repeat(64)}`, size: 2 },
  });
  const [manifest, attestation] = [entry('1'), entry('2')];
  const index = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [manifest, attestation] });
  const image = { image: 'default', platform: 'linux/amd64' } as const;
  const layout = imageFolder(folder, image);
  await mkdir(layout, { recursive: true });
  await addToLayout(layout, index);
  const annotations = {
    [ANNOTATION.revision]: annotated,
    ...(expires === undefined ? {} : { [EXPIRES_ANNOTATION]: expires }),
  };
  await writePlatformImageFile(folder, {
    ...{ release: RELEASE.name, revision, source: 'https://example.com' },
    image: { ...image, index: index.descriptor, manifest, attestation, annotations, checks: ['healthz'] },
  });
  return readPlatformImageFiles(folder, RELEASE);
}

describe('the image of a pull request', () => {
  it('is taken if it names its commit and expires', async () => {
    expect(await handOver(COMMIT, COMMIT, inDays(14))).toHaveLength(1);
  });

  it.each([
    ['without a commit', 'latest', 'latest', inDays(14)],
    ['with a path as its commit', '/../../x', '/../../x', inDays(14)],
    ['with the commit of another image', 'd'.repeat(40), COMMIT, inDays(14)],
    ['that does not expire', COMMIT, COMMIT, undefined],
    ['that has expired', COMMIT, COMMIT, inDays(-1)],
    ['that expires in a thousand years', COMMIT, COMMIT, inDays(365_000)],
    ['whose time is not a time', COMMIT, COMMIT, 'never'],
  ])('is refused %s', async (_, revision, annotated, expires) => {
    await expect(handOver(revision, annotated, expires)).rejects.toMatchObject({
      failure: { kind: 'invalid-content' },
    });
  });
});
