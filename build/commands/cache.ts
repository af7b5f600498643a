import { Command } from 'commander';
import { cacheUse, removeEntries, staleEntries } from '../cache-contents.ts';
import { cacheFolder } from '../cache-folder.ts';
import { requestError } from '../problem.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { bytes } from '../units.ts';
import { defineCommand } from './options.ts';
import { runCommand } from './run-command.ts';

const PRUNE_OPTIONS = {
  days: { flags: '--days <number>', description: 'keep what was used in this time', default: '30' },
  dryRun: { flags: '--dry-run', description: 'print what would be removed, and remove nothing' },
  json: BUILD_OPTIONS.json,
} as const;
const LIST_OPTIONS = { json: BUILD_OPTIONS.json } as const;

export const cacheCommand = new Command('cache')
  .description('list or reduce the cache folder of this project on this host')
  .addCommand(
    defineCommand({
      name: 'list',
      description: 'print what the cache folder holds, and its size',
      options: LIST_OPTIONS,
      run: list,
    }),
  )
  .addCommand(
    defineCommand({
      name: 'prune',
      description: 'remove what no build has used for some days (--days), and what killed runs left',
      options: PRUNE_OPTIONS,
      help: '\nExample:\n  scripts/run cache prune --days 7',
      run: prune,
    }),
  );

async function list({ json }: OptionValues<typeof LIST_OPTIONS>): Promise<void> {
  await runCommand({ json, consequence: 'nothing was changed' }, async () => {
    const uses = await cacheUse();
    const total = uses.reduce((sum, { size }) => sum + size, 0);
    const columns = ['folder', { right: 'size' }, { right: 'entries' }, 'holds'] as const;
    const rows = uses.map(({ folder, size, entries, holds }) => [folder, bytes(size), String(entries), holds]);
    return {
      text: () => [table(columns, rows), '', `${bytes(total)} in ${cacheFolder()}`].join('\n'),
      json: () => ({ folder: cacheFolder(), bytes: total, contents: uses }),
    };
  });
}

async function prune({ days: text, dryRun, json }: OptionValues<typeof PRUNE_OPTIONS>): Promise<void> {
  const days = Number(text ?? PRUNE_OPTIONS.days.default);
  if (!(Number.isInteger(days) && days >= 0)) {
    throw requestError('--days', text ?? '', 'is not a number of days', 'write a number of days: --days 7');
  }
  await runCommand({ json, consequence: 'what was removed stays removed' }, async (command) => {
    command.onStep('looking for what no build uses');
    const entries = await staleEntries(days);
    const total = entries.reduce((sum, { size }) => sum + size, 0);
    if (dryRun !== true) await removeEntries(entries);
    const conclusion =
      entries.length === 0
        ? 'Nothing to remove.'
        : `${dryRun === true ? 'Would remove' : 'Removed'} ${entries.length} entries, ${bytes(total)}.`;
    const rows = entries.map(({ path, size, why }) => [path, bytes(size), why]);
    return {
      text: () =>
        entries.length === 0
          ? conclusion
          : [table(['entry', { right: 'size' }, 'why'], rows), '', conclusion].join('\n'),
      json: () => ({ removed: dryRun !== true, bytes: total, entries }),
    };
  });
}
