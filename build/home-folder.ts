import { tmpdir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';

/** The user's home folder, also in a service or a container that has no variable HOME. scripts/folders.sh does the same. */
export function homeFolder(environment: NodeJS.ProcessEnv = process.env): string {
  if (environment['HOME']) return environment['HOME'];
  try {
    return userInfo().homedir;
  } catch {
    // A user id without an entry in /etc/passwd.
    return tmpdir();
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
