import { expect, it } from 'vitest';
import { parseImageSpec } from '../../../build/spec/parse-image-spec.ts';

it.each([
  [['libsignal=npm:libsignal@2.0.1'], { libsignal: 'npm:libsignal@2.0.1' }],
  [['libsignal=2.0.1'], { libsignal: '2.0.1' }],
  [['@scope/a=npm:@other/b@1.2.3-beta.1'], { '@scope/a': 'npm:@other/b@1.2.3-beta.1' }],
  [['b=1.0.0', 'a=2.0.0'], { a: '2.0.0', b: '1.0.0' }],
])('replaces %j', (override, expected) => {
  const { spec, problems } = parseImageSpec({ override }, {});
  expect(problems).toEqual([]);
  expect(spec.overrides).toEqual(expected);
  expect(parseImageSpec({}, { OPENCLAW_OVERRIDES: override.join(' ') }).spec.overrides).toEqual(expected);
});

it.each([
  ['libsignal', 'is not the name of a package, =, and a version'],
  ['libsignal=', 'is not the name of a package, =, and a version'],
  ['libsignal=^2.0.0', 'does not have an exact version'],
  ['libsignal=npm:libsignal@latest', 'does not have an exact version'],
  ['libsignal=git+https://example.org/libsignal.git', 'does not have an exact version'],
  ['libsignal=npm:libsignal', 'does not have an exact version'],
  ['../libsignal=1.0.0', 'is not the name of a package, =, and a version'],
  ['Libsignal=1.0.0', 'is not the name of a package, =, and a version'],
  ['libsignal=1.0.0;reboot', 'does not have an exact version'],
])('refuses %s', (value, reason) => {
  expect(parseImageSpec({ override: [value] }, {}).problems).toMatchObject([{ source: '--override', value, reason }]);
});

it.each([
  ['https://github.com/me/openclaw', undefined],
  ['http://github.com/me/openclaw', 'is not an https address'],
  ['github.com/me/openclaw', 'is not an https address'],
])('takes only an https address for the annotations: %s', (sourceUrl, reason) => {
  const { spec, problems } = parseImageSpec({ sourceUrl }, {});
  expect(problems.map((problem) => problem.reason)).toEqual(reason === undefined ? [] : [reason]);
  expect(spec.sourceUrl).toBe(reason === undefined ? sourceUrl : undefined);
});

it.each([
  ['0123456789abcdef0123456789abcdef01234567', undefined],
  ['0'.repeat(64), undefined],
  ['0123456', 'is not a full commit id'],
  ['0123456789ABCDEF0123456789ABCDEF01234567', 'is not a full commit id'],
  ['main', 'is not a full commit id'],
])('takes only a full commit id for the annotations: %s', (revision, reason) => {
  const { spec, problems } = parseImageSpec({ revision }, {});
  expect(problems.map((problem) => problem.reason)).toEqual(reason === undefined ? [] : [reason]);
  expect(spec.revision).toBe(reason === undefined ? revision : undefined);
});

it('refuses two versions of one dependency, and takes one that is given twice', () => {
  const override = ['ms=2.0.0', 'ms=2.1.0'];
  expect(parseImageSpec({ override }, {}).problems.map(({ reason }) => reason)).toEqual(['contradicts ms=2.0.0']);
  expect(parseImageSpec({ override: ['ms=2.0.0', 'ms=2.0.0'] }, {}).problems).toEqual([]);
});
