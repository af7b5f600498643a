import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface GitRevision {
  /** 40 hexadecimal digits. */
  readonly revision: string;
  /** Whether tracked files differ from it, or there are new ones that are not ignored. */
  readonly dirty: boolean;
  /** When the sources became what they are: the commit's date, or that of the newest edit after it. */
  readonly changed: Date;
}

/** Which commit a folder stands at, and what was edited since. @returns undefined outside of git, or where there is no git */
export async function readGitRevision(folder: string): Promise<GitRevision | undefined> {
  const git = (...args: readonly string[]) => execa('git', ['-C', folder, ...args], { reject: false });
  const [head, status] = await Promise.all([
    git('log', '-1', '--format=%H %ct'),
    git('status', '--porcelain', '-z', '--no-renames'),
  ]);
  if (head.exitCode !== 0) return undefined;
  const [revision = '', committed = ''] = head.stdout.trim().split(' ');
  const edited = status.stdout.split('\0').flatMap((line) => (line === '' ? [] : [line.slice(3)]));
  const times = await Promise.all(
    // A file that was deleted has no date; its absence is news all the same, and as old as its folder's.
    edited.map((path) =>
      stat(join(folder, path)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  );
  return {
    revision,
    dirty: edited.length > 0,
    changed: new Date(Math.max(Number(committed) * 1000, ...times)),
  };
}
