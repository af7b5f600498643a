import { expect, it } from 'vitest';
import { bakeDefinition } from '../../../build/engine/bake.ts';
import type { BuildRequest } from '../../../build/engine/buildx.ts';

const REQUEST: BuildRequest = {
  dockerfile: '/cache/Dockerfile',
  context: '/cache/context',
  contexts: { gateway: '/cache/gateway' },
  arguments: { OPENCLAW_DESCRIPTION: 'costs ${a lot} and 100 %{of it}' },
  passedArguments: ['HTTPS_PROXY'],
  secrets: [
    { id: 'ca', file: '/ca.pem' },
    { id: 'npmrc', variable: 'OPENCLAW_IMAGE_NPMRC', value: '//registry/:_authToken=secret' },
  ],
  tags: ['openclaw:local'],
  platforms: [],
  outputs: ['type=image,unpack=true'],
  attestations: [],
  annotations: ['index:title=${not} a variable'],
  cacheFrom: [],
  cacheTo: [],
  builder: 'default',
  sourceDateEpoch: undefined,
  metadataFile: '/cache/metadata.json',
};

it('names secrets and proxies, but does not contain their values', () => {
  process.env['HTTPS_PROXY'] = 'http://user:password@proxy';
  try {
    const text = JSON.stringify(bakeDefinition({ default: REQUEST }));
    expect(text).not.toMatch(/password|authToken/);
    expect(JSON.parse(text)).toMatchObject({
      variable: { HTTPS_PROXY: { default: '' } },
      target: {
        default: {
          args: { HTTPS_PROXY: '${HTTPS_PROXY}' },
          secret: ['id=ca,src=/ca.pem', 'id=npmrc,env=OPENCLAW_IMAGE_NPMRC'],
        },
      },
    });
  } finally {
    delete process.env['HTTPS_PROXY'];
  }
});

it('escapes text that bake would read as a template', () => {
  const { target } = bakeDefinition({ default: REQUEST });
  expect(target?.['default']?.args?.['OPENCLAW_DESCRIPTION']).toBe('costs $${a lot} and 100 %%{of it}');
  expect(target?.['default']?.annotations).toEqual(['index:title=$${not} a variable']);
});

it('builds every target by default', () => {
  const { group } = bakeDefinition({ default: REQUEST, browser: REQUEST });
  expect(group?.['default']?.targets).toEqual(['default', 'browser']);
});
