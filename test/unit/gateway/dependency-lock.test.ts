import { expect, it } from 'vitest';
import { largeDependencies } from '../../../build/gateway/dependency-lock.ts';

const locked = (folder: string, name = folder) => ({
  name,
  folder,
  tarball: `https://example.com/${name}.tgz`,
  version: '1.0.0',
  hasInstallScript: false,
});

it('gives large packages a layer of their own, largest first, nested ones counted with what holds them', () => {
  const packages = [
    locked('small'),
    locked('big'),
    locked('@scope/huge'),
    locked('holder'),
    locked('holder', 'nested'),
  ];
  const sizes = new Map([
    ['https://example.com/small.tgz', 100_000],
    ['https://example.com/big.tgz', 700_000],
    ['https://example.com/@scope/huge.tgz', 9_000_000],
    ['https://example.com/holder.tgz', 400_000],
    ['https://example.com/nested.tgz', 400_000],
  ]);
  expect(largeDependencies(packages, sizes)).toEqual([
    { name: '@scope/huge', size: 9_000_000 },
    { name: 'holder', size: 800_000 },
    { name: 'big', size: 700_000 },
  ]);
});

it('keeps the number of layers within what an overlay file system takes', () => {
  const packages = Array.from({ length: 100 }, (_, index) => locked(`p${index}`));
  const sizes = new Map(packages.map(({ tarball }, index) => [tarball, 1_000_000 + index]));
  expect(largeDependencies(packages, sizes)).toHaveLength(24);
});

it('takes a package of unknown size for a small one', () => {
  expect(largeDependencies([locked('unknown')], new Map())).toEqual([]);
});
