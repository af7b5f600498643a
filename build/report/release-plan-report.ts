import type { ReleasePlan, TagAction } from '../release/plan-release.ts';
import { style } from './style.ts';
import { markdownTable, table } from './table.ts';

const THEN: Readonly<Record<TagAction, string>> = {
  create: 'new',
  move: 'moves',
  keep: 'stays',
  check: 'must be identical',
  done: 'done',
  conflict: 'CONFLICT',
};

export const PLAN_COLUMNS = ['tag', 'registry', 'now', 'then', 'why'] as const;

/** The rows of a table of planned tags. */
export const planRows = ({ tags }: Pick<ReleasePlan, 'tags'>): readonly (readonly string[])[] =>
  tags.map(({ tag, registry, now, action, why }) => [
    tag,
    registry,
    now === undefined ? '' : shortDigest(now),
    THEN[action],
    why,
  ]);

export const shortDigest = (digest: string): string => `${digest.slice(0, 19)}…`;

/** A pull request is planned before its commit is known. */
const isPullRequest = ({ ref }: ReleasePlan): boolean => ref.startsWith('refs/pull/');

const title = ({ ref, event, version }: ReleasePlan): string =>
  `${ref} (${event})${version === undefined ? '' : `: ${version}`}`;

/** The summary of a plan, in one sentence. */
function conclusion(plan: ReleasePlan): string {
  const { tags } = plan;
  const conflicts = tags.filter(({ action }) => action === 'conflict').length;
  const written = tags.filter(({ action }) => ['create', 'move'].includes(action)).length;
  return conflicts > 0
    ? `${conflicts} ${conflicts === 1 ? 'tag conflicts' : 'tags conflict'}: resolve this before the release.`
    : `${written} tags would be written, ${isPullRequest(plan) ? 'and the same for the commit (sha-…)' : 'versions first, channels last'}.`;
}

/** A release plan, for people. */
export const releasePlanReport = (plan: ReleasePlan): string =>
  [style('bold', title(plan)), '', table(PLAN_COLUMNS, planRows(plan)), '', conclusion(plan)].join('\n');

/** A release plan, for a job summary. */
export const releasePlanMarkdown = (plan: ReleasePlan): string =>
  [`### Plan: \`${title(plan)}\``, '', markdownTable(PLAN_COLUMNS, planRows(plan)), '', conclusion(plan), ''].join(
    '\n',
  );
