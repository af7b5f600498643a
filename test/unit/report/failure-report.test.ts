import { describe, expect, it } from 'vitest';
import { InterruptedError, RequestError, WorkError } from '../../../build/problem.ts';
import { exitCodeOf, failureJson, failureText, warningFrame } from '../../../build/report/failure-report.ts';
import { table } from '../../../build/report/table.ts';
import { bytes, seconds } from '../../../build/units.ts';

const request = new RequestError([
  { source: '--apt', value: 'a;b', reason: 'is no package', hint: 'search it' },
  { source: '--tag', value: 'X', reason: 'is no reference', hint: 'write x' },
]);
const work = new WorkError({
  kind: 'disk-full',
  title: 'The disk is full',
  reason: 'no room',
  hint: 'prune',
  lines: ['ENOSPC'],
});

describe('a failure', () => {
  it('shows every problem with its value, reason and hint', () => {
    for (const part of ['--apt', 'a;b', 'is no package', 'search it', '--tag', 'X', 'write x', '2 problems'])
      expect(failureText(request)).toContain(part);
  });

  it('prints no command of a workflow that an unexpected error quotes', () => {
    const text = failureText(new Error('"a\n::error::planted\u001b[8m" is not a name'));
    expect(text).not.toMatch(/^::/m);
    expect(text).not.toContain('\u001b');
  });

  it('shows the last output lines', () => {
    for (const part of ['The disk is full', 'no room', 'prune', 'ENOSPC']) expect(failureText(work)).toContain(part);
  });

  it.each([
    [request, 2, 'request'],
    [work, 1, 'disk-full'],
    [new InterruptedError('stopped'), 130, 'interrupted'],
    [new Error('bug'), 1, 'unexpected'],
  ])('%s ends with exit code %i', (error, code, kind) => {
    expect(exitCodeOf(error)).toBe(code);
    expect(failureJson(error)).toMatchObject({ error: { kind } });
  });
});

it('draws the frame of a warning as wide as its longest line', () => {
  const lines = warningFrame(['short', 'much longer']).split('\n');
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

it.each([
  [999, '999 B'],
  [42_500_000, '42.5 MB'],
  [249_000_000, '249 MB'],
  [1_350_000_000, '1.4 GB'],
])('%i bytes are %s', (count, text) => {
  expect(bytes(count)).toBe(text);
});

it.each([
  [0.64, '0.6 s'],
  [99.9, '99.9 s'],
  [125, '2 min 5 s'],
])('%f seconds are %s', (count, text) => {
  expect(seconds(count)).toBe(text);
});

it('aligns a table without trailing blanks', () => {
  expect(
    table(
      ['layer', { right: 'size' }],
      [
        ['a', '1 MB'],
        ['longer', '10 MB'],
      ],
    ).split('\n'),
  ).toEqual(['layer    size', 'a        1 MB', 'longer  10 MB']);
});
