import type { ReleasePlan, TagAction } from '../release/plan-release.ts';
import type { Promotion } from '../release/promote.ts';
import type { PublishedRelease } from '../release/publish-release.ts';
import { seconds } from '../units.ts';
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

const PLAN_COLUMNS = ['tag', 'registry', 'now', 'then', 'why'] as const;

/** The rows of a table of planned tags. */
const planRows = ({ tags }: Pick<ReleasePlan, 'tags'>): readonly (readonly string[])[] =>
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
function planConclusion(plan: ReleasePlan): string {
  const { tags } = plan;
  const conflicts = tags.filter(({ action }) => action === 'conflict').length;
  const written = tags.filter(({ action }) => ['create', 'move'].includes(action)).length;
  return conflicts > 0
    ? `${conflicts} ${conflicts === 1 ? 'tag conflicts' : 'tags conflict'}: resolve this before the release.`
    : `${written} tags would be written, ${isPullRequest(plan) ? 'and the same for the commit (sha-…)' : 'versions first, channels last'}.`;
}

/** A release plan, for people. */
export const releasePlanReport = (plan: ReleasePlan): string =>
  [style('bold', title(plan)), '', table(PLAN_COLUMNS, planRows(plan)), '', planConclusion(plan)].join('\n');

/** A release plan, for a job summary. */
export const releasePlanMarkdown = (plan: ReleasePlan): string =>
  [`### Plan: \`${title(plan)}\``, '', markdownTable(PLAN_COLUMNS, planRows(plan)), '', planConclusion(plan), ''].join(
    '\n',
  );

const RELEASE_COLUMNS = ['tag', 'registry', 'digest', ''] as const;

const releaseRows = ({ plan, record }: PublishedRelease): readonly (readonly string[])[] =>
  plan.tags.map(({ registry, tag, action, why, now }) => {
    const written = record.tags.find((entry) => entry.registry === registry && entry.tag === tag);
    const digest = written?.digest ?? now;
    return [tag, registry, digest === undefined ? '' : shortDigest(digest), action === 'keep' ? `stays: ${why}` : ''];
  });

const releaseConclusion = ({ record: { name, tags, signed }, seconds: duration }: PublishedRelease): string =>
  `Published ${name} in ${seconds(duration)}: ${tags.length} tags, ${signed ? 'signed' : 'not signed'}, each read back.`;

/** A published release, for people. */
export const releaseReport = (published: PublishedRelease): string =>
  [table(RELEASE_COLUMNS, releaseRows(published)), '', style('green', releaseConclusion(published))].join('\n');

/** A published release, for a job summary. */
export const releaseMarkdown = (published: PublishedRelease): string =>
  [`### ${releaseConclusion(published)}`, '', markdownTable(RELEASE_COLUMNS, releaseRows(published)), ''].join('\n');

/** The result of a promotion in a sentence, and the next step for its reader. */
function promotionConclusion({ decision, tags }: Promotion, isDone: boolean): readonly string[] {
  const { channel, release, withdrawn } = decision;
  const conflicts = tags.filter(({ action }) => action === 'conflict').length;
  if (conflicts > 0)
    return [
      `${conflicts} ${conflicts === 1 ? 'tag' : 'tags'} of ${channel} cannot name ${release}: choose another release.`,
    ];
  const moved = tags.filter(({ action }) => action === 'move' || action === 'create').length;
  const back = withdrawn.length === 0 ? '' : ` ${withdrawn.join(', ')} will not move it again.`;
  return isDone
    ? [`${channel} is ${release}: ${moved} of ${tags.length} tags moved, each read back.${back}`]
    : [`${moved} of ${tags.length} tags would move.${back}`, 'Nothing was written. To move them, add --yes.'];
}

/** A promotion, for people. @param isDone whether the tags were moved, or only listed */
export const promotionReport = (promotion: Promotion, isDone: boolean): string =>
  [
    table(PLAN_COLUMNS, planRows(promotion)),
    '',
    ...promotionConclusion(promotion, isDone).map((line, index) =>
      index === 0 && isDone ? style('green', line) : line,
    ),
  ].join('\n');

/** A promotion, for a job summary. */
export const promotionMarkdown = (promotion: Promotion, isDone: boolean): string => {
  const { channel, release, reason } = promotion.decision;
  return [
    `### ${channel} is to be \`${release}\`: ${reason}`,
    '',
    markdownTable(PLAN_COLUMNS, planRows(promotion)),
    '',
    ...promotionConclusion(promotion, isDone),
    '',
  ].join('\n');
};
