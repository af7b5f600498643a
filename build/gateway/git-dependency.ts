import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { printable } from '../printable.ts';
import { WorkError } from '../problem.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { GitDependencyError, type NpmOptions, npmErrorCode, splitDependency } from './npm.ts';
import { isPackageName, parsePackageJson } from './package-json.ts';
import { readPackedFiles } from './packed-file.ts';

/** Dependencies from git by name, at a commit: `libsignal` → `git+https://github.com/…/libsignal-node.git#` and 40 hexadecimal digits. */
export type GitDependencies = Readonly<Record<string, string>>;

/** The packed dependency, beside the lockfile. */
const fileOf = (name: string, commit: string): string => `git/${name.replace('/', '+')}-${commit}.tgz`;

/** Source: git, hash-function-transition: SHA-1 or SHA-256. */
const COMMIT = /#([0-9a-f]{40}|[0-9a-f]{64})$/;

/** Seconds without an answer of the host. */
const SILENCE_SECONDS = 60;

/**
 * Fetches a dependency from git at a commit, and packs it as npm would, if the folder does not have it. Runs no script of it. Only over HTTPS: other addresses can name
 * files of this host.
 *
 * @param dependency `libsignal@git+https://github.com/…/libsignal-node.git`, with or without a commit
 * @param folder of the lockfile
 * @returns the address with the commit, and the package as a dependency: `file:git/libsignal-COMMIT.tgz`
 * @throws WorkError if the host does not answer, or if the package must be built by a script
 */
export async function fetchGitDependency(
  dependency: string,
  folder: string,
  npm: NpmOptions,
): Promise<{ readonly resolved: string; readonly spec: string }> {
  const { name, address } = splitDependency(dependency);
  const known = COMMIT.exec(address)?.[1];
  if (known !== undefined && existsSync(join(folder, fileOf(name, known)))) {
    return { resolved: address, spec: `file:${fileOf(name, known)}` };
  }
  const [{ default: pacote }, { default: Arborist }] = await Promise.all([
    import('pacote'),
    import('@npmcli/arborist'),
  ]);
  return withTemporaryFolder('git', async (scratch) => {
    const authorities = join(scratch, 'authorities.pem');
    const { GIT_SSL_CAINFO: own } = process.env;
    const trusted = [
      getCACertificates('default'),
      npm['ca'] ?? [],
      own === undefined ? [] : await readFile(own, 'utf8'),
    ];
    await writeFile(authorities, trusted.flat().join('\n'));
    const options = {
      ...npm,
      ...{ allowGit: 'all', ignoreScripts: true, Arborist, cache: scratch },
      // In the current folder, git would use the settings of a checkout: they can name programs and other hosts.
      cwd: scratch,
      ...{ timeout: SILENCE_SECONDS * 1000, retry: { retries: 1 } },
      env: {
        ...process.env,
        GIT_CEILING_DIRECTORIES: tmpdir(),
        ...{ GIT_ALLOW_PROTOCOL: 'https', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'echo' },
        ...{ GIT_HTTP_LOW_SPEED_LIMIT: '1', GIT_HTTP_LOW_SPEED_TIME: String(SILENCE_SECONDS) },
        GIT_SSL_CAINFO: authorities,
      },
    };
    const resolved = await pacote.resolve(dependency, options);
    const commit = COMMIT.exec(resolved)?.[1];
    if (commit === undefined || !isPackageName(name)) throw new Error(`${resolved} is not at a commit`);
    const file = fileOf(name, commit);
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    await pacote.tarball.file(`${name}@${resolved}`, path, options);
    const files = await readPackedFiles(createReadStream(path), [/^package\.json$/]);
    const { scripts = {} } = parsePackageJson(files.get('package.json') ?? '{}', `package.json of ${dependency}`);
    if (scripts['prepare'] !== undefined)
      throw new GitDependencyError(dependency, 'is built by its script `prepare`, and no script runs before the build');
    // npm prefers SSH, for private repositories.
    return { resolved: resolved.replace(/^git\+ssh:\/\/git@/, 'git+https://'), spec: `file:${file}` };
  }).catch((error: unknown) => {
    if (error instanceof WorkError) throw error;
    const [reason, first] =
      npmErrorCode(error) === 'ENOGIT'
        ? ['is fetched with git, which is not installed', 'install git, or ']
        : [`cannot be fetched: ${wordsOf(error)}`, 'build on a host that reaches the repository, or '];
    throw new GitDependencyError(dependency, reason, { cause: error }, first);
  });
}

/** The first reason that git printed, or the error's own words. */
function wordsOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  // npm asks a known host by HTTPS first, and gives the reason of the second attempt only.
  if (/transport 'ssh' not allowed/.test(stderr ?? '')) return 'its host does not answer over HTTPS';
  const lines = (stderr ?? '').split('\n').filter((line) => /^(?:fatal|error|remote|ssh): /.test(line));
  return printable(lines[0]?.replace(/^\w+: /, '') ?? message ?? String(error));
}
