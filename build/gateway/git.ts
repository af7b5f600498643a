import { execa } from 'execa';

/** What git printed. */
export interface GitOutput {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** The last line of git's message. */
  readonly message: string;
}

/**
 * Settings that make git run a program, switched off: a checkout brings its own `.git/config`, and reading it must run nothing.
 * Source: git-config(1): core.fsmonitor, core.hooksPath, log.showSignature, protocol.allow (a partial clone fetches missing files)
 */
const SWITCHED_OFF = [
  'core.fsmonitor=false',
  'core.hooksPath=/dev/null',
  'core.pager=cat',
  'log.showSignature=false',
  'protocol.allow=never',
].flatMap((setting) => ['-c', setting]);

/**
 * Runs a git command that only reads. Programs that the checkout's configuration names do not run.
 *
 * @throws Error if git is not installed (ENOENT)
 */
export async function git(folder: string, ...args: readonly string[]): Promise<GitOutput> {
  return run(folder, [...(await withoutFilters(folder)), ...args]);
}

async function run(folder: string, args: readonly string[]): Promise<GitOutput> {
  const { exitCode, stdout, stderr, code } = await execa('git', ['-C', folder, ...SWITCHED_OFF, ...args], {
    reject: false,
    stdin: 'ignore',
    // Do not write the index, which runs a hook; do not ask for passwords.
    env: { GIT_OPTIONAL_LOCKS: '0', GIT_TERMINAL_PROMPT: '0', GIT_NO_LAZY_FETCH: '1', LC_ALL: 'C' },
  });
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
async function withoutFilters(folder: string): Promise<readonly string[]> {
  const settings = ['config', '--show-scope', '--name-only', '--null', '--get-regexp', '^filter\\.'];
  const { stdout } = await run(folder, settings);
  const entries = stdout.split('\0');
  const names = new Set<string>();
  // Scope and name alternate.
  for (let at = 0; at + 1 < entries.length; at += 2) {
    const name = /^(filter\..*)\.[^.]*$/s.exec(entries[at + 1] ?? '')?.[1];
    if (name !== undefined && (entries[at] === 'local' || entries[at] === 'worktree')) names.add(name);
  }
  return [...names].flatMap((name) => [
    ...['-c', `${name}.clean=`, '-c', `${name}.smudge=`, '-c', `${name}.process=`],
    ...['-c', `${name}.required=false`],
  ]);
}
