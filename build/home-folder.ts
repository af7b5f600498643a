import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The user's home folder, also in a service or a container that has no variable HOME. scripts/folders.sh does the same. */
export function homeFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment['HOME']) return environment['HOME'];
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an entry in /etc/passwd.
    return ownTemporaryFolder(process.getuid?.() ?? 0);
  }
}

/** A folder of this user below /tmp, where everybody may make folders. @throws Error if it belongs to somebody else */
function ownTemporaryFolder(uid: number): string {
  const folder = `/tmp/openclaw-image-${uid}`;
  // If the folder cannot be made, nothing is written.
  const state = lstatSync(folder, { throwIfNoEntry: false }) ?? makeFolder(folder);
  if (state !== undefined && !(state.isDirectory() && state.uid === uid))
    throw new Error(`${folder} belongs to somebody else: set HOME, or XDG_CACHE_HOME and XDG_STATE_HOME`);
  return folder;
}

function makeFolder(folder: string): Stats | undefined {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return lstatSync(folder);
  } catch {
    return undefined;
  }
}

/**
 * A folder of this project below one of the base folders. An empty variable counts as unset, and so does a relative path.
 *
 * Source: https://specifications.freedesktop.org/basedir/latest/
 */
export function baseFolder(variable: 'XDG_CACHE_HOME' | 'XDG_STATE_HOME', ...fallback: readonly string[]): string {
  const given = process.env[variable] ?? '';
  return join(isAbsolute(given) ? given : join(homeFolder(), ...fallback), 'openclaw-image');
}
