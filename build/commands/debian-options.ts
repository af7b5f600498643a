import { findEngine } from '../engine/engine.ts';
import { bySecurity, type DebianUpdate, findUpdates, type UpdateRequest, updateText } from '../image/debian-updates.ts';
import { BUILD_OPTIONS, type OptionValues } from '../spec/option.ts';
import { parseCa } from './options.ts';
import type { CommandRun } from './run-command.ts';

const { engine, builder, ca } = BUILD_OPTIONS;

/** For commands that ask Debian for newer versions. */
export const DEBIAN_OPTIONS = {
  debian: {
    flags: '--debian',
    description: 'also ask Debian for newer versions of the packages; needs an engine',
  },
  ...{ engine, builder, ca },
} as const;

export type DebianOptions = OptionValues<typeof DEBIAN_OPTIONS>;

/**
 * Asks Debian, if `--debian` is given.
 *
 * @param name of the image, for people
 * @param requests makes the requests; called only if `--debian` is given
 * @returns the packages of all images, each once
 */
export async function listDebianUpdates(
  name: string,
  { debian, engine: named, builder: remote, ca: given }: DebianOptions,
  { onStep, onProgress, signal, orInterrupted }: CommandRun,
  requests: () => Promise<readonly UpdateRequest[]>,
): Promise<readonly DebianUpdate[] | undefined> {
  if (debian !== true) return undefined;
  const authorities = parseCa(given);
  const cli = await orInterrupted(findEngine(named, onStep));
  onStep(`asking Debian for newer versions of the packages in ${name}`);
  const listener = { onStep, onProgress };
  const updates = new Map<string, DebianUpdate>();
  for (const request of await requests()) {
    const found = await orInterrupted(findUpdates(request, authorities, { cli, builder: remote, listener, signal }));
    for (const update of found) updates.set(updateText(update), update);
  }
  return [...updates.values()].sort(bySecurity);
}
