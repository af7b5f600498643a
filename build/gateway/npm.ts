import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Options } from 'pacote';
import { cacheFolder } from '../cache-folder.ts';
import { certificatesIn } from '../certificates.ts';
import { printable } from '../printable.ts';
import { type Failure, WorkError } from '../problem.ts';
import { type RequestFailure, requestFailure } from '../request-failure.ts';

/** npm's configuration (registry, tokens, proxies, certificate authorities), flattened for pacote and Arborist. */
export type NpmOptions = Options & Readonly<Record<string, unknown>>;

/** The configuration without and with extra certificate authorities, each read once. */
const configurations = new Map<string, Promise<NpmOptions>>();

/**
 * Reads the user's and the host's npmrc files and `npm_config_*` variables as npm does. The one of the current folder does not count: it
 * may be somebody else's checkout, and names programs to run and hosts that get tokens.
 *
 * @param ca PEM file with certificate authorities to trust in addition; undefined for none
 */
export function readNpmOptions(ca?: string): Promise<NpmOptions> {
  const known = configurations.get(ca ?? '') ?? loadNpmOptions(ca);
  configurations.set(ca ?? '', known);
  return known;
}

async function loadNpmOptions(caFile: string | undefined): Promise<NpmOptions> {
  const [{ default: Config }, { default: definitions }] = await Promise.all([
    import('@npmcli/config'),
    import('@npmcli/config/lib/definitions/index.js'),
  ]);
  const npmPath = dirname(createRequire(import.meta.url).resolve('@npmcli/config/package.json'));
  const config = new Config({ npmPath, ...definitions, argv: [], cwd: '/' });
  await config.load();
  // npm's cafile replaces all other authorities, also those that this process trusts in addition.
  const { ca } = config.flat as { readonly ca?: string | readonly string[] | null };
  const extra = caFile === undefined ? [] : certificatesIn(await readFile(caFile, 'utf8'));
  const trusted = ca == null ? {} : { ca: [ca, extra].flat() };
  return { ...config.flat, ...trusted, cache: cacheFolder('npm'), preferOnline: true } as NpmOptions;
}

/** npm's error code (`ETARGET`, `E404`, `ENOTFOUND`), or undefined. */
export function npmErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Explanations for failed requests to the npm registry. @param detail error code or message of the client */
const REQUESTS: Readonly<
  Record<RequestFailure, (what: string, detail: string) => Pick<Failure, 'title' | 'reason' | 'hint'>>
> = {
  'no-network': (what, detail) => ({
    title: 'The npm registry is unreachable',
    reason: `The request for ${what} failed (${detail}).`,
    hint: 'check the network and the proxy (npm config get registry, HTTPS_PROXY), or build from a file: --package openclaw.tgz',
  }),
  'tls-inspection': (_, detail) => ({
    title: 'The certificate of the npm registry is not trusted',
    reason: `A proxy between this host and the registry signs the traffic with its own authority (${detail}).`,
    hint: 'name the authority with --ca /path/to/ca.pem or NODE_EXTRA_CA_CERTS; build steps get it as a secret',
  }),
  'registry-denied': (what, detail) => ({
    title: 'The npm registry denied access',
    reason: `The registry answered the request for ${what} with ${detail.replace(/^E/, '')}.`,
    hint: 'log in (npm login), or check the token in ~/.npmrc',
  }),
  'rate-limited': (what) => ({
    title: 'The npm registry limits requests',
    reason: `The registry answered the request for ${what} with 429: too many requests.`,
    hint: 'wait, then try again',
  }),
  'registry-error': (what, detail) => ({
    title: 'The npm registry failed',
    reason: `The registry answered the request for ${what} with ${detail.replace(/^E/, '')}.`,
    hint: 'try again later',
  }),
};

