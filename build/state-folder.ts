import { join } from 'node:path';
import { baseFolder } from './home-folder.ts';

/**
 * Path in the state folder, whose contents cannot be made again: journals of releases.
 *
 * Source: https://specifications.freedesktop.org/basedir/latest/
 */
export const stateFolder = (...parts: readonly string[]): string =>
  join(baseFolder('XDG_STATE_HOME', '.local', 'state'), ...parts);
