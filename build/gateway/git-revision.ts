import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';

export interface GitRevision {
  /** 40 hexadecimal digits. */
  readonly revision: string;
  /** Whether tracked files differ from the revision, or untracked files exist that git does not ignore. */
  readonly dirty: boolean;
  /** Time of the last change: that of the commit, or of the newest edit after it. */
  readonly changed: Date;
}

/** Reads the commit of a folder and the edits since. @returns undefined outside of git, or if git is not installed */
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
    // A deleted file has no time; it still makes the sources dirty.
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
