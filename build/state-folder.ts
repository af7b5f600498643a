import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Path in the state folder, whose contents cannot be made again: journals of releases.
 *
 * Source: https://specifications.freedesktop.org/basedir/latest/
 */
export const stateFolder = (...parts: readonly string[]): string =>
  join(process.env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'openclaw-image', ...parts);
