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

  it.each<[string, object]>([
    ['an address', { lockfile: lockfile({ 'node_modules/ms': { ...MS, resolved: 'http://169.254.169.254/' } }) }],
    ['a link', { lockfile: lockfile({ 'node_modules/ms': { ...MS, link: true } }) }],
    ['a package without an integrity', { lockfile: lockfile({ 'node_modules/ms': { version: '2.1.3' } }) }],
    ['a weak integrity', { lockfile: lockfile({ 'node_modules/ms': { ...MS, integrity: 'sha1-AAAA' } }) }],
    ['a version range', { lockfile: lockfile({ 'node_modules/ms': { ...MS, version: '^2.1.3' } }) }],
    ['a package elsewhere', { lockfile: lockfile({ '../../etc': MS }) }],
    ['an older lockfile', { lockfile: { lockfileVersion: 1, dependencies: {} } }],
    ['a browser that does not exist', { browser: '; rm -rf /' }],
    ['a plugin id that is a path', { extensions: ['../../etc'] }],
    [
      'a plugin of somebody else',
      { plugins: [{ id: 'a', packageName: 'evil', version: '1.0.0', integrity: INTEGRITY }] },
    ],
    ['no plugins', { plugins: undefined }],
  ])('are refused with %s', (_, change) => {
    expect(() => read(predicate(change))).toThrow(`its statement ${INPUTS_PREDICATE}`);
  });
});
