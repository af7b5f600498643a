import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type PinStatus, pinStatus, updatePin } from '../base/pinned-base.ts';
import { type DebianUpdate, updateText } from '../image/debian-updates.ts';
import { shortDigest } from '../report/release-reports.ts';
import { style } from '../report/style.ts';
import { markdownTable, table } from '../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { DEBIAN_OPTIONS, listDebianUpdates } from './debian-options.ts';
import { defineCommand } from './options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from './registries.ts';
import { runCommand } from './run-command.ts';

const FOLDER = resolve(import.meta.dirname, '../../dockerfiles');
const PINS = ['base.Dockerfile', 'sandbox-base.Dockerfile'].map((name) => resolve(FOLDER, name));

const OPTIONS = {
  file: {
    flags: '--file <dockerfile>',
    repeatable: true,
    description: 'Dockerfile with a pinned base',
    unset: 'dockerfiles/base.Dockerfile and dockerfiles/sandbox-base.Dockerfile',
  },
  json: BUILD_OPTIONS.json,
} as const;

const STATUS_OPTIONS = { ...OPTIONS, ...DEBIAN_OPTIONS } as const;

type StatusOptions = OptionValues<typeof STATUS_OPTIONS>;

export const baseCommand = new Command('base')
  .description('show or update the pinned bases')
  .addCommand(
    defineCommand({
      name: 'status',
      description: 'compare each pin with the current digest of its tag',
      options: STATUS_OPTIONS,
      help: '\nExit codes: 0 every pin is current, 1 a pin is outdated.',
      run: (options: StatusOptions) => run(options, false),
    }),
  )
  .addCommand(
    defineCommand({
      name: 'update',
      description: 'pin the current digest of each tag; run npm run image:render afterwards',
      options: OPTIONS,
      run: (options: OptionValues<typeof OPTIONS>) => run(options, true),
    }),
  );

async function run(options: StatusOptions, update: boolean): Promise<void> {
  const { file, json } = options;
  const here = process.cwd();
  await runCommand({ json, consequence: 'pins that were already updated stay updated' }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const pins: (PinStatus & { readonly updated: boolean; readonly updates?: readonly DebianUpdate[] })[] = [];
    for (const path of file?.map((name) => resolve(here, name)) ?? PINS) {
      command.onStep(`reading the registry of ${relative(here, path)}`);
      const status = await pinStatus(path, registry);
      const updates = await listDebianUpdates(status.name, options, command, async () => {
        const base = `${status.name}@${status.pinned.digest}`;
        return [{ image: base, base }];
      });
      pins.push({
        ...status,
        updated: update && (await updatePin(status)),
        ...(updates === undefined ? {} : { updates }),
      });
    }
    const rows = pins.map((pin) => [
      relative(here, pin.file),
      pin.name,
      `${shortDigest(pin.pinned.digest)}${age(pin.pinned.created)}`,
      pin.pinned.nodeVersion ?? '',
      isCurrent(pin) ? 'current' : `${shortDigest(pin.newest.digest)}${age(pin.newest.created)}`,
      pin.newest.nodeVersion ?? '',
      ...(options.debian === true ? [(pin.updates ?? []).map(updateText)] : []),
    ]);
    const outdated = pins.filter((pin) => !isCurrent(pin)).length;
    const conclusion =
      outdated === 0
        ? 'Every pin is current.'
        : update
          ? `Updated ${outdated} ${outdated === 1 ? 'pin' : 'pins'}. Next: npm run image:render`
          : `${outdated} of ${pins.length} pins are outdated. Next: scripts/run base update`;
    const packages = pins.flatMap(({ updates = [] }) => updates).length;
    const pending =
      packages === 0 ? '' : ` Debian has newer versions of ${packages} packages in them, which come with a newer base.`;
    const heads = [...COLUMNS, ...(options.debian === true ? ['newer in Debian'] : [])];
    return {
      text: () =>
        `${table(heads, rows)}\n\n${style((outdated === 0 || update) && packages === 0 ? 'green' : 'yellow', `${conclusion}${pending}`)}`,
      json: () => pins,
      summary: `### ${conclusion}${pending}\n\n${markdownTable(heads, rows)}\n`,
      failed: outdated > 0 && !update,
    };
  });
}

const isCurrent = ({ pinned, newest }: PinStatus): boolean => pinned.digest === newest.digest;

const COLUMNS = ['file', 'base', 'pinned', 'Node', 'now', 'Node now'] as const;
const DAY = 86_400_000;

function age(created: string | undefined): string {
  if (created === undefined) return '';
  const days = Math.floor((Date.now() - Date.parse(created)) / DAY);
  return `, ${days} ${days === 1 ? 'day' : 'days'} old`;
}
