import { describe, expect, it } from 'vitest';
import { compareVersions, parseVersion, refreshTag } from '../../../build/gateway/version.ts';

const version = (text: string) => {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`${text} is no version`);
  return parsed;
};

describe('versions of the gateway', () => {
  it('are in the order of their publication', () => {
    const inOrder = [
      '2025.12.31',
      '2026.1.2',
      '2026.3.9',
      '2026.3.13-alpha.1',
      '2026.3.13-beta.2',
      '2026.3.13-beta.10',
      '2026.3.13-rc.1',
      '2026.3.13',
      '2026.3.13-1',
      '2026.3.13-2',
      '2026.3.13-10',
      '2026.3.14-beta.1',
      '2026.3.14',
      '2026.3.33-beta.1',
      '2026.3.33',
      '2026.3.34',
      '2026.3.99',
      '2026.3.100',
      '2026.10.1',
    ];
    expect(
      inOrder
        .toReversed()
        .map(version)
        .sort(compareVersions)
        .map(({ text }) => text),
    ).toEqual(inOrder);
  });

  it.each([
    '2026.3',
    '2026.03.13',
    '2026.13.1',
    '2026.3.32',
    '2026.3.13-0',
    '2026.3.13-01',
    'v2026.3.13',
    '2026.3.13-beta',
    '2026.3.33-1',
    '2026.3.100-2',
    '2026.3.033',
    '2026.3.10000000',
  ])('%s is not a version', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  it.each(['2026.3.13-1-beta.1', '2026.3.13-r20260401', '2026.3.13-slim', 'latest', '', '2026.3.13\n'])(
    '%j is none either',
    (text) => {
      expect(parseVersion(text)).toBeUndefined();
    },
  );

  it('have a name for each refresh date', () => {
    expect(refreshTag(version('2026.3.13-1'), '20260401')).toBe('2026.3.13-1-r20260401');
  });
});
