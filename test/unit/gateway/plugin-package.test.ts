import { expect, it } from 'vitest';
import { choosePluginVersion } from '../../../build/gateway/plugin-package.ts';

const versions = (...list: [string, string][]) =>
  list.map(([version, gatewayRange]) => ({ version, gatewayRange, integrity: '' }));

it.each([
  [
    'the newest that accepts the gateway',
    '2026.9.6',
    versions(['2026.9.5', '>=2026.9.5'], ['2026.9.6', '>=2026.9.6']),
    '2026.9.6',
  ],
  [
    'an older one for an older gateway',
    '2026.9.5',
    versions(['2026.9.5', '>=2026.9.5'], ['2026.9.6', '>=2026.9.6']),
    '2026.9.5',
  ],
  [
    'a stable one before a prerelease',
    '2026.9.6',
    versions(['2026.9.5', '>=2026.9.5'], ['2026.9.6-beta.1', '>=2026.9.5']),
    '2026.9.5',
  ],
  [
    'a prerelease where there is nothing else',
    '2026.9.6',
    versions(['2026.9.6-beta.1', '>=2026.9.5']),
    '2026.9.6-beta.1',
  ],
  ['a correction, which to semver is a prerelease', '2026.3.13-1', versions(['2026.3.12', '>=2026.3.12']), '2026.3.12'],
  ['what suits the version that was corrected', '2026.3.13-1', versions(['2026.3.13', '>=2026.3.13']), '2026.3.13'],
  [
    'a correction before what it corrects',
    '2026.3.14',
    versions(['2026.3.13-1', '>=2026.3.13'], ['2026.3.13', '>=2026.3.13']),
    '2026.3.13-1',
  ],
  ['none', '2026.6.6', versions(['2026.9.5', '>=2026.9.5']), undefined],
])('chooses %s', (_, gateway, list, chosen) => {
  expect(choosePluginVersion(list, gateway)?.version).toBe(chosen);
});
