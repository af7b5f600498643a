import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { docker } from './command.ts';
import type { TestGateway } from './gateway.ts';

/**
 * The files of the state, with owner, mode and contents, and the folder `shared`. Real gateways write to their logs and databases when
 * they start; the database of the test shows whether theirs were restored.
 */
export async function readState(folder: string, gateway: TestGateway): Promise<ReadonlyMap<string, string>> {
  const changing = gateway === 'whole' ? /^(?:logs|tasks|tmp|cache)\/|\.sqlite(?:-wal|-shm)?$|\.last-good$/ : /^$/;
  const state = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    if (name !== 'shared' && (!entry.isFile() || changing.test(name))) continue;
    const { mode, uid, gid } = await stat(path);
    const digest = createHash('sha256')
      .update(entry.isFile() ? await readFile(path) : '')
      .digest('hex');
    state.set(name, `${uid}:${gid} ${mode.toString(8)} ${digest}`);
  }
  return state;
}

/** The mounts of the gateway in a rehearsal. Other tests start containers on the same engine. */
export async function mountsInRehearsal(): Promise<unknown> {
  const { stdout: id } = await docker('ps', '--latest', '--quiet', '--filter', 'name=rehearsal');
  return JSON.parse((await docker('container', 'inspect', '--format', '{{json .Mounts}}', id)).stdout);
}
