import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { Options } from 'pacote';
import { cacheFolder } from '../cache-folder.ts';
import { WorkError } from '../problem.ts';

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
    return { ...config.flat, cache: cacheFolder('npm'), preferOnline: true } as NpmOptions;
  })();
  return loaded;
}

const NETWORK_CODES = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENETUNREACH',
  'ERR_SOCKET_TIMEOUT',
]);
const TLS_CODES = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]);

/** npm's error code (`ETARGET`, `E404`, `ENOTFOUND`), or undefined. */
export function npmErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** What a failed request to the npm registry means. @returns the error itself where it means nothing known */
export function explainNpmError(error: unknown, what: string): unknown {
  const code = npmErrorCode(error) ?? '';
  if (NETWORK_CODES.has(code)) {
    return new WorkError(
      {
        kind: 'no-network',
        title: 'The npm registry cannot be reached',
        reason: `${what} was asked for, and the connection failed (${code})`,
        wayOut:
          'check the network and the proxy (npm config get registry, HTTPS_PROXY), or build from a file: --package openclaw.tgz',
      },
      { cause: error },
    );
  }
  if (TLS_CODES.has(code)) {
    return new WorkError(
      {
        kind: 'tls-inspection',
        title: 'The npm registry answered with a certificate that is not trusted',
        reason: `something between here and the registry signs its traffic with its own authority (${code})`,
        wayOut:
          'name that authority in NODE_EXTRA_CA_CERTS=/path/to/ca.pem; the build hands it to its steps as a secret',
      },
      { cause: error },
    );
  }
  if (code === 'E401' || code === 'E403') {
    return new WorkError(
      {
        kind: 'registry-denied',
        title: 'The npm registry refused',
        reason: `${what} was asked for, and the answer was ${code.slice(1)}`,
        wayOut: 'log in (npm login), or check the token in ~/.npmrc',
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
