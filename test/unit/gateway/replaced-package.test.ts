import { describe, expect, it } from 'vitest';
import { parseLockfile } from '../../../build/gateway/pnpm-files.ts';
import { lockReplacements, notReplaced, type Replacement } from '../../../build/gateway/replaced-package.ts';
import { replaceInLockfile, trimLockfile } from '../../../build/steps/trim-lockfile.mjs';

const ADDRESS = 'https://host.invalid/signal/tar.gz/1';
const LOCK = `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      chat:
        specifier: ^1.0.0
        version: 1.0.0(react@19.0.0)
      own:
        specifier: ${ADDRESS}
        version: ${ADDRESS}

packages:

  '@scope/signal-node@${ADDRESS}':
    resolution: {tarball: ${ADDRESS}}
    version: 2.0.1

  chat@1.0.0:
    resolution: {integrity: sha512-chat}

  codec@6.8.8:
    resolution: {integrity: sha512-codec}

  codec@7.0.0:
    resolution: {integrity: sha512-codec7}

  own@${ADDRESS}:
    resolution: {tarball: ${ADDRESS}}
    version: 1.0.0

snapshots:

  '@scope/signal-node@${ADDRESS}':
    dependencies:
      codec: 6.8.8

  chat@1.0.0(react@19.0.0):
    dependencies:
      codec: 7.0.0
      signal: '@scope/signal-node@${ADDRESS}'
    transitivePeerDependencies:
      - react

  codec@6.8.8: {}

  codec@7.0.0: {}

  own@${ADDRESS}: {}
`;

const PUBLISHED: Replacement = {
  dependency: 'signal',
  spec: 'npm:signal@2.0.1',
  name: 'signal',
  version: '2.0.1',
  integrity: 'sha512-signal',
  dependencies: {},
  optionalDependencies: {},
  peers: [],
  hasCommands: false,
};

/** The lockfile with replacements. @returns the reasons if they are refused */
async function replaced(...changes: readonly Partial<Replacement>[]): Promise<string> {
  const replacements = changes.map((change) => ({ ...PUBLISHED, ...change }));
  const { locked, problems } = lockReplacements(await parseLockfile(LOCK, 'pnpm-lock.yaml'), LOCK, replacements);
  if (problems.length > 0) return problems.map(({ reason }) => reason).join('\n');
  const text = trimLockfile(replaceInLockfile(LOCK, locked), () => true);
  expect(notReplaced(await parseLockfile(text, 'pnpm-lock.yaml'), locked)).toEqual([]);
  return text;
}

describe('a published package in place of a dependency of a checkout', () => {
  it('is what every package of the lockfile needs, and the former one is not fetched', async () => {
    const text = await replaced({ dependencies: { codec: '^6.8.0' }, hasCommands: true });
    expect(text).not.toContain('@scope/signal-node');
    const { importers, packages, snapshots } = await parseLockfile(text, 'pnpm-lock.yaml');
    expect(snapshots?.['chat@1.0.0(react@19.0.0)']?.dependencies).toEqual({ codec: '7.0.0', signal: '2.0.1' });
    // The version that the former one had, although another one is newer.
    expect(snapshots?.['signal@2.0.1']).toEqual({ dependencies: { codec: '6.8.8' } });
    expect(packages?.['signal@2.0.1']).toEqual({ resolution: { integrity: 'sha512-signal' }, hasBin: true });
    expect(importers?.['.']?.dependencies?.['own']?.version).toBe(ADDRESS);
  });

  it('can have another name, and replace a dependency of the gateway itself', async () => {
    const text = await replaced({ dependency: 'own', name: '@other/own' });
    const { importers, snapshots } = await parseLockfile(text, 'pnpm-lock.yaml');
    expect(importers?.['.']?.dependencies?.['own']).toEqual({ specifier: ADDRESS, version: '@other/own@2.0.1' });
    expect(snapshots?.['@other/own@2.0.1']).toEqual({});
    expect(snapshots?.[`own@${ADDRESS}`]).toBeUndefined();
  });

  it('can be one that the lockfile has, also with peers or a patch', async () => {
    const text = await replaced({ dependency: 'own', name: 'codec', version: '7.0.0', dependencies: { more: '1' } });
    expect(text.match(/^ {2}codec@7\.0\.0:/gm)).toHaveLength(2);
    expect(text).toContain('version: codec@7.0.0\n');
    const other = await replaced({ dependency: 'own', name: 'chat', version: '1.0.0' });
    expect(other).toContain('version: chat@1.0.0(react@19.0.0)\n');
  });

  it('can need another replacement, whatever their order', async () => {
    for (const order of [0, 1]) {
      const both = [{ dependencies: { own: '^5.0.0' } }, { dependency: 'own', name: 'own', version: '5.0.0' }];
      const { snapshots } = await parseLockfile(await replaced(...(order === 0 ? both : both.reverse())), 'lock');
      expect(snapshots?.['signal@2.0.1']).toEqual({ dependencies: { own: '5.0.0' } });
    }
  });

  it('twice the same is in the lockfile once', async () => {
    const one = { name: 'other', version: '1.0.0' };
    const text = await replaced(one, { ...one, dependency: 'own' });
    expect(text.match(/^ {2}other@1\.0\.0:/gm)).toHaveLength(2);
  });

  it('has those of its optional dependencies that are locked, and the address of its archive', async () => {
    const tarball = 'https://npm.example.com/download/signal';
    const optional = { optionalDependencies: { codec: '7.0.0', '@img/other-system': '1.0.0' }, tarball };
    const { packages, snapshots } = await parseLockfile(await replaced(optional), 'lock');
    expect(snapshots?.['signal@2.0.1']).toEqual({ optionalDependencies: { codec: '7.0.0' } });
    expect(packages?.['signal@2.0.1']).toEqual({ resolution: { integrity: 'sha512-signal', tarball } });
  });

  it.each<[string, Partial<Replacement>, string]>([
    ['nothing needs the dependency', { dependency: 'signa' }, 'replaces nothing: no package needs it'],
    [
      'the lockfile has a published version',
      { dependency: 'codec' },
      'replaces 6.8.8, which pnpm-lock.yaml locks: only what is not from a registry can be',
    ],
    ['it needs peers', { peers: ['react'] }, 'needs peers (react), which differ with each user'],
    [
      'it needs what the lockfile does not contain',
      { dependencies: { missing: '^1.0.0' } },
      'needs missing@^1.0.0, which pnpm-lock.yaml does not contain',
    ],
    [
      'it needs another version',
      { dependencies: { codec: '^8.0.0' } },
      'needs codec@^8.0.0, which pnpm-lock.yaml does not contain',
    ],
  ])('is refused if %s', async (_, changes, reason) => {
    expect(await replaced(changes)).toBe(reason);
  });
});
