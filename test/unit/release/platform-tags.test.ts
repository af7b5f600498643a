import { expect, it } from 'vitest';
import { actions, FIRST, registry } from '../../support/release-plan.ts';

// The tags of the registry, whether platforms get tags, and the actions.
it.each([
  ['', true, 'create 2026.9.6, create 2026.9.6-arm64, create latest, create latest-arm64'],
  ['', false, 'create 2026.9.6, create latest'],
  ['2026.9.5 2026.9.5-arm64 latest=2026.9.5', false, 'create 2026.9.6, move latest'],
  // It exists, so it moves: otherwise it would name an old release.
  ['latest=2026.9.5 latest-arm64=2026.9.5', false, 'create 2026.9.6, move latest, move latest-arm64'],
  // A version tag of a platform never moves, so it needs no attention.
  ['2026.9.6-arm64', false, 'create 2026.9.6, create latest'],
])('with the tags "%s" and platform tags %s: %s', (tags, platformTags, expected) => {
  const given = { ref: 'refs/tags/v2026.9.6', platforms: ['linux/arm64'] as const, platformTags };
  expect(actions({ ...given, published: { [FIRST]: registry(tags) } })).toBe(expected);
});

it('writes main without platform tags', () => {
  expect(actions({ platforms: ['linux/amd64'], platformTags: false })).toBe('create main');
});
