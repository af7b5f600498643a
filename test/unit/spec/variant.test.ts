import { describe, expect, it } from 'vitest';
import { parseImageSpec } from '../../../build/spec/parse-image-spec.ts';
import { type Variant, variantTag } from '../../../build/spec/variant.ts';

it.each<[string, Variant, string]>([
  ['2026.9.6', 'default', '2026.9.6'],
  ['2026.9.6', 'slim', '2026.9.6-slim'],
  ['2026.9.6', 'browser', '2026.9.6-browser'],
  ['latest', 'default', 'latest'],
  ['latest', 'slim', 'slim'],
  ['latest', 'browser', 'latest-browser'],
])('tag %s of variant %s is %s', (tag, variant, expected) => {
  expect(variantTag(tag, variant)).toBe(expected);
});

describe('a variant', () => {
  const parse = (variable: string, options = {}) => parseImageSpec(options, { OPENCLAW_VARIANT: variable });

  it('is a suffix of every tag, and browser adds Chromium', () => {
    const { spec, problems } = parse('browser', { tag: ['localhost:5000/openclaw', 'openclaw:try'] });
    expect(problems).toEqual([]);
    expect(spec.tags.map(({ tag }) => tag)).toEqual(['latest-browser', 'try-browser']);
    expect(spec.browser).toBe('playwright');
  });

  it("uses Debian's Chromium on request", () => {
    expect(parse('browser', { browser: 'debian' }).spec.browser).toBe('debian');
  });

  it('is default if none is given, and slim is another name of it', () => {
    expect(parse('').spec.tags.map(({ tag }) => tag)).toEqual(['local']);
    expect(parse('slim').spec).toMatchObject({ browser: 'none', tags: [{ tag: 'local-slim' }] });
  });

  it('that does not exist is refused', () => {
    expect(parse('huge').problems).toMatchObject([{ source: 'OPENCLAW_VARIANT', value: 'huge' }]);
  });
});
