import { describe, expect, it } from 'vitest';
import { requirersOf } from '../../../build/contents/requirers.ts';

const npm = (folder: string, manifest: object): readonly [string, string] => [
  `app/${folder === '' ? '' : `node_modules/${folder}/`}package.json`,
  JSON.stringify(manifest),
];
const debian = (name: string, depends = ''): string =>
  `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n${depends === '' ? '' : `Depends: ${depends}\n`}`;

const TEXTS = new Map([
  npm('', { name: 'openclaw', version: '2026.9.6', dependencies: { baileys: '^7.0.0', ms: '^2.0.0', debug: '4' } }),
  npm('baileys', {
    name: 'baileys',
    version: '7.0.1',
    dependencies: { libsignal: 'git+https://example.org/libsignal' },
  }),
  npm('libsignal', { name: 'libsignal', version: '2.0.1', dependencies: { loop: '1' } }),
  npm('loop', { name: 'loop', version: '1.0.0', dependencies: { libsignal: '*' } }),
  npm('ms', { name: 'ms', version: '2.1.3' }),
  npm('debug', { name: 'debug', version: '4.0.0', dependencies: { ms: '^1.0.0', aliased: 'npm:real@^3.0.0' } }),
  npm('debug/node_modules/ms', { name: 'ms', version: '1.0.0' }),
  npm('aliased', { name: 'real', version: '3.1.0' }),
  npm('broken', { name: 'broken', version: '1.0.0', dependencies: 'none' }),
  [
    'var/lib/dpkg/status',
    [
      debian('openssl', 'libc6 (>= 2.34), libssl3 (>= 3.0) | libssl4'),
      debian('libssl3', 'libc6'),
      debian('libc6'),
    ].join('\n'),
  ],
] as readonly (readonly [string, string])[]);
const FILES = new Map([['app/node_modules/libsignal/a.js', { size: 100, fingerprint: '' }]]);
const LAYERS = new Map([['app/node_modules/libsignal/package.json', 3]]);
const why = (name: string) => requirersOf({ texts: TEXTS, files: FILES, layers: LAYERS }, name);
const chains = (name: string): readonly string[] =>
  why(name).flatMap((found) => found.chains.map((chain) => chain.join(' → ')));

describe('who asks for a package', () => {
  it.each([
    ['of npm, at any depth and in a circle', 'libsignal', ['openclaw 2026.9.6 → baileys 7.0.1 → libsignal 2.0.1']],
    ['in one of two versions', 'ms@1.0.0', ['openclaw 2026.9.6 → debug 4.0.0 → ms 1.0.0']],
    ['in the other version', 'ms@2.1.3', ['openclaw 2026.9.6 → ms 2.1.3']],
    ['under another name', 'real', ['openclaw 2026.9.6 → debug 4.0.0 → real 3.1.0']],
    ['of Debian', 'libssl3', ['openssl 1.0 → libssl3 1.0']],
    ['nobody', 'openssl', []],
  ])('%s', (_, name, expected) => {
    expect(chains(name)).toEqual(expected);
  });

  it('lists each version, with size and layer', () => {
    expect(why('ms').map(({ version }) => version)).toEqual(['1.0.0', '2.1.3']);
    expect(why('libsignal')).toMatchObject([{ kind: 'npm', size: 100, layer: 3 }]);
    expect(why('no-such-package')).toEqual([]);
  });
});
