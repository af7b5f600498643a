import { describe, expect, it } from 'vitest';
import { statementAbout } from '../../../build/attest/attestation.ts';
import { INPUTS_PREDICATE, readRecordedInputs } from '../../../build/release/recorded-inputs.ts';

const INTEGRITY = `sha512-${'A'.repeat(86)}==`;
const MANIFEST = { mediaType: '', digest: `sha256:${'1'.repeat(64)}`, size: 1 };
const MS = { version: '2.1.3', integrity: INTEGRITY, license: 'MIT' };
const lockfile = (packages: object): object => ({ name: 'openclaw', lockfileVersion: 3, requires: true, packages });
const predicate = (change: object = {}): object => ({
  ...{ extensions: ['slack'], browser: 'none', plugins: [] },
  lockfile: lockfile({ '': { name: 'openclaw' }, 'node_modules/ms': MS }),
  ...change,
});
const read = (value: object) => readRecordedInputs(statementAbout(MANIFEST, INPUTS_PREDICATE, value), 'an image');

describe('the inputs that an image records', () => {
  it('are the lockfile, as npm writes it, plugins and the browser', () => {
    const plugin = { id: 'slack', packageName: '@openclaw/slack', version: '2026.9.5', integrity: INTEGRITY };
    const { extensions, browser, locked } = read(predicate({ plugins: [{ ...plugin, lockfile: lockfile({}) }] }));
    expect([extensions, browser]).toEqual([['slack'], 'none']);
    expect(locked.lockfile).toMatch(/^\{\n {2}"name": "openclaw",\n[\s\S]*\n\}\n$/);
    expect(JSON.parse(locked.lockfile ?? '')).toEqual(predicate()['lockfile' as never]);
    expect(locked.plugins).toEqual([{ ...plugin, lockfile: expect.stringContaining('"lockfileVersion": 3') }]);
  });

  it('have no lockfile if the image is from a checkout', () => {
    const { lockfile: _, ...others } = predicate() as { lockfile: object };
    expect(read(others).locked.lockfile).toBeUndefined();
  });

  const plugin = {
    ...{ id: 'a', packageName: '@openclaw/a', version: '1.0.0', integrity: INTEGRITY },
    lockfile: lockfile({}),
  };
  const ms = (change: object): object => ({ lockfile: lockfile({ 'node_modules/ms': { ...MS, ...change } }) });

  it.each<[string, object, string]>([
    ['an address', ms({ resolved: 'http://169.254.169.254/' }), 'ms/resolved'],
    ['a file of this host', ms({ resolved: 'file:../../etc/shadow.tgz' }), 'ms/resolved'],
    ['a link', ms({ link: true }), 'ms/link'],
    ['a package without an integrity', { lockfile: lockfile({ 'node_modules/ms': { version: '2.1.3' } }) }, '~1ms'],
    ['a weak integrity', ms({ integrity: 'sha1-AAAA' }), 'ms/integrity'],
    ['a version range', ms({ version: '^2.1.3' }), 'ms/version'],
    ['an address as a name', ms({ name: 'ms@http://127.0.0.1/x?' }), 'ms/name'],
    ['a dependency in a folder', ms({ dependencies: { x: 'file:/etc' } }), 'ms/dependencies/x'],
    [
      'a dependency at an address',
      ms({ optionalDependencies: { x: 'https://host/x.tgz' } }),
      'ms/optionalDependencies/x',
    ],
    ['a dependency of a known host', ms({ peerDependencies: { x: 'github:me/x' } }), 'ms/peerDependencies/x'],
    ['an address as the name of a dependency', ms({ dependencies: { 'x@http://host': '1' } }), 'ms/dependencies'],
    ['a package elsewhere', { lockfile: lockfile({ '../../etc': MS }) }, '/lockfile/packages'],
    ['a package above', { lockfile: lockfile({ 'node_modules/../../x': MS }) }, '/lockfile/packages'],
    ['a dependency of the root in a folder', { lockfile: lockfile({ '': { dependencies: { x: 'file:../x' } } }) }, 'x'],
    ['an older lockfile', { lockfile: { lockfileVersion: 1, packages: {} } }, '/lockfile/lockfileVersion'],
    ['a browser that does not exist', { browser: '; rm -rf /' }, '/browser'],
    ['a plugin id that is a path', { extensions: ['../../etc'] }, '/extensions/0'],
    ['a plugin of somebody else', { plugins: [{ ...plugin, packageName: 'evil' }] }, '/plugins/0/packageName'],
    ['a plugin twice', { plugins: [plugin, plugin] }, '/plugins has a twice'],
    ['a repository over SSH', { git: { x: `git+ssh://host/x#${'c'.repeat(40)}` } }, '/git/x'],
    ['a branch', { git: { x: 'git+https://host/x#main' } }, '/git/x'],
    ['an address as the name from git', { git: { 'x@http://host': `git+https://host/x#${'c'.repeat(40)}` } }, '/git'],
    ['no plugins', { plugins: undefined }, 'plugins'],
  ])('are refused with %s', (_, change, place) => {
    expect(() => read(predicate(change))).toThrow(`its statement ${INPUTS_PREDICATE}: `);
    expect(() => read(predicate(change))).toThrow(place);
  });

  it.each<[string, object]>([
    [
      'another published package',
      ms({ name: 'left-pad', dependencies: { a: 'npm:@scope/b@^1.2.0', b: '>=1 <3 || 4.x' } }),
    ],
    [
      'a bundled package',
      { lockfile: lockfile({ 'node_modules/a/node_modules/ms': { version: '2.1.3', inBundle: true } }) },
    ],
    [
      'a package from git',
      {
        ...ms({ resolved: `file:git/ms-${'c'.repeat(40)}.tgz`, dependencies: { x: 'git+https://github.com/me/x' } }),
        git: { ms: `git+https://host/ms.git#${'c'.repeat(64)}` },
      },
    ],
    ['plugins with dots in their names', { extensions: ['my.plugin'], plugins: [plugin] }],
  ])('may have %s', (_, change) => {
    expect(() => read(predicate(change))).not.toThrow();
  });
});
