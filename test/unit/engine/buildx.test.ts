import { expect, it } from 'vitest';
import { type BuildRequest, buildxArguments } from '../../../build/engine/buildx.ts';

const REQUEST: BuildRequest = {
  dockerfile: '/d/Dockerfile',
  context: '/d/context',
  contexts: { gateway: '/g' },
  arguments: { OPENCLAW_VERSION: '2026.9.6' },
  passedArguments: ['HTTPS_PROXY'],
  secrets: [
    { id: 'ca', file: '/ca.pem' },
    { id: 'npmrc', variable: 'NPMRC', value: '//registry.example/:_authToken=canary' },
  ],
  tags: ['openclaw:local'],
  platforms: ['linux/amd64'],
  outputs: ['type=image'],
  attestations: [],
  annotations: ['index:a=b'],
  cacheFrom: [],
  cacheTo: [],
  builder: undefined,
  sourceDateEpoch: undefined,
  metadataFile: '/d/metadata.json',
};

it('names secrets and proxies on the command line, without their values', () => {
  const line = buildxArguments(REQUEST).join(' ');
  expect(line).toContain('--secret id=npmrc,env=NPMRC');
  expect(line).toContain('--secret id=ca,src=/ca.pem');
  expect(line).toContain('--build-arg HTTPS_PROXY');
  expect(line).not.toContain('canary');
});

it('ends with the context, and has a builder only if one is named', () => {
  expect(buildxArguments(REQUEST).at(-1)).toBe('/d/context');
  expect(buildxArguments(REQUEST)).not.toContain('--builder');
  expect(buildxArguments({ ...REQUEST, builder: 'farm' })).toContain('farm');
});
