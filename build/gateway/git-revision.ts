import { createHash } from 'node:crypto';
import { lstat, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { type Problem, RequestError } from '../problem.ts';
import { type GitOutput, openGit } from './git.ts';

export interface GitRevision {
  /** 40 hexadecimal digits. */
  readonly revision: string;
  /** Whether tracked files differ from the revision, or untracked files exist that git does not ignore. */
  readonly dirty: boolean;
  /** Paths whose differences git does not report: ignored, assumed unchanged, or left out of the checkout. A folder ends with `/`. */
  readonly unseen: readonly string[];
  /** Time of the commit. */
  readonly committed: Date;
  /** Time of the last change: that of the commit, or of the newest edit after it. */
  readonly changed: Date;
}

/**
 * Reads the commit of a folder, and the edits since. Runs nothing that the folder's configuration names.
 *
 * @throws RequestError with git's own words if git is not installed, or cannot read the folder
 */
export async function readGitRevision(folder: string): Promise<GitRevision> {
  const git = await openGit(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw refusal(folder, 'git is not installed', 'install git');
    throw error;
  });
  const read = async (hint: string, ...args: readonly string[]): Promise<GitOutput> => {
    const output = await git(...args);
    if (output.exitCode === 0) return output;
    throw refusal(folder, output.message, hint);
  };
  const { stdout: top } = await read(CLONE, 'rev-parse', '--show-toplevel');
  const inside = relative(await realpath(top.trim()), await realpath(folder));
  if (inside.split(sep)[0] === '..')
    throw refusal(folder, `its configuration names the files of another folder: ${top.trim()}`, CLONE);
  const head = await read(CLONE, 'log', '-1', '--format=%H %ct');
  const damaged = `repair it, or clone the repository again: git -C ${folder} status`;
  const [status, flags] = await Promise.all([
    read(
      damaged,
      ...['status', '--porcelain', '-z', '--no-renames', '--ignored=traditional'],
      // git would run status in each submodule, with the programs that its own configuration names.
      ...['--untracked-files=normal', '--ignore-submodules=dirty'],
    ),
    read(damaged, 'ls-files', '-v', '-z'),
  ]);
  const [revision = '', committed = ''] = head.stdout.trim().split(' ');
  const entries = status.stdout.split('\0').flatMap((line) => (line === '' ? [] : [[line.slice(0, 2), line.slice(3)]]));
  const pathsOf = (ignored: boolean): readonly string[] =>
    entries.flatMap(([state, path = '']) => ((state === '!!') === ignored ? [path] : []));
  const edited = pathsOf(false);
  // A lower-case letter: assumed unchanged; S: left out of the checkout. Source: git-ls-files(1), -v
  const flagged = flags.stdout.split('\0').flatMap((line) => (/^[a-zS] /.test(line) ? [line.slice(2)] : []));
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
    unseen: [...pathsOf(true), ...flagged].sort(),
    committed: new Date(Number(committed) * 1000),
    changed: new Date(Math.max(Number(committed) * 1000, ...times)),
  };
}

/**
 * Finds tracked files that differ from a commit, byte by byte, and those that the commit does not have. `git status` believes the index of
 * the checkout, which may say that a changed file is unchanged or that a new one was committed, and settings that convert files.
 *
 * @returns paths; a submodule always counts, because its files are those of another repository
 * @throws RequestError if git cannot read the commit, or an object of it is not what its name says
 */
export async function filesThatDiffer(folder: string, revision: string): Promise<readonly string[]> {
  const git = await openGit(folder);
  const read = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, stdout, message } = await git(...args);
    if (exitCode === 0) return stdout;
    throw refusal(folder, message, CLONE);
  };
  const [, listed, top, indexed] = await Promise.all([
    read('rev-list', '--objects', '--verify-objects', '--no-walk', '--quiet', revision),
    read('ls-tree', '-r', '-z', '--full-tree', revision),
    read('rev-parse', '--show-toplevel'),
    read('ls-files', '-z', '--full-name', ':/'),
  ]);
  const entries = listed.split('\0').flatMap((line) => {
    const [, mode = '', id = '', path = ''] = /^(\d+) \w+ ([0-9a-f]+)\t(.*)$/s.exec(line) ?? [];
    return path === '' ? [] : [{ mode, id, path }];
  });
  const committed = new Set(entries.map(({ path }) => path));
  const differing = indexed.split('\0').filter((path) => path !== '' && !committed.has(path));
  for (const { mode, id, path } of entries)
    if (!(await isUnchanged(join(top.trim(), path), mode, id))) differing.push(path);
  return differing.sort();
}

/** Programs for Windows have its line ends in a checkout, whatever the commit has. */
const HAS_WINDOWS_LINES = /\.(?:bat|cmd|ps1)$/i;

/** @param mode of git: 100644, 100755, 120000 (a symbolic link), 160000 (a submodule) */
async function isUnchanged(path: string, mode: string, id: string): Promise<boolean> {
  const state = await lstat(path).catch(() => undefined);
  if (state === undefined || mode === '160000' || state.isSymbolicLink() !== (mode === '120000')) return false;
  // A pipe in the place of a file would never end.
  if (!state.isFile() && !state.isSymbolicLink()) return false;
  const isExecutable = (state.mode & 0o100) !== 0;
  if (state.isFile() && process.platform !== 'win32' && isExecutable !== (mode === '100755')) return false;
  const content = state.isSymbolicLink() ? Buffer.from(await readlink(path)) : await readFile(path);
  if (idOf(content, id) === id) return true;
  return (
    HAS_WINDOWS_LINES.test(path) &&
    idOf(Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1'), id) === id
  );
}

/** The name that git gives to a content. Source: git-hash-object(1); repositories use SHA-1 or SHA-256 */
const idOf = (content: Buffer, like: string): string =>
  createHash(like.length === 40 ? 'sha1' : 'sha256')
    .update(`blob ${content.length}\0`)
    .update(content)
    .digest('hex');

const CLONE = 'clone the repository instead of unpacking an archive';

/** The meaning of git's best known messages. */
const KNOWN: readonly { readonly says: RegExp; readonly reason: string; readonly hint: (folder: string) => string }[] =
  [
    {
      says: /^not a git repository/,
      reason: 'is not in a git repository, so the revision of the image is unknown',
      hint: () => 'clone the repository instead of unpacking an archive',
    },
    {
      says: /dubious ownership/,
      reason: 'belongs to another user, and git reads it only with your consent (dubious ownership)',
      hint: (folder) => `if you trust its owner: git config --global --add safe.directory ${folder}`,
    },
  ];

function refusal(folder: string, message: string, hint: string): RequestError {
  const known = KNOWN.find(({ says }) => says.test(message));
  const reason =
    known?.reason ?? `has no revision that git can read (${message}), so the revision of the image is unknown`;
  const problem: Problem = { source: '--source', value: folder, reason, hint: known?.hint(folder) ?? hint };
  return new RequestError([problem]);
}
