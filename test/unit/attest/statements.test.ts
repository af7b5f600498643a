import { expect, it } from 'vitest';
import { readStatements } from '../../../build/attest/attestation.ts';
import { predicateTypeOf } from '../../../build/attest/signature.ts';
import type { ContentSource } from '../../../build/oci/content.ts';
import type { Descriptor } from '../../../build/oci/descriptor.ts';

const bundle = (statement: unknown): Buffer =>
  Buffer.from(JSON.stringify({ dsseEnvelope: { payload: Buffer.from(JSON.stringify(statement)).toString('base64') } }));

it('a bundle is of the kind that its statement names', () => {
  expect(predicateTypeOf(bundle({ predicateType: 'https://sigstore.dev/cosign/sign/v1' }))).toBe(
    'https://sigstore.dev/cosign/sign/v1',
  );
  expect(predicateTypeOf(bundle({ predicateType: 'https://example.org/reproduced/v1' }))).toBe(
    'https://example.org/reproduced/v1',
  );
  expect(predicateTypeOf(bundle({}))).toBeUndefined();
  expect(predicateTypeOf(Buffer.from('{}'))).toBeUndefined();
});

it('an attestation that holds a layer of an image beside its statements is refused', async () => {
  const descriptor = (mediaType: string): Descriptor => ({ mediaType, digest: `sha256:${'a'.repeat(64)}`, size: 1 });
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json'),
    layers: [descriptor('application/vnd.in-toto+json'), descriptor('application/vnd.oci.image.layer.v1.tar+gzip')],
  };
  const source = { document: async () => Buffer.from(JSON.stringify(manifest)) } as unknown as ContentSource;
  await expect(readStatements(source, descriptor(manifest.mediaType))).rejects.toMatchObject({
    failure: { reason: expect.stringContaining('it holds application/vnd.oci.image.layer.v1.tar+gzip') },
  });
});
