import { describe, expect, it } from 'vitest';
import type { ChannelDecision } from '../../../build/release/channel-decision.ts';
import { newerReleases } from '../../../build/release/plan-release.ts';
import { planPromotion } from '../../../build/release/promote.ts';
import type { ReleaseRecord } from '../../../build/release/release-record.ts';
import { actions, FIRST, MIRROR, type PlanCase, plan, registry } from '../../support/release-plan.ts';

/** `2026.9.5 without 2026.9.6 2026.9.7` → a decision. */
function decision(text: string): ChannelDecision | undefined {
  const [release = '', withdrawn = ''] = text.split(' without ');
  if (release === '') return undefined;
  const taken = withdrawn.split(' ').filter((name) => name !== '');
  const channel = /\.(?:3[3-9]|[4-9]\d)/.test(release) ? 'extended-stable' : 'latest';
  return {
    channel,
    release,
    withdrawn: taken,
    reason: 'sign-in fails',
    decided: '2026-11-27T12:00:00Z',
    by: 'me@host',
  };
}

type Case = readonly [...PlanCase, decided: string];

// One case in a line: the ref, the event, the tags of the registry, the actions, and the decision.
const CASES: readonly Case[] = [
  // A withdrawn release does not come back by itself.
  ['v2026.9.6', 'push', '2026.9.5 latest=2026.9.5', 'create 2026.9.6, keep latest', '2026.9.5 without 2026.9.6'],
  [
    'v2026.9.6',
    'refresh',
    '2026.9.6 2026.9.5 latest=2026.9.5',
    'create 2026.9.6-r20260401, keep latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.6',
    'refresh',
    '2026.9.6 latest=2026.9.6',
    'create 2026.9.6-r20260401, keep latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.5',
    'refresh',
    '2026.9.5 latest=2026.9.5',
    'create 2026.9.5-r20260401, keep latest',
    '2026.9.5 without 2026.9.5-r20260401',
  ],
  // It does not count as newer either: the next release moves the channel.
  [
    'v2026.9.7',
    'push',
    '2026.9.5 2026.9.6 latest=2026.9.5',
    'create 2026.9.7, move latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.5-1',
    'push',
    '2026.9.5 2026.9.6 latest=2026.9.5',
    'create 2026.9.5-1, move latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.6-1',
    'push',
    '2026.9.5 2026.9.6 latest=2026.9.5',
    'create 2026.9.6-1, move latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.5',
    'refresh',
    '2026.9.5 2026.9.6 latest=2026.9.5',
    'create 2026.9.5-r20260401, move latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.5',
    'refresh',
    '2026.9.5 2026.9.6-r20260301 latest=2026.9.5',
    'create 2026.9.5-r20260401, move latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.5',
    'refresh',
    '2026.9.5 2026.9.5-r20260501 latest=2026.9.5',
    'create 2026.9.5-r20260401, move latest',
    '2026.9.5 without 2026.9.5-r20260501',
  ],
  [
    'v2026.9.5',
    'refresh',
    '2026.9.5 2026.9.5-r20260501 latest=2026.9.5',
    'create 2026.9.5-r20260401, keep latest',
    '2026.9.5',
  ],
  // Somebody moved the tag back to a withdrawn release by hand: it does not hold up the others.
  [
    'v2026.9.5-1',
    'push',
    '2026.9.5 2026.9.6 latest=2026.9.6',
    'create 2026.9.5-1, move latest',
    '2026.9.5 without 2026.9.6',
  ],
  // Releases before the chosen one stay older.
  [
    'v2026.9.4',
    'push',
    '2026.9.5 2026.9.6 latest=2026.9.5',
    'create 2026.9.4, keep latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.4-1',
    'push',
    '2026.9.5 2026.9.6 latest=2026.9.5',
    'create 2026.9.4-1, keep latest',
    '2026.9.5 without 2026.9.6',
  ],
  [
    'v2026.9.4',
    'refresh',
    '2026.9.4 2026.9.5 latest=2026.9.5',
    'create 2026.9.4-r20260401, keep latest',
    '2026.9.5 without 2026.9.6',
  ],
  // A release after the decision ends it: the chosen one does not move the channel back.
  [
    'v2026.9.5',
    'refresh',
    '2026.9.5 2026.9.7 latest=2026.9.7',
    'create 2026.9.5-r20260401, keep latest',
    '2026.9.5 without 2026.9.6',
  ],
  ['v2026.9.6', 'push', '2026.9.7 latest=2026.9.7', 'create 2026.9.6, keep latest', '2026.9.5 without 2026.9.6'],
  ['v2026.9.8', 'push', '2026.9.7 latest=2026.9.7', 'create 2026.9.8, move latest', '2026.9.5 without 2026.9.6'],
  // A decision without withdrawn releases changes nothing.
  ['v2026.9.6', 'push', '2026.9.5 latest=2026.9.5', 'create 2026.9.6, move latest', '2026.9.5'],
  ['v2026.9.4', 'push', '2026.9.5 latest=2026.9.5', 'create 2026.9.4, keep latest', '2026.9.5'],
  ['v2026.9.6', 'push', '2026.9.5 latest=2026.9.5', 'create 2026.9.6, move latest', ''],
  // A prerelease and a backfill have no channel anyway.
  ['v2026.9.7-beta.1', 'push', '2026.9.5 latest=2026.9.5', 'create 2026.9.7-beta.1', '2026.9.5 without 2026.9.6'],
  ['v2026.9.6', 'backfill', '2026.9.5 latest=2026.9.5', 'create 2026.9.6', '2026.9.5 without 2026.9.6'],
  // The other line.
  [
    'v2026.6.35',
    'push',
    '2026.6.33 extended-stable=2026.6.33',
    'create 2026.6.35, keep extended-stable',
    '2026.6.33 without 2026.6.35',
  ],
  [
    'v2026.6.36',
    'push',
    '2026.6.35 extended-stable=2026.6.33',
    'create 2026.6.36, move extended-stable',
    '2026.6.33 without 2026.6.35',
  ],
  [
    'v2026.6.34',
    'push',
    '2026.6.35 extended-stable=2026.6.33',
    'create 2026.6.34, move extended-stable',
    '2026.6.33 without 2026.6.35',
  ],
  [
    'v2026.6.33',
    'refresh',
    '2026.6.33 2026.6.35 extended-stable=2026.6.33',
    'create 2026.6.33-r20260401, move extended-stable',
    '2026.6.33 without 2026.6.35',
  ],
  [
    'v2026.7.33',
    'push',
    '2026.6.35 extended-stable=2026.6.33',
    'create 2026.7.33, move extended-stable',
    '2026.6.33 without 2026.6.35',
  ],
];

