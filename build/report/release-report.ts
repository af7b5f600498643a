import type { PublishedRelease } from '../release/publish-release.ts';
import { seconds } from '../units.ts';
import { shortDigest } from './release-plan-report.ts';
import { style } from './style.ts';
import { markdownTable, table } from './table.ts';

const COLUMNS = ['tag', 'registry', 'digest', ''] as const;

const rowsOf = ({ plan, record }: PublishedRelease): readonly (readonly string[])[] =>
  plan.tags.map(({ registry, tag, action, why, now }) => {
    const written = record.tags.find((entry) => entry.registry === registry && entry.tag === tag);
    const digest = written?.digest ?? now;
    return [tag, registry, digest === undefined ? '' : shortDigest(digest), action === 'keep' ? `stays: ${why}` : ''];
  });

const conclusion = ({ record: { name, tags, signed }, seconds: duration }: PublishedRelease): string =>
  `Published ${name} in ${seconds(duration)}: ${tags.length} tags, ${signed ? 'signed' : 'not signed'}, each read back.`;

/** A published release, for people. */
export const releaseReport = (published: PublishedRelease): string =>
  [table(COLUMNS, rowsOf(published)), '', style('green', conclusion(published))].join('\n');

/** A published release, for a job summary. */
export const releaseMarkdown = (published: PublishedRelease): string =>
  [`### ${conclusion(published)}`, '', markdownTable(COLUMNS, rowsOf(published)), ''].join('\n');
