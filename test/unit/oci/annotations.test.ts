import { describe, expect, it } from 'vitest';
import { ANNOTATION } from '../../../build/oci/annotations.ts';
import { checkAnnotations } from '../../../build/oci/check-annotations.ts';

const GOOD = {
  'org.opencontainers.image.base.name': 'docker.io/library/node:24-bookworm-slim',
  'org.opencontainers.image.base.digest': `sha256:${'0'.repeat(64)}`,
  'org.opencontainers.image.source': 'https://github.com/openclaw/openclaw',
  'org.opencontainers.image.url': 'https://github.com/openclaw/openclaw#readme',
  'org.opencontainers.image.documentation': 'https://docs.openclaw.ai/install/docker',
  'org.opencontainers.image.licenses': 'MIT',
  'org.opencontainers.image.title': 'OpenClaw Gateway',
  'org.opencontainers.image.description': 'A gateway',
  'org.opencontainers.image.version': '2026.9.6',
  'org.opencontainers.image.revision': 'f'.repeat(40),
  'org.opencontainers.image.created': '2026-11-22T08:00:00Z',
};

describe('checkAnnotations', () => {
  it('accepts the annotations of the contract', () => {
    expect(checkAnnotations(GOOD)).toEqual([]);
  });

  it('accepts other annotations too', () => {
    expect(checkAnnotations({ ...GOOD, 'com.example.team': 'x' })).toEqual([]);
  });

  it.each(Object.values(ANNOTATION))('misses %s', (key) => {
    const { [key as keyof typeof GOOD]: _, ...rest } = GOOD;
    expect(checkAnnotations(rest)).toEqual([{ key, value: undefined, reason: 'is missing' }]);
  });

  it.each([
    ['base.name', 'node'],
    ['base.digest', 'sha256:abc'],
    ['source', 'http://github.com/openclaw/openclaw'],
    ['url', 'not a url'],
    ['version', '1.2.3'],
    ['version', '2026.9'],
    ['revision', 'main'],
    ['created', 'yesterday'],
    ['title', ''],
  ])('refuses %s if it is %j', (name, value) => {
    const key = `org.opencontainers.image.${name}`;
    expect(checkAnnotations({ ...GOOD, [key]: value }).map((problem) => problem.key)).toEqual([key]);
  });

  it.each(['2026.3.13-1', '2026.9.1-beta.2', '2026.11.1'])('accepts the version %s', (version) => {
    expect(checkAnnotations({ ...GOOD, 'org.opencontainers.image.version': version })).toEqual([]);
  });
});