it.each(CASES)('plans %s, a %s with the tags "%s": %s. Decided: %s', (tag, event, tags, expected, decided) => {
  const given = { ref: `refs/tags/${tag}`, event, published: { [FIRST]: registry(tags) }, decision: decision(decided) };
  expect(actions(given)).toBe(expected);
});

it('says who was chosen instead, when and why', () => {
  const given = { ref: 'refs/tags/v2026.9.6', decision: decision('2026.9.5 without 2026.9.6') };
  expect(plan(given).tags.at(-1)?.why).toBe('2026.9.5 was chosen instead on 2026-11-27: sign-in fails');
});

// The release, the tags, and the newer releases.
it.each([
  ['2026.9.5', '2026.9.4 2026.9.5 2026.9.6', '2026.9.6'],
  ['2026.9.5', '2026.9.6 2026.9.7 2026.9.6-1', '2026.9.6 2026.9.6-1 2026.9.7'],
  ['2026.9.5', '2026.9.5-r20260401 2026.9.5-1', '2026.9.5-r20260401 2026.9.5-1'],
  ['2026.9.5-r20260401', '2026.9.5 2026.9.5-r20260301 2026.9.5-r20260501', '2026.9.5-r20260501'],
  ['2026.9.5', '2026.9.6-slim 2026.9.6-browser-arm64 2026.9.6-amd64', '2026.9.6'],
  ['2026.9.5', '2026.9.6-beta.1 2026.10.33 latest main release-2026.9.6 sha256-0', ''],
  ['2026.6.33', '2026.6.35 2026.9.6 2026.7.33', '2026.6.35 2026.7.33'],
  ['main', '2026.9.6', ''],
])('of %s the newer releases in "%s" are "%s"', (own, tags, expected) => {
  expect(newerReleases(own, { [FIRST]: registry(tags) }).join(' ')).toBe(expected);
});

