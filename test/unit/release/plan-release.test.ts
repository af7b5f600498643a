import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, parseVersion } from '../../../build/gateway/version.ts';
import { RequestError } from '../../../build/problem.ts';
import type { RegistryState } from '../../../build/release/plan-release.ts';
import { actions, BUILT, FIRST, MIRROR, type PlanCase, plan, registry } from '../../support/release-plan.ts';

// One case in a line: the ref, the event, the tags of the registry (tag=contents), and the actions.
const CASES: readonly PlanCase[] = [
  // latest uses the newest base of the newest version.
  [
    'refs/tags/v2026.3.13',
    'push',
    '2026.3.13=BUILT 2026.3.13-r20260408 latest=2026.3.13',
    'done 2026.3.13, keep latest',
  ],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.13-r20260408 latest=2026.3.13',
    'create 2026.3.13-r20260401, keep latest',
  ],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.13-r20260325 latest=2026.3.13',
    'create 2026.3.13-r20260401, move latest',
  ],
  // A run base has one tag for each day, and moves no channel.
  ['base/24', 'push', '', 'create base-24-20260401'],
  ['base/24', 'push', '2026.3.13 latest=2026.3.13 base-24-20260331', 'create base-24-20260401'],
  ['base/24', 'push', 'base-24-20260401=BUILT', 'done base-24-20260401'],
  ['base/24', 'push', 'base-24-20260401=?other', 'conflict base-24-20260401'],
  ['base/26', 'push', 'base-24-20260401', 'create base-26-20260401'],
  // The branch.
  ['refs/heads/main', 'push', '', 'create main'],
  ['refs/heads/main', 'push', 'main=?old', 'move main'],
  ['refs/heads/main', 'push', 'main=?old 2026.3.13 latest=2026.3.13', 'move main'],
  ['refs/heads/main', 'push', 'main=BUILT', 'done main'],
  // A stable release.
  ['refs/tags/v2026.3.13', 'push', '', 'create 2026.3.13, create latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.12 latest=2026.3.12', 'create 2026.3.13, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.12', 'create 2026.3.13, create latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.9 latest=2026.3.9', 'create 2026.3.13, move latest'],
  ['refs/tags/v2026.10.1', 'push', '2026.9.30 latest=2026.9.30', 'create 2026.10.1, move latest'],
  ['refs/tags/v2027.1.1', 'push', '2026.12.31 latest=2026.12.31', 'create 2027.1.1, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.14 latest=2026.3.14', 'create 2026.3.13, keep latest'],
  ['refs/tags/v2026.9.30', 'push', '2026.10.1 latest=2026.10.1', 'create 2026.9.30, keep latest'],
  ['refs/tags/v2026.12.31', 'push', '2027.1.1 latest=2027.1.1', 'create 2026.12.31, keep latest'],
  // latest is missing or outdated: a newer published version takes precedence.
  ['refs/tags/v2026.3.13', 'push', '2026.3.14', 'create 2026.3.13, keep latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.14 2026.3.12 latest=2026.3.12', 'create 2026.3.13, keep latest'],
  // latest is newer than all listed versions.
  ['refs/tags/v2026.3.13', 'push', 'latest=2026.3.14', 'create 2026.3.13, keep latest'],
  // The version of latest is unknown.
  ['refs/tags/v2026.3.13', 'push', 'latest=?', 'create 2026.3.13, conflict latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.12 latest=?', 'create 2026.3.13, conflict latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.12=?same latest=?same', 'create 2026.3.13, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.14=?same latest=?same', 'create 2026.3.13, keep latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.14-r20260320=?same latest=?same', 'create 2026.3.13, keep latest'],
  // Corrections are newer, although semver orders them as older.
  ['refs/tags/v2026.3.13-1', 'push', '2026.3.13 latest=2026.3.13', 'create 2026.3.13-1, move latest'],
  ['refs/tags/v2026.3.13-2', 'push', '2026.3.13-1 latest=2026.3.13-1', 'create 2026.3.13-2, move latest'],
  ['refs/tags/v2026.3.13-10', 'push', '2026.3.13-9 latest=2026.3.13-9', 'create 2026.3.13-10, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.13-1 latest=2026.3.13-1', 'create 2026.3.13, keep latest'],
  ['refs/tags/v2026.3.13-1', 'push', '2026.3.13-2 latest=2026.3.13-2', 'create 2026.3.13-1, keep latest'],
  ['refs/tags/v2026.3.13-1', 'push', '2026.3.14 latest=2026.3.14', 'create 2026.3.13-1, keep latest'],
  ['refs/tags/v2026.3.14', 'push', '2026.3.13-1 latest=2026.3.13-1', 'create 2026.3.14, move latest'],
  // Prereleases move no channel.
  ['refs/tags/v2026.3.14-beta.1', 'push', '', 'create 2026.3.14-beta.1'],
  ['refs/tags/v2026.3.14-beta.1', 'push', '2026.3.13 latest=2026.3.13', 'create 2026.3.14-beta.1'],
  ['refs/tags/v2026.3.13-beta.2', 'push', '2026.3.13 latest=2026.3.13', 'create 2026.3.13-beta.2'],
  ['refs/tags/v2026.3.14-alpha.0', 'push', 'latest=?', 'create 2026.3.14-alpha.0'],
  ['refs/tags/v2026.3.14-rc.1', 'push', '2026.3.13-1 latest=2026.3.13-1', 'create 2026.3.14-rc.1'],
  // A stable release is newer than prereleases of a later day.
  ['refs/tags/v2026.3.13', 'push', '2026.3.14-beta.1 2026.3.12 latest=2026.3.12', 'create 2026.3.13, move latest'],
  ['refs/tags/v2026.3.14', 'push', '2026.3.14-beta.1 2026.3.13 latest=2026.3.13', 'create 2026.3.14, move latest'],
  ['refs/tags/v2026.3.14', 'push', '2026.3.14-rc.9 latest=2026.3.13', 'create 2026.3.14, move latest'],
  // latest is a prerelease by mistake: the stable release of that day corrects it.
  ['refs/tags/v2026.3.14', 'push', 'latest=2026.3.14-beta.1', 'create 2026.3.14, move latest'],
  // A backfill writes only its version.
  ['refs/tags/v2026.1.29', 'backfill', '2026.3.13 latest=2026.3.13', 'create 2026.1.29'],
  ['refs/tags/v2026.1.29', 'backfill', '', 'create 2026.1.29'],
  ['refs/tags/v2026.3.14', 'backfill', '2026.3.13 latest=2026.3.13', 'create 2026.3.14'],
  ['refs/tags/v2026.1.29-beta.1', 'backfill', '2026.3.13 latest=2026.3.13', 'create 2026.1.29-beta.1'],
  ['refs/tags/v2026.1.29', 'backfill', 'latest=?', 'create 2026.1.29'],
  ['refs/tags/v2026.1.29', 'backfill', '2026.1.29', 'conflict 2026.1.29'],
  ['refs/tags/v2026.1.29', 'backfill', '2026.1.29=BUILT', 'done 2026.1.29'],
  // A refresh moves the channels of the newest release only.
  ['refs/tags/v2026.3.13', 'refresh', '2026.3.13 latest=2026.3.13', 'create 2026.3.13-r20260401, move latest'],
  ['refs/tags/v2026.3.13', 'refresh', '2026.3.13', 'create 2026.3.13-r20260401, create latest'],
  ['refs/tags/v2026.3.13-1', 'refresh', '2026.3.13-1 latest=2026.3.13-1', 'create 2026.3.13-1-r20260401, move latest'],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.14 latest=2026.3.14',
    'create 2026.3.13-r20260401, keep latest',
  ],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.13-1 latest=2026.3.13-1',
    'create 2026.3.13-r20260401, keep latest',
  ],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.14-beta.1 latest=2026.3.13',
    'create 2026.3.13-r20260401, move latest',
  ],
  ['refs/tags/v2026.3.13-beta.1', 'refresh', '2026.3.13-beta.1 latest=2026.3.12', 'create 2026.3.13-beta.1-r20260401'],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.13-r20260301 latest=2026.3.13',
    'create 2026.3.13-r20260401, move latest',
  ],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.13-r20260401 latest=2026.3.13',
    'conflict 2026.3.13-r20260401, move latest',
  ],
  [
    'refs/tags/v2026.3.13',
    'refresh',
    '2026.3.13 2026.3.13-r20260401=BUILT latest=BUILT',
    'done 2026.3.13-r20260401, done latest',
  ],
  // Existing tags with the same contents are done. Other contents stop the release.
  ['refs/tags/v2026.3.13', 'push', '2026.3.13=BUILT latest=2026.3.12', 'done 2026.3.13, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.13=BUILT latest=BUILT', 'done 2026.3.13, done latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.13=BUILT', 'done 2026.3.13, create latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.13 latest=2026.3.12', 'conflict 2026.3.13, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.13 latest=2026.3.13', 'conflict 2026.3.13, move latest'],
  ['refs/tags/v2026.3.13-beta.1', 'push', '2026.3.13-beta.1', 'conflict 2026.3.13-beta.1'],
  ['refs/tags/v2026.3.13-beta.1', 'push', '2026.3.13-beta.1=BUILT', 'done 2026.3.13-beta.1'],
  // Tags that are not versions have no effect.
  ['refs/tags/v2026.3.13', 'push', 'nightly=?x sha-1234=?y 9999=?z latest=2026.3.12', 'create 2026.3.13, move latest'],
  ['refs/tags/v2026.3.13', 'push', '2026.3.14-slim=2026.3.14 latest=2026.3.12', 'create 2026.3.13, move latest'],
];

