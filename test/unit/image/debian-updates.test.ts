import { expect, it } from 'vitest';
import { parseUpdates, updateText } from '../../../build/image/debian-updates.ts';

const IMAGE = `NOTE: This is only a simulation!
Reading package lists...
The following packages will be upgraded:
  curl libssl3 tzdata zlib1g
Inst tzdata [2024a-0+deb12u1] (2025b-0+deb12u2 Debian:12.12/oldstable, Debian:12-updates/oldstable-updates [all])
Inst curl [7.88.1-10+deb12u8] (7.88.1-10+deb12u14 Debian:12.12/oldstable [amd64]) []
Inst libssl3 [3.0.14-1~deb12u2] (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
Inst new-dependency (1.0 Debian:12.12/oldstable [amd64])
Inst zlib1g [1:1.2.13.dfsg-1] (1:1.2.14 [amd64])
Conf curl (7.88.1-10+deb12u14 Debian:12.12/oldstable [amd64])
`;
const BASE = 'Inst libssl3 [3.0.14-1~deb12u2] (3.0.17-1~deb12u2 Debian-Security:12/oldstable-security [amd64])\n';

it('reads what apt would upgrade: security fixes first, and what only a newer base changes', () => {
  const updates = parseUpdates(IMAGE, BASE);
  expect(updates.map(updateText)).toEqual([
    'libssl3 3.0.14-1~deb12u2 → 3.0.17-1~deb12u2 (security)',
    'curl 7.88.1-10+deb12u8 → 7.88.1-10+deb12u14',
    'tzdata 2024a-0+deb12u1 → 2025b-0+deb12u2',
    'zlib1g 1:1.2.13.dfsg-1 → 1:1.2.14',
  ]);
  expect(updates.map(({ ofBase }) => ofBase)).toEqual([true, false, false, false]);
});

it('counts a package of the base as the image’s if the image has another version', () => {
  const base = BASE.replace('[3.0.14-1~deb12u2]', '[3.0.11-1]');
  expect(parseUpdates(IMAGE, base)[0]).toMatchObject({ name: 'libssl3', ofBase: false });
});

it('finds nothing in an image that is up to date', () => {
  expect(parseUpdates('Reading package lists...\n0 upgraded, 0 newly installed\n', BASE)).toEqual([]);
});