describe('the promotion of a release', () => {
  const DIGESTS = { index: `sha256:${'1'.repeat(64)}`, amd64: `sha256:${'2'.repeat(64)}` };
  const descriptor = (digest: string) => ({ mediaType: 'application/vnd.oci.image.index.v1+json', digest, size: 1 });
  const record: ReleaseRecord = {
    ...{ name: '2026.9.5', ref: 'refs/tags/v2026.9.5', event: 'push', date: '', revision: 'r', source: 's', base: '' },
    ...{ created: '', signed: true, registries: [FIRST, MIRROR], variants: ['default', 'slim'], tags: [] },
    platforms: ['linux/amd64'],
    images: { default: { index: descriptor(DIGESTS.index), platforms: { 'linux/amd64': descriptor(DIGESTS.amd64) } } },
  };
  const promotion = (
    tags: string,
    changes: Partial<ReleaseRecord> = {},
    channel: 'latest' | 'extended-stable' = 'latest',
  ) =>
    planPromotion(
      { channel, record: { ...record, ...changes }, reason: 'sign-in fails', by: 'me@host' },
      { [FIRST]: registry(tags), [MIRROR]: registry('') },
      '2026-11-27T12:00:00Z',
    );
  const tagsOf = ({ tags }: ReturnType<typeof promotion>, of: string): string =>
    tags.flatMap(({ registry: name, action, tag }) => (name === of ? [`${action} ${tag}`] : [])).join(', ');

  it('moves the tags of all variants and platforms on all registries, with the reason', () => {
    const planned = promotion('2026.9.5 2026.9.6 latest=2026.9.6 slim=2026.9.6 latest-amd64=2026.9.6');
    expect(tagsOf(planned, FIRST)).toBe('move latest, move latest-amd64, move slim, create slim-amd64');
    expect(tagsOf(planned, MIRROR)).toBe('create latest, create latest-amd64, create slim, create slim-amd64');
    expect(new Set(planned.tags.map(({ why }) => why))).toEqual(new Set(['sign-in fails']));
    expect(planned.decision).toEqual(decision('2026.9.5 without 2026.9.6'));
  });

  it('moves a variant that it was not published as, if it has its image', () => {
    const planned = promotion('2026.9.5 latest=2026.9.6 slim=2026.9.6', { variants: ['default'] });
    expect(tagsOf(planned, FIRST)).toBe('move latest, create latest-amd64, move slim, create slim-amd64');
  });

  it('withdraws the refreshes of a withdrawn version with it, and those of the chosen one by name', () => {
    const { decision: made } = promotion('2026.9.5 2026.9.5-r20260901 2026.9.6 2026.9.6-r20260908 2026.9.6-r20260915');
    expect(made.withdrawn).toEqual(['2026.9.5-r20260901', '2026.9.6']);
  });

  it.each([
    ['a variant', 'latest=2026.9.6 latest-browser=2026.9.6', 'latest-browser'],
    ['a platform', 'latest=2026.9.6 latest-arm64=2026.9.6', 'latest-arm64'],
    ['a platform of a variant', 'latest=2026.9.6 slim-arm64=2026.9.6', 'slim-arm64'],
  ])('conflicts with %s for which the release has no image', (_, tags, expected) => {
    const conflicts = promotion(tags).tags.filter(({ action }) => action === 'conflict');
    expect(conflicts.map(({ tag, why }) => `${tag}: ${why}`)).toEqual([`${expected}: 2026.9.5 has no image for it`]);
  });

  it('conflicts with a registry that was asked for and does not have the release', () => {
    const { tags } = promotion('latest=2026.9.6 slim=2026.9.6 main', { registries: [MIRROR] });
    const conflicts = tags.filter(({ action }) => action === 'conflict');
    expect(conflicts.map(({ registry: name, tag, why }) => `${name}:${tag}: ${why}`)).toEqual([
      `${FIRST}:latest: 2026.9.5 was not published here`,
      `${FIRST}:slim: 2026.9.5 was not published here`,
    ]);
  });

  it('conflicts with a registry that has neither the release nor the channel: its name may be a mistake', () => {
    const { tags } = promotion('main', { registries: [MIRROR] });
    const conflicts = tags.filter(({ action }) => action === 'conflict');
    expect(conflicts).toMatchObject([{ registry: FIRST, tag: 'latest', why: '2026.9.5 was not published here' }]);
  });

  it('also corrects a channel whose version is unknown', () => {
    expect(tagsOf(promotion('2026.9.5 latest=?'), FIRST)).toContain('move latest,');
  });

  it('also moves forward, and to a release that was published late', () => {
    const forward = promotion('2026.9.4 latest=2026.9.4', { event: 'backfill' });
    expect(tagsOf(forward, FIRST)).toContain('move latest,');
    expect(forward.decision.withdrawn).toEqual([]);
  });

  it('can choose a refresh', () => {
    const name = '2026.9.5-r20260401';
    const planned = promotion('2026.9.5 2026.9.6 latest=2026.9.6', { name, event: 'refresh', date: '20260401' });
    expect(planned.decision).toMatchObject({ release: name, withdrawn: ['2026.9.6'] });
    expect(tagsOf(planned, FIRST)).toContain('move latest,');
  });

  it('moves extended-stable to an extended-stable release', () => {
    const extended = { name: '2026.6.33', ref: 'refs/tags/v2026.6.33' };
    const planned = promotion('2026.6.35 extended-stable=2026.6.35', extended, 'extended-stable');
    expect(tagsOf(planned, FIRST)).toContain('move extended-stable,');
    expect(planned.decision.withdrawn).toEqual(['2026.6.35']);
  });
});
