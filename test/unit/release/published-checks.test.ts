import { describe, expect, it } from 'vitest';
import { isFailed } from '../../../build/check-result.ts';
import type { Descriptor } from '../../../build/oci/descriptor.ts';
import { type PublishedImage, publishedChecks } from '../../../build/release/published-checks.ts';
import { VALID_ANNOTATIONS } from '../../support/annotations.ts';

const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;
const entry = (letter: string, platform: string, annotations?: Readonly<Record<string, string>>): Descriptor => {
  const [os = '', architecture = ''] = platform.split('/');
  const described = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digest(letter), size: 1 };
  return { ...described, platform: { os, architecture }, ...(annotations === undefined ? {} : { annotations }) };
};
const attestationOf = (letter: string, of: string, platform = 'unknown/unknown'): Descriptor =>
  entry(letter, platform, {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': digest(of),
  });

/** The check of the entries of an index. */
function entries(manifests: readonly Descriptor[]) {
  const image: PublishedImage = {
    repository: { registry: 'ghcr.io', repository: 'openclaw/openclaw' },
    digest: digest('f'),
    index: { schemaVersion: 2, mediaType: 'x', manifests, annotations: VALID_ANNOTATIONS },
    platforms: [],
  };
  return publishedChecks(image, []).find(({ name }) => name === 'index entries');
}

describe('the entries of an index', () => {
  it('are images and attestations of them', () => {
    expect(entries([entry('a', 'linux/amd64'), attestationOf('b', 'a')])).toEqual({
      name: 'index entries',
      status: 'passed',
      checked: 'each entry of the index: an image, or an attestation of one',
      found: '1 images, 1 attestations',
    });
  });

  it.each<[string, readonly Descriptor[], string]>([
    [
      'an image that is marked as unknown',
      [entry('a', 'linux/amd64'), entry('c', 'unknown/unknown')],
      'unknown/unknown',
    ],
    [
      'an attestation of another image',
      [entry('a', 'linux/amd64'), attestationOf('b', 'c')],
      'attests no image of this index',
    ],
    [
      'an attestation of an attestation',
      [entry('a', 'linux/amd64'), attestationOf('b', 'a'), attestationOf('c', 'b')],
      'attests no image',
    ],
    [
      'an image that calls itself an attestation',
      [entry('a', 'linux/amd64'), attestationOf('c', 'a', 'linux/s390x')],
      'linux/s390x',
    ],
    ['two images for one platform', [entry('a', 'linux/amd64'), entry('c', 'linux/amd64')], 'the same platform'],
    ['an image for an unknown platform', [entry('a', 'linux/amd64'), entry('c', 'linux/s390x')], 'linux/s390x'],
    ['an image with null as its platform', [{ ...entry('a', 'linux/amd64'), platform: null as never }], 'no platform'],
    [
      'an image without a platform',
      [{ ...entry('a', 'linux/amd64'), platform: { os: '', architecture: '' } }],
      'is for',
    ],
  ])('are not %s', (_, manifests, found) => {
    const check = entries(manifests);
    expect(check === undefined ? undefined : isFailed(check)).toBe(true);
    expect(check?.found).toContain(found);
  });
});
