import { describe, expect, it } from 'vitest';
import { type ExistingTag, planPrune } from '../../../build/release/plan-prune.ts';

/** `tag`, whose image no other tag has, or `tag=image`. */
const repository = (tags: readonly string[], expires?: string): ReadonlyMap<string, ExistingTag> =>
  new Map(
    tags.map(
      (entry) =>
        [entry.replace(/=.*/, ''), { digest: `sha256:${entry.replace(/.*=/, '')}`, lists: [], expires }] as const,
    ),
  );
const NOW = Date.parse('2026-10-01T12:00:00Z');
const stale = (keep: number, ...tags: readonly string[]): readonly string[] =>
  planPrune(repository(tags), keep, NOW).map(({ tag }) => tag);

const REFRESHES = ['2026.9.5', '2026.9.5-r20260901', '2026.9.5-r20260908', '2026.9.5-r20260915'];

describe('old refreshes of a version', () => {
  it.each<[string, number, readonly string[], readonly string[]]>([
    ['beyond the newest two', 2, REFRESHES, ['2026.9.5-r20260901']],
    ['beyond the newest', 1, REFRESHES, ['2026.9.5-r20260901', '2026.9.5-r20260908']],
    ['none if there are fewer', 3, REFRESHES, []],
    [
      'of every variant and platform',
      1,
      ['-r20260901', '-r20260908'].flatMap((date) =>
        ['', '-slim', '-browser', '-amd64', '-slim-arm64'].map((suffix) => `2026.9.5${date}${suffix}`),
      ),
      ['', '-amd64', '-browser', '-slim', '-slim-arm64'].map((suffix) => `2026.9.5-r20260901${suffix}`),
    ],
    [
      'of corrections and prereleases by themselves',
      1,
      ['2026.9.5-r20260901', '2026.9.5-1-r20260902', '2026.9.5-beta.1-r20260901', '2026.9.5-beta.1-r20260903'],
      ['2026.9.5-beta.1-r20260901'],
    ],
    [
      'and old run bases of each Node',
      1,
      ['base-24-20260901', 'base-24-20260901-amd64', 'base-24-20260908', 'base-24-20260908-amd64', 'base-26-20260901'],
      ['base-24-20260901', 'base-24-20260901-amd64'],
    ],
    [
      'with their records',
      1,
      [...REFRESHES.slice(1, 3), 'release-2026.9.5-r20260901'],
      ['2026.9.5-r20260901', 'release-2026.9.5-r20260901'],
    ],
  ])('%s', (_, keep, tags, expected) => {
    expect(stale(keep, ...tags)).toEqual(expected);
  });
});

describe('stay', () => {
  it.each<[string, readonly string[]]>([
    ['versions, whatever is newer', ['2026.9.5', '2026.9.6', '2026.9.7', '2026.9.7-1']],
    [
      'channels, locks, decisions and records of versions',
      ['latest', 'main', 'release-lock', 'release-2026.9.5', 'decision-latest'],
    ],
    ['tags with other forms', ['mine', '2026-09-05', 'r20260901', 'v1.0-r20260901']],
    [
      'the newest refresh of a variant that later refreshes do not have',
      ['2026.9.5-r20260901-browser', '2026.9.5-r20260908', '2026.9.5-r20260908-amd64'],
    ],
    ['an image that a channel names', ['2026.9.5-r20260901=a', '2026.9.5-r20260908', 'latest=a']],
    [
      'a record of which a tag remains',
      ['2026.9.5-r20260901=a', 'latest=a', '2026.9.5-r20260908', 'release-2026.9.5-r20260901'],
    ],
  ])('%s', (_, tags) => {
    expect(stale(1, ...tags)).toEqual([]);
  });
});

it('a run base that a remaining image names stays', () => {
  const tags = repository(['base-24-20260901=old', 'base-24-20260901-amd64', 'base-24-20260908', '2026.9.5-r20260901']);
  const image = { digest: 'sha256:image', lists: [], expires: undefined, runBase: 'sha256:old' };
  expect(planPrune(new Map([...tags, ['2026.9.5-r20260901', image]]), 1, NOW)).toEqual([]);
});

describe('images of pull requests', () => {
  const EXPIRED = '2026-10-01T11:59:59Z';
  const staleAt = (expires: string | undefined, ...tags: readonly string[]): readonly string[] =>
    planPrune(repository(tags, expires), 1, NOW).map(({ tag }) => tag);

  it.each([
    [['pr-12'], ['pr-12']],
    [
      ['pr-12-amd64=a', 'pr-12-slim=a', 'sha-0123abc=a', 'sha-0123abc-browser-arm64=a'],
      ['pr-12-amd64', 'pr-12-slim', 'sha-0123abc', 'sha-0123abc-browser-arm64'],
    ],
    // Everybody who can push can write the annotation into any image.
    [['2026.9.5', 'latest', 'main-slim', 'mine', 'release-2026.9.5'], []],
    [['pr-012', 'pr-0', 'pr-x', 'sha-0123ABC', 'sha-0123abcd', 'sha-012', 'xpr-12'], []],
    [['pr-12=a', '2026.9.5=a'], []],
  ])('that expired: %j', (tags, expected) => {
    expect(staleAt(EXPIRED, ...tags)).toEqual(expected);
  });

  it.each([undefined, '2026-10-01T12:00:01Z', 'soon', ''])('stay if they expire at %j', (expires) => {
    expect(staleAt(expires, 'pr-12', 'sha-0123abc')).toEqual([]);
  });
});
