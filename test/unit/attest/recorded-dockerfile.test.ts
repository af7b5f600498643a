import { expect, it } from 'vitest';
import { type Provenance, recordedDockerfile } from '../../../build/attest/provenance.ts';

const DOCKERFILE = 'FROM node:24-bookworm-slim AS base\n';
const built = (infos: unknown): Provenance =>
  ({ runDetails: { metadata: { buildkit_metadata: { source: { infos } } } } }) as unknown as Provenance;

it.each<[string, Provenance, string | undefined]>([
  [
    'of a build, in the format of BuildKit',
    built([{ filename: 'Dockerfile', data: Buffer.from(DOCKERFILE).toString('base64') }]),
    DOCKERFILE,
  ],
  ['of a rebase', { buildDefinition: { internalParameters: { dockerfile: DOCKERFILE } } }, DOCKERFILE],
  ['of a build that recorded none', {}, undefined],
  ['with other fields than expected', built({ data: 1 }), undefined],
  [
    'with an object in place of it',
    { buildDefinition: { internalParameters: { dockerfile: { toString: 1 } } } } as unknown as Provenance,
    undefined,
  ],
  ['with a number in place of the file', built([{ data: 7 }]), undefined],
])('the Dockerfile in the provenance %s', (_, provenance, expected) => {
  expect(recordedDockerfile(provenance)).toBe(expected);
});
