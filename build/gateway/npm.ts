import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Options } from 'pacote';
import { cacheFolder } from '../cache-folder.ts';
import { type RequestFailure, requestFailure } from '../oci/request-failure.ts';
import { type Explanation, WorkError } from '../problem.ts';
import { furtherAuthorities } from '../trust-authorities.ts';

let loaded: Promise<NpmOptions> | undefined;

/** npm's own settings (registry, tokens, proxies, certificate authorities), flattened for pacote and Arborist. */
export type NpmOptions = Options & Readonly<Record<string, unknown>>;

/** Reads npmrc files and `npm_config_*` variables as npm does; once a process. */
export function npmOptions(): Promise<NpmOptions> {
  loaded ??= (async () => {
    const [{ default: Config }, { default: definitions }] = await Promise.all([
      import('@npmcli/config'),
      import('@npmcli/config/lib/definitions/index.js'),
    ]);
    const npmPath = dirname(createRequire(import.meta.url).resolve('@npmcli/config/package.json'));
    const config = new Config({ npmPath, ...definitions, argv: [] });
    await config.load();
    // npm's cafile takes the place of all other authorities; of those that were asked for here it does not.
    const { ca } = config.flat as { readonly ca?: string | readonly string[] | null };
    const trusted = ca == null ? {} : { ca: [ca, furtherAuthorities].flat() };
    return { ...config.flat, ...trusted, cache: cacheFolder('npm'), preferOnline: true } as NpmOptions;
  })();
  return loaded;
}

/** npm's error code (`ETARGET`, `E404`, `ENOTFOUND`), or undefined. */
export function npmErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a request that failed in a known way means for the npm registry. @param detail code or words of the client's */
const REQUESTS: Readonly<
  Record<RequestFailure, (what: string, detail: string) => Pick<Explanation, 'title' | 'reason' | 'wayOut'>>
> = {
  'no-network': (what, detail) => ({
    title: 'The npm registry cannot be reached',
    reason: `${what} was asked for, and the connection failed (${detail})`,
    wayOut:
      'check the network and the proxy (npm config get registry, HTTPS_PROXY), or build from a file: --package openclaw.tgz',
  }),
  'tls-inspection': (_, detail) => ({
    title: 'The npm registry answered with a certificate that is not trusted',
    reason: `something between here and the registry signs its traffic with its own authority (${detail})`,
    wayOut:
      'name that authority: --ca /path/to/ca.pem, or NODE_EXTRA_CA_CERTS; the build hands it to its steps as a secret',
  }),
  'registry-denied': (what, detail) => ({
    title: 'The npm registry refused',
    reason: `${what} was asked for, and the answer was ${detail.replace(/^E/, '')}`,
    wayOut: 'log in (npm login), or check the token in ~/.npmrc',
  }),
  'rate-limited': (what) => ({
    title: 'The npm registry asks to slow down',
    reason: `${what} was asked for, and the answer was 429: too many requests`,
    wayOut: 'wait and try again',
  }),
  'registry-error': (what, detail) => ({
    title: 'The npm registry failed',
    reason: `${what} was asked for, and the answer was ${detail.replace(/^E/, '')}`,
    wayOut: 'nothing is wrong here: try again in a while',
  }),
};

/** What a failed request to the npm registry means. @returns the error itself where it means nothing known */
export function explainNpmError(error: unknown, what: string): unknown {
  const code = npmErrorCode(error) ?? '';
  // Of its words only npm's codes are sure: "could not resolve" is said of versions too.
  const kind = requestFailure(code);
  if (kind !== undefined) return new WorkError({ kind, ...REQUESTS[kind](what, code) }, { cause: error });
  if (code === 'ENOSPC') {
    return new WorkError(
      {
        kind: 'disk-full',
        title: 'The disk is full',
        reason: `${what} could not be written below ${cacheFolder()}`,
        wayOut: 'free some room there, or keep the cache elsewhere: XDG_CACHE_HOME=/other/folder',
      },
      { cause: error },
    );
  }
  if (code === 'EALLOWGIT') {
    const { package: dependency } = error as { readonly package?: string };
    return new WorkError(
      {
        kind: 'git-dependency',
        title: 'A dependency comes from a git repository',
        reason: `${what} has ${dependency ?? 'one'}, which is no published package: npm does not fetch it unless it is told to`,
        wayOut: 'build a release without it: scripts/run build --package openclaw@latest',
      },
      { cause: error },
    );
  }
  return error;
}

/**
 * The lines of an npmrc that a build step needs: another registry, and the tokens for it.
 *
 * @returns undefined where npm's settings are the default ones
 */
export async function npmSecret(): Promise<string | undefined> {
  const { definitions } = (await import('@npmcli/config/lib/definitions/index.js')).default as {
    readonly definitions: { readonly registry?: { readonly default?: string } };
  };
  const lines = Object.entries(await npmOptions())
    .filter(
      ([key, value]) =>
        typeof value === 'string' && (key.startsWith('//') || key.endsWith(':registry') || key === 'registry'),
    )
    .filter(([key, value]) => key !== 'registry' || value !== definitions.registry?.default)
    .map(([key, value]) => `${key}=${value}`);
  return lines.length === 0 ? undefined : `${lines.join('\n')}\n`;
}