describe(`the tags of a ref (${CASES.length} cases)`, () => {
  it.each(CASES)('%s, %s, with the tags "%s": %s', (ref, event, has, tags) => {
    expect(
      actions({
        ref,
        event,
        published: { [FIRST]: registry(has) },
        digests: { default: { index: BUILT, platforms: {} } },
      }),
    ).toBe(tags);
  });
});

describe('a plan', () => {
  it('requires that existing tags are the same, before anything is built', () => {
    const published = { [FIRST]: registry('2026.3.13 latest=2026.3.13') };
    expect(actions({ ref: 'refs/tags/v2026.3.13', published })).toBe('check 2026.3.13, move latest');
  });

  it('has the tags of each variant and each platform', () => {
    const change = {
      ref: 'refs/tags/v2026.3.13',
      variants: ['default', 'slim', 'browser'],
      platforms: ['linux/amd64', 'linux/arm64'],
    } as const;
    const names = plan(change).tags.map(({ tag }) => tag);
    const version = ['2026.3.13', '2026.3.13-slim', '2026.3.13-browser'];
    const channel = ['latest', 'slim', 'latest-browser'];
    expect(names).toEqual([...version, ...channel].flatMap((name) => [name, `${name}-amd64`, `${name}-arm64`]));
  });

  it('writes versions before channels, and the first registry before its mirrors', () => {
    const change = { ref: 'refs/tags/v2026.3.13', registries: [FIRST, MIRROR] };
    expect(plan(change).tags.map(({ registry: repository, tag }) => `${repository}:${tag}`)).toEqual([
      `${FIRST}:2026.3.13`,
      `${MIRROR}:2026.3.13`,
      `${FIRST}:latest`,
      `${MIRROR}:latest`,
    ]);
  });

  it('considers the versions of all registries: an outdated mirror does not move latest back', () => {
    const published = { [FIRST]: registry('2026.3.12 latest=2026.3.12'), [MIRROR]: registry('2026.3.14') };
    const { tags } = plan({ ref: 'refs/tags/v2026.3.13', registries: [FIRST, MIRROR], published });
    expect(tags.filter(({ tag }) => tag === 'latest').map(({ action, why }) => [action, why])).toEqual([
      ['keep', '2026.3.14 is newer'],
      ['keep', '2026.3.14 is newer'],
    ]);
  });

  it('completes a mirror with fewer tags than the first registry', () => {
    const published = { [FIRST]: registry('2026.3.13=BUILT latest=BUILT'), [MIRROR]: registry('') };
    const change = {
      ref: 'refs/tags/v2026.3.13',
      registries: [FIRST, MIRROR],
      published,
      digests: { default: { index: BUILT, platforms: {} } },
    };
    expect(actions(change)).toBe('done 2026.3.13, create 2026.3.13, done latest, create latest');
  });
});

