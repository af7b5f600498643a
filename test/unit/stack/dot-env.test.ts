import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changeDotEnv, readDotEnv, valuesOf } from '../../../build/stack/dot-env.ts';

const changed = (text: string, changes: Record<string, string | undefined>): string =>
  changeDotEnv(text, new Map(Object.entries(changes)));

describe('readDotEnv', () => {
  const CASES: readonly (readonly [text: string, key: string, value: string | undefined])[] = [
    ['A=1', 'A', '1'],
    ['A=1\nA=2\n', 'A', '2'],
    ['A=x=y==\r\n', 'A', 'x=y=='],
    ['  export A = 1 # why\n', 'A', '1'],
    ['A=a#b\n', 'A', 'a#b'],
    ['A=#b\n', 'A', '#b'],
    ['A= # b\n', 'A', '# b'],
    ['A=a\t# b\n', 'A', 'a\t# b'],
    ['A="a\\x\\v"\n', 'A', 'a\\x\v'],
    ['\uFEFFA=first\nB=2\n', 'A', 'first'],
    ['A=\n', 'A', ''],
    ['# A=1\n', 'A', undefined],
    ["A='$x # y'\n", 'A', '$x # y'],
    ['A="a\\nb\\"c\\$d"\n', 'A', 'a\nb"c$d'],
    ['A: yes\n', 'A', 'yes'],
    ['KEY="-----BEGIN\nA=2\n-----END"\nA=1\n', 'A', '1'],
    ["A='open\nB=2\n", 'B', '2'],
  ];
  it.each(CASES)('%j: %s', (text, key, value) => expect(readDotEnv(text).get(key)).toBe(value));

  it('returns every value of a key in order', () => {
    expect(valuesOf('A=1\nB=2\nA=\nA=3\n', 'A')).toEqual(['1', '', '3']);
  });
});

describe('changeDotEnv', () => {
  const CASES: readonly (readonly [text: string, changes: Record<string, string | undefined>, result: string])[] = [
    ['', { A: '1' }, 'A=1\n'],
    ['# mine\nMINE=1\nA=old # note\nZ=9\n', { A: 'new' }, '# mine\nMINE=1\nA=new\nZ=9\n'],
    ['A="1" # kept as it stands\n', { A: '1' }, 'A="1" # kept as it stands\n'],
    ['A=1\r\nB=2\r\n', { A: '2', C: '3' }, 'A=2\r\nB=2\r\nC=3\r\n'],
    ['A=1', { B: '2' }, 'A=1\nB=2\n'],
    ['A=1\nB=2\nA=3\n', { A: '4' }, 'B=2\nA=4\n'],
    ['A=1\nB=2\n', { A: undefined, C: undefined }, 'B=2\n'],
    ['PEM="x\nA=1\ny"\nA=2\n', { A: '3' }, 'PEM="x\nA=1\ny"\nA=3\n'],
    ['', { A: "it's $5" }, 'A="it\'s \\$5"\n'],
    ['', { A: 'a b' }, "A='a b'\n"],
    ['A="p$w"\n', { A: 'p$w' }, "A='p$w'\n"],
  ];
  it.each(CASES)('%j with %j', (text, changes, result) => expect(changed(text, changes)).toBe(result));

  const value = fc.string({ unit: fc.constantFrom(...'ab= "\'\\$`#:\n\r\t{}é%,;|&') });
  const key = fc.constantFrom('A', 'B_2', 'OPENCLAW_X');

  it('reads the same values that it wrote', () => {
    fc.assert(fc.property(key, value, (name, text) => readDotEnv(changed('', { [name]: text })).get(name) === text));
  });

  it('changes no other key, whatever the value is', () => {
    fc.assert(
      fc.property(fc.dictionary(key, value), value, (others, text) => {
        const before = changed('# first\n', others);
        const after = changed(before, { NEW: text });
        const read = readDotEnv(after);
        expect([...read.keys()]).toEqual([...Object.keys(others), 'NEW']);
        for (const [name, other] of Object.entries(others)) expect(read.get(name)).toBe(other);
        expect(changed(after, { NEW: undefined })).toBe(before);
      }),
    );
  });

  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(fc.dictionary(key, value), (values) => {
        const once = changed('', values);
        expect(changed(once, values)).toBe(once);
      }),
    );
  });
});
