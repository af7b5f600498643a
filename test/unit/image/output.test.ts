import { describe, expect, it } from 'vitest';
import { outputOf } from '../../../build/image/build-image.ts';
import { parseImageSpec } from '../../../build/spec/parse-image-spec.ts';

const spec = (options: object, epoch?: string) =>
  parseImageSpec(options, epoch === undefined ? {} : { SOURCE_DATE_EPOCH: epoch }).spec;

describe('outputOf', () => {
  it('gives a registry gzip, whatever the cache holds', () => {
    expect(outputOf(spec({ push: true }), undefined)).toBe('type=registry,compression=gzip,force-compression=true');
  });

  it('loads into an engine with what costs it least, through a tar where the builder is elsewhere', () => {
    expect(outputOf(spec({}), undefined)).toBe('type=image,compression=zstd,unpack=true');
    expect(outputOf(spec({}), 'farm')).toBe('type=docker');
  });

  it.each([{}, { push: true }, { output: 'type=oci,dest=x.tar' }])(
    'with SOURCE_DATE_EPOCH depends on neither clock nor cache: %j',
    (options) => {
      const output = outputOf(spec(options, '1700000000'), undefined);
      expect(output).toContain('rewrite-timestamp=true');
      expect(output).toContain('force-compression=true');
      expect(output).not.toContain('unpack=true');
    },
  );
});