it('refreshes a version that was published in one of the variants', () => {
  const change = { ref: 'refs/tags/v2026.3.13', event: 'refresh', variants: ['browser'] } as const;
  const published = { [FIRST]: registry('2026.3.13-browser latest-browser=2026.3.13') };
  expect(actions({ ...change, published })).toBe('create 2026.3.13-r20260401-browser, move latest-browser');
  expect(() => actions({ ...change, variants: ['default'], published })).toThrow('was never published');
});

describe('a pull request', () => {
  const revision = '0123abcdef0123abcdef0123abcdef0123abcdef';
  const of = (has: string, change: object = {}): string =>
    actions({
      ...{ ref: 'refs/pull/12/merge', revision, published: { [FIRST]: registry(has) } },
      ...{ digests: { default: { index: BUILT, platforms: {} } }, ...change },
    });

  it.each([
    ['', 'create sha-0123abc, create pr-12'],
    ['pr-12=?old', 'create sha-0123abc, move pr-12'],
    ['pr-12=?old sha-0123abc=?old', 'move sha-0123abc, move pr-12'],
    ['pr-12=BUILT sha-0123abc=BUILT', 'done sha-0123abc, done pr-12'],
    ['pr-12=2026.9.9 main=?x latest=2026.9.6 2026.9.6', 'create sha-0123abc, move pr-12'],
  ])('with the tags "%s": %s', (has, tags) => {
    expect(of(has)).toBe(tags);
  });

  it('has the tag of its commit as soon as that is known', () => {
    expect(of('', { revision: undefined })).toBe('create pr-12');
  });

  it('follows a branch that went back to an older commit', () => {
    const published = { [FIRST]: { 'pr-12': { digest: 'sha256:1', created: '2026-04-02T00:00:00Z' } } };
    expect(of('', { published, created: '2026-04-01T00:00:00Z' })).toBe('create sha-0123abc, move pr-12');
  });

  it('has tags of variants and platforms', () => {
    const change = { variants: ['default', 'slim'], platforms: ['linux/arm64'], digests: undefined };
    expect(of('', change)).toBe(
      ['sha-0123abc', 'pr-12']
        .flatMap((name) => [name, `${name}-arm64`, `${name}-slim`, `${name}-slim-arm64`])
        .map((tag) => `create ${tag}`)
        .join(', '),
    );
  });
});

