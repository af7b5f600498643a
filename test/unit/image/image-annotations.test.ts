import { expect, it } from 'vitest';
import type { PackagedGateway } from '../../../build/gateway/gateway.ts';
import { gatewayAnnotationProblems, imageAnnotations } from '../../../build/image/image-annotations.ts';

const GATEWAY: PackagedGateway = {
  kind: 'package',
  version: '2026.9.6',
  origin: 'openclaw@2026.9.6',
  revision: 'a'.repeat(40),
  repository: 'https://github.com/openclaw/openclaw',
  homepage: 'https://openclaw.ai',
  description: 'An assistant',
  license: 'MIT',
  nodeRange: '*',
  playwrightVersion: undefined,
  integrity: 'sha512-x',
  overrides: {},
  bundledPlugins: [],
  pluginCatalog: {},
  installScripts: [],
  allowedScripts: [],
  dependencyLayers: [],
  context: '/context',
  dependencies: '/dependencies',
};
const BASE = { name: 'docker.io/library/node:24-bookworm-slim', digest: `sha256:${'b'.repeat(64)}` };

it('finds nothing wrong with a gateway that has all values', () => {
  expect(gatewayAnnotationProblems(GATEWAY, '--package')).toEqual([]);
});

it.each([
  ['repository', 'http://example.org', 'org.opencontainers.image.source', '--source-url'],
  ['homepage', 'example.org', 'org.opencontainers.image.url', '--source-url'],
  ['license', '', 'org.opencontainers.image.licenses', '"license"'],
  ['description', '', 'org.opencontainers.image.description', '"description"'],
  ['revision', '', 'org.opencontainers.image.revision', 'build-info.json'],
  ['revision', '', 'org.opencontainers.image.revision', '--revision COMMIT'],
  ['version', '1.0', 'org.opencontainers.image.version', 'another version'],
])('names the annotation, the value and the way out if %s is "%s"', (field, value, key, hint) => {
  const [problem, ...others] = gatewayAnnotationProblems({ ...GATEWAY, [field]: value }, '--package');
  expect(others).toEqual([]);
  expect(problem).toMatchObject({ source: '--package', value: 'openclaw@2026.9.6' });
  expect(problem?.reason).toContain(key);
  if (value !== '') expect(problem?.reason).toContain(value);
  expect(problem?.hint).toContain(hint);
});

it('names replaced dependencies, only on images that have some', () => {
  const key = 'ai.openclaw.image.overrides';
  expect(imageAnnotations(GATEWAY, BASE)).not.toHaveProperty(key);
  const overrides = { libsignal: 'npm:libsignal@2.0.1', other: '1.0.0' };
  expect(imageAnnotations({ ...GATEWAY, overrides }, BASE)).toMatchObject({
    [key]: 'libsignal=npm:libsignal@2.0.1 other=1.0.0',
  });
});
