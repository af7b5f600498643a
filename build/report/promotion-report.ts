import type { Promotion } from '../release/promote.ts';
import { PLAN_COLUMNS, planRows } from './release-plan-report.ts';
import { style } from './style.ts';
import { markdownTable, table } from './table.ts';

/** The result of a promotion in a sentence, and the next step for its reader. */
function conclusion({ decision, tags }: Promotion, isDone: boolean): readonly string[] {
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
    ...conclusion(promotion, isDone).map((line, index) => (index === 0 && isDone ? style('green', line) : line)),
  ].join('\n');

/** A promotion, for a job summary. */
export const promotionMarkdown = (promotion: Promotion, isDone: boolean): string => {
  const { channel, release, reason } = promotion.decision;
  return [
    `### ${channel} is to be \`${release}\`: ${reason}`,
    '',
    markdownTable(PLAN_COLUMNS, planRows(promotion)),
    '',
    ...conclusion(promotion, isDone),
    '',
  ].join('\n');
};