describe('a release is refused', () => {
  it.each([
    ['refs/heads/feature'],
    ['refs/tags/2026.3.13'],
    ['refs/tags/v2026.3'],
    ['refs/tags/v1.2.3'],
    ['refs/tags/v2026.3.13-hotfix'],
    ['refs/pull/merge'],
    ['refs/pull/0/merge'],
    ['refs/pull/07/merge'],
    ['refs/pull/7'],
    ['refs/pull/7/merge/x'],
    ['refs/pull/latest/merge'],
    ['main'],
    [''],
    ['refs/tags/v2026.3.13; rm -rf /'],
  ])('from %j', (ref) => {
    expect(() => plan({ ref })).toThrow(RequestError);
  });

  it.each(['backfill', 'refresh'] as const)('for a %s of the branch or of a pull request', (event) => {
    expect(() => plan({ event })).toThrow('is a branch');
    expect(() => plan({ ref: 'refs/pull/7/merge', event })).toThrow('is a pull request');
  });

  it('for a refresh of an unpublished version', () => {
    const refresh = { ref: 'refs/tags/v2026.3.13', event: 'refresh' } as const;
    expect(() => plan({ ...refresh, published: { [FIRST]: {} } })).toThrow(RequestError);
    expect(plan({ ...refresh, published: undefined }).tags).toHaveLength(2);
  });

  it('without a registry', () => {
    expect(() => plan({ registries: [] })).toThrow(RequestError);
  });
});

it('latest only moves to newer stable versions, whatever was published in whichever order', () => {
  const versions = fc
    .tuple(
      fc.constantFrom('2026.3.12', '2026.3.13', '2026.10.1'),
      fc.constantFrom('', '-1', '-2', '-10', '-beta.1', '-rc.2'),
    )
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.uniqueArray(versions, { maxLength: 12 }), (pushed) => {
      let state: RegistryState = {};
      for (const text of pushed) {
        const before = state['latest']?.version;
        const { tags } = plan({ ref: `refs/tags/v${text}`, published: { [FIRST]: state } });
        for (const { tag, action } of tags)
          if (action === 'create' || action === 'move')
            state = { ...state, [tag]: { digest: `sha256:${text}`, version: text } };
        const [older, now] = [before, state['latest']?.version].map((one) => parseVersion(one ?? ''));
        if (now !== undefined) expect(now.kind).toBe('stable');
        if (older !== undefined && now !== undefined) expect(compareVersions(now, older)).toBeGreaterThanOrEqual(0);
      }
      const newest = pushed
        .flatMap((text) => parseVersion(text) ?? [])
        .filter(({ kind }) => kind === 'stable')
        .sort(compareVersions)
        .at(-1);
      expect(state['latest']?.version).toBe(newest?.text);
    }),
  );
});

it.each([
  ['2026-04-01T00:00:00Z', '2026-04-02T00:00:00Z', 'keep main'],
  ['2026-04-02T00:00:00Z', '2026-04-01T00:00:00Z', 'move main'],
  ['2026-04-01T00:00:00Z', '2026-04-01T00:00:00Z', 'move main'],
  [undefined, '2026-04-02T00:00:00Z', 'move main'],
  ['2026-04-01T00:00:00Z', undefined, 'move main'],
])('a commit of %s, with a main of %s: %s', (created, there, tags) => {
  const published = { [FIRST]: { main: { digest: BUILT, created: there } } };
  expect(actions({ created, published })).toBe(tags);
});

it('decides the channel of each variant separately', () => {
  const published = {
    [FIRST]: registry('2026.3.12 latest=2026.3.12 2026.3.14-browser-amd64 latest-browser=2026.3.14'),
  };
  const change = { ref: 'refs/tags/v2026.3.13', variants: ['default', 'browser'] as const, published };
  expect(actions(change)).toBe('create 2026.3.13, create 2026.3.13-browser, move latest, keep latest-browser');
});
