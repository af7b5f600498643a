import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRelaxedJson, RelaxedJsonError } from '../../build/relaxed-json.ts';

describe('parseRelaxedJson', () => {
  it.each([
    ['{}', {}],
    [
      "// a\n{ gateway: { bind: 'lan', }, /* b */ list: [1, .5, +2, 0x10, -3e2,], }",
      { gateway: { bind: 'lan' }, list: [1, 0.5, 2, 16, -300] },
    ],
    ['{"a": "\\u0041\\x42\\\nC\\t"}', { a: 'ABC\t' }],
    ['{"a": "// no comment", b: null, c: true}', { a: '// no comment', b: null, c: true }],
    ['[]', []],
    ['\uFEFF{"a":1}', { a: 1 }],
  ])('%j', (text, value) => expect(parseRelaxedJson(text)).toEqual(value));

  it.each(['{', '{a}', '{"a":1,,}', '[1 2]', '{"a":process}', '"a', '{} {}', '', "{'a\n':1}"])('refuses %j', (text) =>
    expect(() => parseRelaxedJson(text)).toThrow(RelaxedJsonError),
  );

  it('treats __proto__ as an ordinary key', () => {
    const value = parseRelaxedJson('{"__proto__": {"polluted": 1}}') as object;
    expect(Object.keys(value)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('reads all JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(parseRelaxedJson(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
