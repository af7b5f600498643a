import { findEngine } from '../engine/engine.ts';
import { type DebianUpdate, findUpdates, type UpdateRequest } from '../image/debian-updates.ts';
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
 * @param request makes the request; called only if `--debian` is given
 */
export async function askDebian(
  name: string,
  { debian, engine: named, builder: remote, ca: given }: DebianOptions,
  { onStep, onProgress, signal, orInterrupted }: CommandRun,
  request: () => Promise<UpdateRequest>,
): Promise<readonly DebianUpdate[] | undefined> {
  if (debian !== true) return undefined;
  const authorities = parseCa(given);
  const cli = await orInterrupted(findEngine(named, onStep));
  onStep(`asking Debian for newer versions of the packages in ${name}`);
  const listener = { onStep, onProgress };
  return orInterrupted(findUpdates(await request(), authorities, { cli, builder: remote, listener, signal }));
}
