import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../build/problem.ts';
import { actions, BUILT, FIRST, type PlanCase, plan, registry } from '../../support/release-plan.ts';

// One case in a line: the ref, the event, the tags of the registry (tag=contents), and the actions.
const CASES: readonly PlanCase[] = [
  // The extended-stable line: numbers from 33 on. Their channel is extended-stable.
  ['refs/tags/v2026.6.33', 'push', '', 'create 2026.6.33, create extended-stable'],
  ['refs/tags/v2026.6.35', 'push', '2026.6.34 extended-stable=2026.6.34', 'create 2026.6.35, move extended-stable'],
  ['refs/tags/v2026.6.34', 'push', '2026.6.35 extended-stable=2026.6.35', 'create 2026.6.34, keep extended-stable'],
  ['refs/tags/v2026.7.33', 'push', '2026.6.99 extended-stable=2026.6.99', 'create 2026.7.33, move extended-stable'],
  ['refs/tags/v2026.6.99', 'push', '2026.7.33 extended-stable=2026.7.33', 'create 2026.6.99, keep extended-stable'],
  ['refs/tags/v2026.6.33', 'push', '2026.6.35', 'create 2026.6.33, keep extended-stable'],
  ['refs/tags/v2027.1.33', 'push', '2026.12.40 extended-stable=2026.12.40', 'create 2027.1.33, move extended-stable'],
  // It never moves latest, and latest never counts for it, whatever the numbers compare to.
  ['refs/tags/v2026.7.33', 'push', '2026.7.2 latest=2026.7.2', 'create 2026.7.33, create extended-stable'],
  ['refs/tags/v2026.6.35', 'push', '2026.9.6 latest=2026.9.6', 'create 2026.6.35, create extended-stable'],
  ['refs/tags/v2026.6.35', 'push', 'latest=?', 'create 2026.6.35, create extended-stable'],
  ['refs/tags/v2026.7.2', 'push', '2026.7.33 extended-stable=2026.7.33', 'create 2026.7.2, create latest'],
  ['refs/tags/v2026.7.2', 'push', '2026.7.33 2026.7.1 latest=2026.7.1', 'create 2026.7.2, move latest'],
  ['refs/tags/v2026.7.2', 'push', '2026.7.33 2026.7.3 latest=2026.7.3', 'create 2026.7.2, keep latest'],
  ['refs/tags/v2026.6.30', 'push', '2026.6.33 2026.6.29 latest=2026.6.29', 'create 2026.6.30, move latest'],
  ['refs/tags/v2026.7.31', 'push', '2026.7.35 2026.7.30 latest=2026.7.30', 'create 2026.7.31, move latest'],
  ['refs/tags/v2026.8.1', 'push', '2026.7.35 extended-stable=2026.7.35', 'create 2026.8.1, create latest'],
  // latest names one of the other line by mistake: the next stable release corrects it.
  ['refs/tags/v2026.7.2', 'push', '2026.7.33 latest=2026.7.33', 'create 2026.7.2, move latest'],
  ['refs/tags/v2026.6.34', 'push', '2026.9.6 extended-stable=2026.9.6', 'create 2026.6.34, move extended-stable'],
  // Its version is unknown.
  ['refs/tags/v2026.6.35', 'push', 'extended-stable=?', 'create 2026.6.35, conflict extended-stable'],
  ['refs/tags/v2026.6.35', 'push', '2026.6.34=?same extended-stable=?same', 'create 2026.6.35, move extended-stable'],
  ['refs/tags/v2026.6.35', 'push', '2026.6.36=?same extended-stable=?same', 'create 2026.6.35, keep extended-stable'],
  ['refs/tags/v2026.6.100', 'push', '2026.6.99 extended-stable=2026.6.99', 'create 2026.6.100, move extended-stable'],
  ['refs/tags/v2026.6.99', 'push', '2026.6.100 extended-stable=2026.6.100', 'create 2026.6.99, keep extended-stable'],
  // Prereleases and backfills, as in the other line.
  ['refs/tags/v2026.6.33-beta.1', 'push', '', 'create 2026.6.33-beta.1'],
  ['refs/tags/v2026.6.33-rc.1', 'push', '2026.6.33 extended-stable=2026.6.33', 'create 2026.6.33-rc.1'],
  ['refs/tags/v2026.6.33', 'push', '2026.6.34-beta.1', 'create 2026.6.33, create extended-stable'],
  ['refs/tags/v2026.6.33', 'backfill', '2026.6.35 extended-stable=2026.6.35', 'create 2026.6.33'],
  ['refs/tags/v2026.6.33', 'backfill', '', 'create 2026.6.33'],
  ['refs/tags/v2026.6.33', 'backfill', '2026.6.33', 'conflict 2026.6.33'],
  ['refs/tags/v2026.6.33', 'push', '2026.6.33=BUILT extended-stable=BUILT', 'done 2026.6.33, done extended-stable'],
  ['refs/tags/v2026.6.33', 'push', '2026.6.33', 'conflict 2026.6.33, create extended-stable'],
  // Its refreshes.
  [
    'refs/tags/v2026.6.33',
    'refresh',
    '2026.6.33 extended-stable=2026.6.33',
    'create 2026.6.33-r20260401, move extended-stable',
  ],
  [
    'refs/tags/v2026.6.33',
    'refresh',
    '2026.6.33 2026.6.34 extended-stable=2026.6.34',
    'create 2026.6.33-r20260401, keep extended-stable',
  ],
  [
    'refs/tags/v2026.6.33',
    'refresh',
    '2026.6.33 2026.6.33-r20260408 extended-stable=2026.6.33',
    'create 2026.6.33-r20260401, keep extended-stable',
  ],
  [
    'refs/tags/v2026.6.33',
    'refresh',
    '2026.6.33 2026.9.6-r20260501 latest=2026.9.6',
    'create 2026.6.33-r20260401, create extended-stable',
  ],
];

describe('the extended-stable line', () => {
  it.each(CASES)('%s, %s, with the tags "%s": %s', (ref, event, has, tags) => {
    const published = { [FIRST]: registry(has) };
    const digests = { default: { index: BUILT, platforms: {} } };
    expect(actions({ ref, event, published, digests })).toBe(tags);
  });

  it('has a channel for each variant', () => {
    const names = plan({ ref: 'refs/tags/v2026.6.33', variants: ['default', 'slim', 'browser'] }).tags.map(
      ({ tag }) => tag,
    );
    expect(names.slice(3)).toEqual(['extended-stable', 'extended-stable-slim', 'extended-stable-browser']);
  });

  it.each(['2026.6.33-1', '2026.6.100-1', '2026.6.32', '2026.6.0', '2026.6.033'])(
    'refuses %s, which is in no line',
    (version) => {
      expect(() => plan({ ref: `refs/tags/v${version}` })).toThrow(RequestError);
    },
  );
});