/** Explains a failed request to the npm registry. @param what the requested package or file @returns the error itself if the failure is unknown */
export function explainNpmError(error: unknown, what: string): unknown {
  const code = npmErrorCode(error) ?? '';
  // Only npm's error code is reliable: its messages say "could not resolve" about versions too.
  const kind = requestFailure(code);
  if (kind !== undefined) return new WorkError({ kind, ...REQUESTS[kind](what, code) }, { cause: error });
  if (code === 'ENOSPC') {
    return new WorkError(
      {
        kind: 'disk-full',
        title: 'The disk is full',
        reason: `${what} could not be written to ${cacheFolder()}.`,
        hint: 'free space there, or move the cache: XDG_CACHE_HOME=/other/folder',
      },
      { cause: error },
    );
  }
  if (code === 'EALLOWGIT') {
    const { package: dependency = 'a dependency' } = error as { readonly package?: string };
    return new GitDependencyError(dependency, `in ${what} is not a published package`, { cause: error });
  }
  // pacote expects an object with the fields of a package, and ends in a TypeError over anything else.
  if (
    error instanceof TypeError ||
    error instanceof SyntaxError ||
    (error as { type?: string }).type === 'invalid-json'
  ) {
    return new WorkError(
      {
        kind: 'unexpected-answer',
        title: 'The npm registry gave an unexpected answer',
        reason: `Its answer to the request for ${what} is not a package: ${error instanceof Error ? error.message : ''}`,
        hint: 'check which registry answers (npm config get registry), and look for a proxy or a login page in between',
      },
      { cause: error },
    );
  }
  return error;
}

/** Git dependencies of known releases, and the same code on npm. Source: the packages' own README and tags. */
const PUBLISHED: Readonly<Record<string, string>> = { libsignal: 'npm:libsignal@2.0.1' };

/** `NAME=SPEC` for `--override`. Where no published package is known, SPEC is the word VERSION. */
export const overrideFor = (name: string): string => `${name === '' ? 'NAME' : name}=${PUBLISHED[name] ?? 'VERSION'}`;

/** A dependency from git that cannot be used. */
export class GitDependencyError extends WorkError {
  /** Name of the package: `libsignal`. */
  readonly dependency: string;

  /** @param dependency `libsignal@git+https://github.com/…` @param reason continues it @param first what can be done, before the rest */
  constructor(dependency: string, reason: string, options?: ErrorOptions, first = '') {
    const { name } = splitDependency(dependency);
    super(
      {
        kind: 'git-dependency',
        title: 'A dependency comes from a git repository',
        reason: `${printable(dependency)} ${reason}.`,
        hint: `${first}replace it by a published package: --override ${overrideFor(name)}; or build a release without it: scripts/run build --package openclaw@latest`,
      },
      options,
    );
    this.dependency = name;
  }
}

/** The dependency from git that npm refused; undefined for other errors. */
export function refusedGitDependency(error: unknown): string | undefined {
  if (!(error instanceof GitDependencyError) || npmErrorCode(error.cause) !== 'EALLOWGIT') return undefined;
  return (error.cause as { readonly package?: string }).package;
}

/** The package and the address in what npm calls a dependency: `libsignal@git+https://github.com/…`. */
export function splitDependency(dependency: string): { readonly name: string; readonly address: string } {
  const [, name = '', address = ''] = /^((?:@[^/]+\/)?[^@/:]+)@(.+)$/s.exec(dependency) ?? [];
  return { name, address };
}

/**
 * The npmrc lines that build steps need: another registry, and its tokens.
 *
 * @param contents steps that run code of other people get no tokens
 * @returns undefined if npm uses its default configuration
 */
export async function npmSecret(
  npm: NpmOptions,
  contents: 'registry and tokens' | 'registry',
): Promise<string | undefined> {
  const { definitions } = (await import('@npmcli/config/lib/definitions/index.js')).default as {
    readonly definitions: { readonly registry?: { readonly default?: string } };
  };
  const lines = Object.entries(npm)
    .filter(
      ([key, value]) =>
        typeof value === 'string' &&
        ((key.startsWith('//') && contents === 'registry and tokens') ||
          key.endsWith(':registry') ||
          key === 'registry'),
    )
    .filter(([key, value]) => key !== 'registry' || value !== definitions.registry?.default)
    .map(([key, value]) => `${key}=${contents === 'registry' ? withoutLogin(String(value)) : value}`);
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`;
}

/** `https://user:password@host/` → `https://host/`. */
export function withoutLogin(address: string): string {
  const url = URL.parse(address);
  if (url === null || (url.username === '' && url.password === '')) return address;
  url.username = '';
  url.password = '';
  return url.href;
}
