import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { printable } from '../printable.ts';
import { WorkError } from '../problem.ts';
import { gitDependencyError, type NpmOptions, npmErrorCode } from './npm.ts';
import { isPackageName, parsePackageJson } from './package-json.ts';
import { readPackedFiles } from './packed-file.ts';

/** Dependencies from git by name, at a commit: `libsignal` → `git+https://github.com/…/libsignal-node.git#` and 40 hexadecimal digits. */
export type GitDependencies = Readonly<Record<string, string>>;

/** Folder beside the lockfile with packed dependencies from git. */
const GIT_FOLDER = 'git';

/** Seconds without an answer of the host. */
const PATIENCE = 60;

/** The package and the address in what npm calls a dependency: `libsignal@git+https://github.com/…`. */
export function splitDependency(dependency: string): { readonly name: string; readonly address: string } {
  const [, name = '', address = ''] = /^((?:@[^/]+\/)?[^@/:]+)@(.+)$/s.exec(dependency) ?? [];
  return { name, address };
}

/**
 * Fetches a dependency from git at a commit, and packs it as npm would. Runs no script of it. Only over HTTPS: other addresses can name
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
  const { name } = splitDependency(dependency);
  const [{ default: pacote }, { default: Arborist }] = await Promise.all([
    import('pacote'),
    import('@npmcli/arborist'),
  ]);
  const scratch = await mkdtemp(join(tmpdir(), 'openclaw-image-git-'));
  try {
    const authorities = join(scratch, 'authorities.pem');
    const { GIT_SSL_CAINFO: own } = process.env;
    const known = [getCACertificates('default'), npm['ca'] ?? [], own === undefined ? [] : await readFile(own, 'utf8')];
    await writeFile(authorities, known.flat().join('\n'));
    const options = {
      ...npm,
      ...{ allowGit: 'all', ignoreScripts: true, Arborist, cache: scratch },
      ...{ timeout: PATIENCE * 1000, retry: { retries: 1 } },
      env: {
        ...process.env,
        ...{ GIT_ALLOW_PROTOCOL: 'https', GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: 'echo' },
        ...{ GIT_HTTP_LOW_SPEED_LIMIT: '1', GIT_HTTP_LOW_SPEED_TIME: String(PATIENCE) },
        GIT_SSL_CAINFO: authorities,
      },
    };
    const resolved = await pacote.resolve(dependency, options);
    const commit = /#([0-9a-f]{40}|[0-9a-f]{64})$/.exec(resolved)?.[1];
    if (commit === undefined || !isPackageName(name)) throw new Error(`${resolved} is not at a commit`);
    const file = `${name.replace('/', '+')}-${commit}.tgz`;
    const path = join(folder, GIT_FOLDER, file);
    await mkdir(join(folder, GIT_FOLDER), { recursive: true });
    await pacote.tarball.file(`${name}@${resolved}`, path, options);
    const files = await readPackedFiles(createReadStream(path), [/^package\.json$/]);
    const { scripts = {} } = parsePackageJson(files.get('package.json') ?? '{}', `package.json of ${dependency}`);
    if (scripts['prepare'] !== undefined)
      throw gitDependencyError(dependency, 'is built by its script `prepare`, and no script runs before the build');
    // npm prefers SSH, for private repositories.
    return { resolved: resolved.replace(/^git\+ssh:\/\/git@/, 'git+https://'), spec: `file:${GIT_FOLDER}/${file}` };
  } catch (error) {
    if (error instanceof WorkError) throw error;
    const isMissing = npmErrorCode(error) === 'ENOGIT';
    const reason = isMissing ? 'is fetched with git, which is not installed' : `cannot be fetched: ${wordsOf(error)}`;
    throw gitDependencyError(dependency, reason, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The last line that git printed, or the error's own words. */
function wordsOf(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message?: string };
  // npm asks a known host by HTTPS first, and gives the reason of the second attempt only.
  if (/transport 'ssh' not allowed/.test(stderr ?? '')) return 'its host does not answer over HTTPS';
  const lines = (stderr ?? '').split('\n').filter((line) => /^(?:fatal|error|remote|ssh): /.test(line));
  return printable(lines[0]?.replace(/^\w+: /, '') ?? message ?? String(error));
}
