import { describe, expect, it } from 'vitest';
import { ANNOTATION } from '../../../build/oci/annotations.ts';
import { checkAnnotations } from '../../../build/oci/check-annotations.ts';
import { VALID_ANNOTATIONS } from '../../support/annotations.ts';

describe('checkAnnotations', () => {
  it('accepts the annotations of the contract', () => {
    expect(checkAnnotations(VALID_ANNOTATIONS)).toEqual([]);
  });

  it('accepts other annotations too', () => {
    expect(checkAnnotations({ ...VALID_ANNOTATIONS, 'com.example.team': 'x' })).toEqual([]);
  });

  it.each(Object.values(ANNOTATION))('misses %s', (key) => {
    const { [key as keyof typeof VALID_ANNOTATIONS]: _, ...rest } = VALID_ANNOTATIONS;
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
    expect(checkAnnotations({ ...VALID_ANNOTATIONS, [key]: value }).map((problem) => problem.key)).toEqual([key]);
  });

  it.each(['2026.3.13-1', '2026.9.1-beta.2', '2026.11.1'])('accepts the version %s', (version) => {
    expect(checkAnnotations({ ...VALID_ANNOTATIONS, 'org.opencontainers.image.version': version })).toEqual([]);
  });
});
