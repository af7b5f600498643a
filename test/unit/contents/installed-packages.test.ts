import { describe, expect, it } from 'vitest';
import { installedPackages, namesPackages } from '../../../build/contents/installed-packages.ts';

const inImage = (
  texts: Readonly<Record<string, string>>,
  paths: readonly string[] = [],
  variables?: readonly string[],
) => {
  for (const path of Object.keys(texts)) expect(namesPackages(path), path).toBe(true);
  const files = new Map(paths.map((path) => [path, { size: 0, fingerprint: '' }]));
  return installedPackages({ texts: new Map(Object.entries(texts)), files }, variables);
};

it('lists Debian packages, with the license if the copyright file has one', () => {
  const status = (name: string) =>
    `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n`;
  const copyright =
    'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\nFiles: *\nLicense: MIT\n';
  const packages = inImage({
    'var/lib/dpkg/status': `${status('tini')}\n${status('git')}\nPackage: gone\nStatus: deinstall ok config-files\n`,
    'usr/share/doc/tini/copyright': copyright,
    'usr/share/doc/git/copyright': `${copyright}\nFiles: x\nLicense: GPL-2\n`,
  });
  expect(packages.map(({ name, license }) => [name, license])).toEqual([
    ['git', undefined],
    ['tini', 'MIT'],
  ]);
});

it('names a file of each package, whose layer installed it', () => {
  const status = (name: string) =>
    `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n`;
  const packages = inImage(
    {
      'var/lib/dpkg/status': `${status('tini')}\n${status('libc6')}\n${status('bare')}`,
      'var/lib/dpkg/status.d/docker-cli': 'Package: docker-cli\nVersion: 26.1.5\nArchitecture: amd64\n',
    },
    ['var/lib/dpkg/info/tini.list', 'var/lib/dpkg/info/libc6:amd64.list', 'usr/local/bin/node'],
    ['NODE_VERSION=24.1.0'],
  );
  expect(packages.map(({ name, path }) => [name, path])).toEqual([
    ['bare', 'var/lib/dpkg/status'],
    ['docker-cli', 'var/lib/dpkg/status.d/docker-cli'],
    ['libc6', 'var/lib/dpkg/info/libc6:amd64.list'],
    ['tini', 'var/lib/dpkg/info/tini.list'],
    ['node', 'usr/local/bin/node'],
  ]);
});

describe('what no Debian or npm package lists', () => {
  it('is Node, by the variable of its base', () => {
    expect(inImage({}, [], ['PATH=/bin', 'NODE_VERSION=24.1.0'])).toMatchObject([
      { kind: 'program', name: 'node', version: '24.1.0', license: 'MIT' },
    ]);
  });

  it('are Python packages, of pip and of Debian', () => {
    const packages = inImage({
      'usr/local/lib/python3.11/dist-packages/humanize-4.14.0.dist-info/METADATA':
        'Metadata-Version: 2.4\nName: humanize\nVersion: 4.14.0\nLicense-Expression: MIT\n\nName: not this\n',
      'usr/lib/python3/dist-packages/six-1.16.0.egg-info': 'Name: six\nVersion: 1.16.0\n',
      'usr/lib/python3/dist-packages/broken.dist-info/METADATA': 'nothing',
    });
    expect(packages.map(({ kind, name, version, license }) => [kind, name, version, license])).toEqual([
      ['python', 'humanize', '4.14.0', 'MIT'],
      ['python', 'six', '1.16.0', undefined],
    ]);
  });

  it('is the Chromium that Playwright downloaded, by the list of its Playwright', () => {
    const list = { browsers: [{ name: 'chromium', revision: '1200', browserVersion: '143.0.7499.4' }] };
    const packages = inImage({ 'app/node_modules/playwright-core/browsers.json': JSON.stringify(list) }, [
      'home/node/.cache/ms-playwright/chromium-1200/chrome-linux/chrome',
      'home/node/.cache/ms-playwright/ffmpeg-1011/ffmpeg-linux',
    ]);
    expect(packages.map(({ name, version }) => [name, version])).toEqual([
      ['chromium', '143.0.7499.4'],
      ['ffmpeg', 'revision-1011'],
    ]);
  });

  it('is nothing if the list is not valid', () => {
    expect(inImage({ 'app/node_modules/playwright-core/browsers.json': '{"browsers":{}}' })).toEqual([]);
  });
});
