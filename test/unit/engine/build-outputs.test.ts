import { describe, expect, it } from 'vitest';
import { cacheTargets, outputOf } from '../../../build/engine/build-outputs.ts';
import { parseImageSpec } from '../../../build/spec/parse-image-spec.ts';

const spec = (options: object, epoch?: string) =>
  parseImageSpec(options, epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }).spec;

describe('outputOf', () => {
  it('gives a registry gzip or the requested compression, whatever the cache contains', () => {
    expect(outputOf(spec({ push: true }), undefined, 'a.tar')).toBe(
      'type=image,push=true,store=false,compression=gzip,force-compression=true',
    );
    expect(outputOf(spec({ push: true, compression: 'zstd' }), undefined, 'a.tar')).toContain(',compression=zstd,');
  });

  it('loads into an engine in the cheapest way, and from an archive if the builder is elsewhere', () => {
    expect(outputOf(spec({}), undefined, 'a.tar')).toBe(
      'type=image,compression=zstd,force-compression=true,unpack=true',
    );
    expect(outputOf(spec({}), 'farm', 'a.tar')).toBe('type=oci,dest=a.tar,compression=zstd');
  });

  it('writes an archive in one compression, whatever the cache contains', () => {
    const written = 'type=oci,dest=x.tar,compression=gzip,force-compression=true';
    expect(outputOf(spec({ output: 'type=oci,dest=x.tar' }), undefined, 'a.tar')).toBe(written);
    const requested = 'type=oci,dest=x.tar,compression=estargz';
    expect(outputOf(spec({ output: requested }), undefined, 'a.tar')).toBe(requested);
    expect(outputOf(spec({ output: 'type=local,dest=x' }), undefined, 'a.tar')).toBe('type=local,dest=x');
  });

  it.each([{}, { push: true }, { output: 'type=oci,dest=x.tar' }])(
    'with SOURCE_DATE_EPOCH writes the same layers as without, whatever the cache contains: %j',
    (options) => {
      const output = outputOf(spec(options, '1700000000'), undefined, 'a.tar');
      expect(output).toBe(outputOf(spec(options), undefined, 'a.tar'));
      expect(output.match(/force-compression=true/g)).toHaveLength(1);
    },
  );

  it.each([
    ['type=oci,dest=x.tar,compression=estargz', 'type=oci,dest=x.tar,compression=estargz,force-compression=true'],
    ['type=docker,dest=x.tar', 'type=docker,dest=x.tar,force-compression=true'],
    ['type=oci,dest=x,compression=zstd,force-compression=false', undefined],
    ['type=local,dest=x', undefined],
  ])('with SOURCE_DATE_EPOCH depends on no cached compression: %s', (output, expected = output) => {
    expect(outputOf(spec({ output }, '1700000000'), undefined, 'a.tar')).toBe(expected);
  });

  it('with SOURCE_DATE_EPOCH loads the same layers from a builder elsewhere, whatever its cache contains', () => {
    expect(outputOf(spec({}, '1700000000'), 'farm', 'a.tar')).toBe(
      'type=oci,dest=a.tar,compression=zstd,force-compression=true',
    );
  });
});

describe('cacheTargets', () => {
  it.each([
    [{}, 'type=local,dest=cache', 'type=local,dest=cache,compression=zstd,force-compression=true'],
    [
      { push: true },
      'registry.example/cache',
      'type=registry,ref=registry.example/cache,compression=gzip,force-compression=true',
    ],
    [
      {},
      'type=local,dest=cache,compression=estargz',
      'type=local,dest=cache,compression=estargz,force-compression=true',
    ],
    [{}, 'type=local,dest=cache,force-compression=false', 'type=local,dest=cache,force-compression=false'],
    [{}, 'type=gha,mode=max', 'type=gha,mode=max'],
  ])('%j %s has one compression: %s', (options, given, expected) => {
    expect(cacheTargets(spec({ ...options, cacheTo: [given] }))).toEqual([expected]);
  });
});
