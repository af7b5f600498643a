import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byAge, dependencyLayers, layerList } from '../../../build/gateway/dependency-layers.ts';
import type { LockedPackage } from '../../../build/gateway/dependency-lock.ts';

const locked = (folder: string, of: Partial<LockedPackage> = {}): LockedPackage => ({
  name: folder,
  folder,
  location: `node_modules/${folder}`,
  tarball: `https://example.com/${folder}.tgz`,
  version: '1.0.0',
  pinned: true,
  hasInstallScript: false,
  ...of,
});
const nested = (name: string, folder: string): LockedPackage =>
  locked(folder, {
    name,
    location: `node_modules/${folder}/node_modules/${name}`,
    tarball: `https://example.com/${name}.tgz`,
  });
const sizesOf = (sizes: Readonly<Record<string, number>>): ReadonlyMap<string, number> =>
  new Map(Object.entries(sizes).map(([name, size]) => [`https://example.com/${name}.tgz`, size]));
const foldersOf = (layers: readonly { readonly folders: readonly string[] }[]) => layers.map(({ folders }) => folders);

describe('the layers of dependencies', () => {
  it('contain one large package each, largest first, with the packages nested in it', () => {
    const packages = [
      locked('small'),
      locked('big'),
      locked('@scope/huge'),
      locked('holder'),
      nested('nested', 'holder'),
    ];
    const sizes = sizesOf({ small: 100_000, big: 700_000, '@scope/huge': 9_000_000, holder: 400_000, nested: 400_000 });
    expect(foldersOf(dependencyLayers(packages, sizes, []))).toEqual([['@scope/huge'], ['holder'], ['big'], ['small']]);
  });

  it('are not more than an overlay file system allows', () => {
    const packages = Array.from({ length: 300 }, (_, index) => locked(`p${index}`, { pinned: index % 2 === 0 }));
    const sizes = new Map(packages.map(({ tarball }, index) => [tarball, index < 100 ? 1_000_000 + index : 1]));
    expect(dependencyLayers(packages, sizes, [])).toHaveLength(24 + 4 + 8);
  });

  it('treat a package of unknown size as small', () => {
    expect(dependencyLayers([locked('unknown')], new Map(), [])).toMatchObject([
      { path: expect.stringContaining('pinned/') },
    ]);
  });

  it('contain pinned dependencies above the others', () => {
    const packages = [
      locked('exact'),
      locked('loose', { pinned: false }),
      locked('exact-big'),
      locked('loose-big', { pinned: false }),
    ];
    const sizes = sizesOf({ 'exact-big': 800_000, 'loose-big': 700_000 });
    expect(foldersOf(dependencyLayers(packages, sizes, []))).toEqual([
      ['loose-big'],
      ['loose'],
      ['exact-big'],
      ['exact'],
    ]);
  });

  it('contain every package once, and keep its layer when other packages change', () => {
    const name = fc.stringMatching(/^(?:@[a-z]{1,4}\/)?[a-z]{1,6}$/);
    const names = fc.uniqueArray(name, { maxLength: 60 });
    fc.assert(
      fc.property(names, names, (some, more) => {
        const layersOf = (folders: readonly string[]) =>
          dependencyLayers(
            folders.map((folder) => locked(folder)),
            new Map(),
            [],
          );
        const all = layersOf([...new Set([...some, ...more])]);
        expect(all.flatMap(({ folders }) => folders).sort()).toEqual([...new Set([...some, ...more])].sort());
        for (const { path, folders } of layersOf(some))
          expect(all.find((layer) => layer.path === path)?.folders).toEqual(expect.arrayContaining([...folders]));
      }),
    );
  });

  it('are listed for the build, one layer in a line', () => {
    const sizes = sizesOf({ '@scope/huge': 9_000_000 });
    expect(layerList(dependencyLayers([locked('@scope/huge'), locked('a')], sizes, []))).toMatch(
      /^large\/@scope\/huge @scope\/huge\npinned\/\d a\n$/,
    );
  });
});

describe('by age', () => {
  const sizes = sizesOf({ first: 9_000_000, second: 8_000_000, third: 7_000_000 });
  const versions = (first: string, second: string, third: string): readonly LockedPackage[] => [
    locked('first', { version: first }),
    locked('second', { version: second }),
    locked('third', { version: third }),
  ];
  const order = (...locks: readonly (readonly LockedPackage[])[]) =>
    foldersOf(
      byAge(
        locks.reduce<ReturnType<typeof dependencyLayers>>(
          (earlier, lock) => dependencyLayers(lock, sizes, earlier),
          [],
        ),
      ),
    ).flat();

  it('the layer that has not changed for the longest time is the lowest; layers of equal age keep their order', () => {
    expect(order(versions('1.0.0', '1.0.0', '1.0.0'))).toEqual(['first', 'second', 'third']);
    expect(order(versions('1.0.0', '1.0.0', '1.0.0'), versions('1.0.1', '1.0.0', '1.0.0'))).toEqual([
      'second',
      'third',
      'first',
    ]);
    expect(
      order(
        versions('1.0.0', '1.0.0', '1.0.0'),
        versions('1.0.1', '1.0.0', '1.0.0'),
        versions('1.0.1', '1.1.0', '1.0.0'),
      ),
    ).toEqual(['third', 'first', 'second']);
  });
});
