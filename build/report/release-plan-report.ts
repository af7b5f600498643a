import type { ReleasePlan, TagAction } from '../release/plan-release.ts';
import { style } from './style.ts';
import { table } from './table.ts';

const THEN: Readonly<Record<TagAction, string>> = {
  create: 'new',
  move: 'moves',
  keep: 'stays',
  check: 'must be the same',
  done: 'done',
  conflict: 'CONFLICT',
};

/** What a release would do, for people. */
export function releasePlanReport({ ref, event, version, tags }: ReleasePlan): string {
  const conflicts = tags.filter(({ action }) => action === 'conflict').length;
  return [
    style('bold', `${ref} (${event})${version === undefined ? '' : `: ${version}`}`),
    '',
    table(
      [{ head: 'tag' }, { head: 'registry' }, { head: 'now' }, { head: 'then' }, { head: 'why' }],
      tags.map(({ tag, registry, now, action, why }) => [
        tag,
        registry,
        now === undefined ? '' : `${now.slice(0, 19)}…`,
        THEN[action],
        why,
      ]),
    ),
    '',
    conflicts > 0
      ? `${conflicts} ${conflicts === 1 ? 'tag is' : 'tags are'} in the way: nothing can be released until that is settled.`
      : `${tags.filter(({ action }) => ['create', 'move'].includes(action)).length} tags would be written, versions first, channels last.`,
  ].join('\n');
}
