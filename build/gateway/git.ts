import { execa } from 'execa';

/** The output of a git command. */
export interface GitOutput {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** The last line of git's message. */
  readonly message: string;
}

/**
 * Values that replace those of a checkout: it brings its own `.git/config`, and reading it must run nothing and hide no change.
 * Source: git-config(1)
 */
const FIXED_SETTINGS: Settings = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.pager', 'cat'],
  ['log.showSignature', 'false'],
  ['core.checkStat', 'default'],
  ['core.trustctime', 'true'],
  ['core.untrackedCache', 'false'],
  // Windows has no executable files, and links only for some users.
  ...(process.platform === 'win32'
    ? []
    : ([
        ['core.fileMode', 'true'],
        ['core.symlinks', 'true'],
      ] as const)),
  // Where a file system tells `Run` from `run`, they are two files.
  ...(process.platform === 'linux' ? ([['core.ignoreCase', 'false']] as const) : []),
];

/** Milliseconds. The status of a large repository on a slow disk takes a minute; a pipe in the place of `.gitignore` never ends. */
const LIMIT = 300_000;

type Settings = readonly (readonly [key: string, value: string])[];

/**
 * Prepares git commands that only read a checkout. Programs that its configuration names do not run.
 *
 * @param limit for each command, in milliseconds
 * @returns a function that runs one command
 * @throws Error if git is not installed (ENOENT)
 */
export async function openGit(
  folder: string,
  limit = LIMIT,
): Promise<(...args: readonly string[]) => Promise<GitOutput>> {
  const settings = [...FIXED_SETTINGS, ...(await withoutFilters(folder, limit))];
  return (...args) => run(folder, args, settings, limit);
}

/**
 * @param settings take precedence over those of the checkout. As variables, because `-c` cannot name a key that contains `=`.
 *   Source: git-config(1), GIT_CONFIG_COUNT
 */
async function run(folder: string, args: readonly string[], settings: Settings, timeout: number): Promise<GitOutput> {
  const { exitCode, stdout, stderr, code, timedOut } = await execa('git', ['-C', folder, ...args], {
    reject: false,
    timeout,
    killSignal: 'SIGKILL',
    stdin: 'ignore',
    env: {
      // Do not write the index, which runs a hook; do not ask for passwords.
      ...{ GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C' },
      // A replacement gives a commit other contents under the same id.
      GIT_NO_REPLACE_OBJECTS: '1',
      // A partial clone would fetch missing files, by a program that its configuration names.
      ...{ GIT_NO_LAZY_FETCH: '1', GIT_ALLOW_PROTOCOL: 'none' },
      GIT_CONFIG_COUNT: String(settings.length),
      ...Object.fromEntries(
        settings.flatMap(([key, value], number) => [
          [`GIT_CONFIG_KEY_${number}`, key],
          [`GIT_CONFIG_VALUE_${number}`, value],
        ]),
      ),
    },
  });
  if (timedOut)
    return { exitCode, stdout, message: `git ${args[0]} did not end within ${Math.round(timeout / 1000)} s` };
  if (code === 'ENOENT') throw Object.assign(new Error('git is not installed'), { code });
  return {
    exitCode,
    stdout,
    message:
      stderr
        .trim()
        .split('\n')[0]
        ?.replace(/^(?:fatal|error): /, '') ?? '',
  };
}

/** `git status` runs the filters of changed files. Those of the user's own settings (Git LFS) stay, those of the checkout do not run. */
async function withoutFilters(folder: string, limit: number): Promise<Settings> {
  const list = ['config', '--show-scope', '--name-only', '--null', '--get-regexp', '^filter\\.'];
  const { stdout } = await run(folder, list, FIXED_SETTINGS, limit);
  const entries = stdout.split('\0');
  const names = new Set<string>();
  // Scope and name alternate.
  for (let at = 0; at + 1 < entries.length; at += 2) {
    const name = /^(filter\..*)\.[^.]*$/s.exec(entries[at + 1] ?? '')?.[1];
    if (name !== undefined && (entries[at] === 'local' || entries[at] === 'worktree')) names.add(name);
  }
  return [...names].flatMap(
    (name): Settings => [
      [`${name}.clean`, ''],
      [`${name}.smudge`, ''],
      [`${name}.process`, ''],
      [`${name}.required`, 'false'],
    ],
  );
}
