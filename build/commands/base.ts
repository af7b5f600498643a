import { relative, resolve } from 'node:path';
import { Command } from 'commander';
import { type PinStatus, pinStatus, updatePin } from '../base/pinned-base.ts';
import { findEngine } from '../engine/engine.ts';
import { type DebianUpdate, findUpdates, updateText } from '../image/debian-updates.ts';
import { markdownTable } from '../report/job-summary.ts';
import { shortDigest } from '../report/release-plan-report.ts';
import { style } from '../report/style.ts';
import { table } from '../report/table.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { addOptions, parseCa } from './options.ts';
import { openRegistriesFor, PLAN_RETRY_SECONDS } from './registries.ts';
import { type CommandRun, runCommand } from './run-command.ts';

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

const STATUS_OPTIONS = {
  ...OPTIONS,
  debian: {
    flags: '--debian',
    description: 'also list packages of the pinned bases of which Debian serves newer versions; needs an engine',
  },
  engine: BUILD_OPTIONS.engine,
  builder: BUILD_OPTIONS.builder,
  ca: BUILD_OPTIONS.ca,
} as const;

type StatusOptions = OptionValues<typeof STATUS_OPTIONS>;

export const baseCommand = (): Command =>
  new Command('base')
    .description('show or update the pinned bases')
    .addCommand(
      addOptions(
        new Command('status').description('compare each pin with the current digest of its tag'),
        STATUS_OPTIONS,
      )
        .addHelpText('after', '\nExit codes: 0 every pin is current, 1 a pin is outdated.')
        .action((options: StatusOptions) => run(options, false)),
    )
    .addCommand(
      addOptions(
        new Command('update').description('pin the current digest of each tag; run npm run image:render afterwards'),
        OPTIONS,
      ).action((options: OptionValues<typeof OPTIONS>) => run(options, true)),
    );

async function run(options: StatusOptions, update: boolean): Promise<void> {
  const { file, json } = options;
  const ca = parseCa(options.ca);
  const here = process.cwd();
  await runCommand({ json, consequence: 'pins that were already updated stay updated' }, async (command) => {
    const registry = openRegistriesFor(command, PLAN_RETRY_SECONDS);
    const pins: (PinStatus & { readonly updated: boolean; readonly updates?: readonly DebianUpdate[] })[] = [];
    for (const path of file?.map((name) => resolve(here, name)) ?? PINS) {
      command.onStep(`reading the registry of ${relative(here, path)}`);
      const status = await pinStatus(path, registry);
      pins.push({
        ...status,
        updated: update && (await updatePin(status)),
        ...(options.debian === true ? { updates: await updatesOf(status, options, ca, command) } : {}),
      });
    }
    const rows = pins.map((pin) => [
      relative(here, pin.file),
      pin.name,
      `${shortDigest(pin.pinned.digest)}${age(pin.pinned.created)}`,
      pin.pinned.nodeVersion ?? '',
      isCurrent(pin) ? 'current' : `${shortDigest(pin.newest.digest)}${age(pin.newest.created)}`,
      pin.newest.nodeVersion ?? '',
      ...(options.debian === true ? [(pin.updates ?? []).map(updateText).join('\n')] : []),
    ]);
    const outdated = pins.filter((pin) => !isCurrent(pin)).length;
    const conclusion =
      outdated === 0
        ? 'Every pin is current.'
        : update
          ? `Updated ${outdated} ${outdated === 1 ? 'pin' : 'pins'}. Next: npm run image:render`
          : `${outdated} of ${pins.length} pins are outdated. Next: scripts/run base update`;
    const heads = [...COLUMNS, ...(options.debian === true ? ['newer in Debian'] : [])];
    const columns = heads.map((head) => ({ head }));
    return {
      text: () => `${table(columns, rows)}\n\n${style(outdated === 0 || update ? 'green' : 'yellow', conclusion)}`,
      json: () => pins,
      summary: `### ${conclusion}\n\n${markdownTable(heads, rows)}\n`,
      failed: outdated > 0 && !update,
    };
  });
}

/** The pinned base is its own base: everything comes with a newer one. */
async function updatesOf(
  { name, pinned }: PinStatus,
  { engine, builder }: StatusOptions,
  ca: string | undefined,
  command: CommandRun,
): Promise<readonly DebianUpdate[]> {
  const { onStep, signal, orInterrupted } = command;
  const cli = await orInterrupted(findEngine(engine, onStep));
  onStep(`asking Debian for newer versions of the packages in ${name}`);
  const base = `${name}@${pinned.digest}`;
  return orInterrupted(findUpdates(base, base, ca, { cli, builder, listener: command, signal }));
}

const isCurrent = ({ pinned, newest }: PinStatus): boolean => pinned.digest === newest.digest;

const COLUMNS = ['file', 'base', 'pinned', 'Node', 'now', 'Node now'] as const;
const DAY = 86_400_000;

function age(created: string | undefined): string {
  if (created === undefined) return '';
  const days = Math.floor((Date.now() - Date.parse(created)) / DAY);
  return `, ${days} ${days === 1 ? 'day' : 'days'} old`;
}
