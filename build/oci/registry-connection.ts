import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { type Failure, WorkError } from '../problem.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import type { Repository } from './reference.ts';
import { registryCertificates } from './registry-certificates.ts';
import { errorText, headerOf, type RegistryResponse, readObject } from './response.ts';
import { type RetryBudget, retryAfterSeconds, TransientError, withRetries } from './retry.ts';
import { watchUpload } from './watched-upload.ts';

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE';
  /** Path below the registry's address, or the URL of a `Location` header. */
  readonly path: string;
  readonly accept?: string;
  /** The bytes of a chunk, `0-1023`. */
  readonly range?: string;
  readonly body?: { readonly content: Readable | Buffer; readonly size: number; readonly mediaType: string };
}

/** HTTP connection to the registry of a repository: TLS, logins, retries. */
export interface RegistryConnection {
  /**
   * Sends one request.
   *
   * @returns undefined for status 404 on GET, HEAD and DELETE
   */
  readonly send: (request: RegistryRequest) => Promise<RegistryResponse | undefined>;
  /**
   * Runs requests, and runs all of them again after a temporary failure.
   *
   * @throws WorkError with an explanation of the last failure
   */
  readonly withRetries: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface ConnectionOptions {
  /** Login for a registry; default: the login that `docker login` stored. */
  readonly credentials?: (registry: string) => Promise<Credentials | undefined>;
  readonly retries: RetryBudget;
}

const SECONDS_WITHOUT_A_WORD = 30;
/** Connections to one registry; further requests wait. */
const MOST_CONNECTIONS = 16;
const MOST_REDIRECTIONS = 5;

/** Temporary failures. Source: RFC 9110, section 15; distribution-spec, "TOOMANYREQUESTS". */
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
const PASSING_CODES: ReadonlySet<string> = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
  // A body that ended before its declared length.
  ...['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'HPE_INVALID_EOF_STATE'],
]);
const NOT_TLS = /^(?:EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

const isLocal = (registry: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(registry);

/** @returns a function that connects to repositories; the connections share TLS settings and tokens */
export function connectRegistries(options: ConnectionOptions): (repository: Repository) => RegistryConnection {
  const { credentials = readCredentials, retries } = options;
  const agents = new Map<string, Promise<Dispatcher>>();
  const bases = new Map<string, string>();
  /** The Authorization header that last worked for a repository, for reading or writing. */
  const authorizations = new Map<string, string>();

  const agentOf = (registry: string): Promise<Dispatcher> => {
    const known = agents.get(registry) ?? makeAgent(registry);
    agents.set(registry, known);
    return known;
  };

  /** Like Docker, allows plain HTTP for a registry on this host. */
  async function baseOf(registry: string): Promise<string> {
    if (registry === 'docker.io') return 'https://registry-1.docker.io';
    const known = bases.get(registry);
    if (known !== undefined) return known;
    let base = `https://${registry}`;
    if (isLocal(registry)) {
      try {
        const { body } = await request(`${base}/v2/`, { dispatcher: await agentOf(registry) });
        await body.dump();
      } catch (error) {
        if (!NOT_TLS.test(codeOf(error))) throw explainFailure(error, registry);
        base = `http://${registry}`;
      }
    }
    bases.set(registry, base);
    return base;
  }

  async function once(repository: Repository, sent: RegistryRequest): Promise<RegistryResponse | undefined> {
    const { registry } = repository;
    const what = `${registry}/${repository.repository}`;
    const base = await baseOf(registry);
    const dispatcher = await agentOf(registry);
    const key = `${what} ${sent.method === 'GET' || sent.method === 'HEAD' ? 'read' : 'write'}`;
    for (let attempt = 0; ; attempt += 1) {
      const { response, origin } = await follow(base, sent, authorizations.get(key), dispatcher, what);
      if (response.status < 300) return response;
      // A redirect target, such as a blob store, must not get the login of the registry.
      const challenge = origin === new URL(base).origin ? (headerOf(response, 'www-authenticate') ?? '') : '';
      const message = await errorText(response);
      if (response.status === 404 && MAY_BE_MISSING.has(sent.method)) return undefined;
      if (response.status !== 401 || attempt > 0) throw refused(what, response, message);
      const authorization = await authorize(challenge, await credentials(registry), base, what, dispatcher);
      if (authorization === undefined) throw refused(what, response, message);
      authorizations.set(key, authorization);
      // The body stream has been consumed: the retry opens it again.
      if (sent.body !== undefined && !Buffer.isBuffer(sent.body.content)) throw expired(what);
    }
  }

  return (repository) => ({
    send: (sent) => once(repository, sent),
    withRetries: (work) =>
      withRetries(retries, async () => {
        try {
          return await work();
        } catch (error) {
          throw explainFailure(error, `${repository.registry}/${repository.repository}`);
        }
      }),
  });
}

/** HTTP agent with the proxies of the environment, and with the certificate authorities of this host and of Docker. */
async function makeAgent(registry: string): Promise<Dispatcher> {
  const own = await Promise.all((await registryCertificates(registry)).map((path) => readFile(path, 'utf8')));
  const tls = own.length === 0 ? {} : { ca: [...getCACertificates('default'), ...own] };
  return new EnvHttpProxyAgent({
    connect: { ...tls, timeout: SECONDS_WITHOUT_A_WORD * 1000 },
    requestTls: tls,
    headersTimeout: SECONDS_WITHOUT_A_WORD * 1000,
    bodyTimeout: SECONDS_WITHOUT_A_WORD * 1000,
    // Registries close idle connections, and a request on a closed connection is lost.
    keepAliveTimeout: 4000,
    connections: MOST_CONNECTIONS,
  });
}

/** Follows redirects, for example to a blob store. Other hosts do not get the login. */
async function follow(
  base: string,
  { method, path, accept, range, body }: RegistryRequest,
  authorization: string | undefined,
  dispatcher: Dispatcher,
  what: string,
): Promise<{ readonly response: RegistryResponse; readonly origin: string }> {
  const { origin, protocol } = new URL(base);
  // An upload URL may already be on another host.
  let url = new URL(path, base);
  for (let redirections = 0; redirections <= MOST_REDIRECTIONS; redirections += 1) {
    if (protocol === 'https:' && url.protocol !== 'https:') break;
    const upload = body === undefined ? undefined : watchUpload(body.content);
    const response = await request(url, {
      method,
      dispatcher,
      headers: {
        ...(accept === undefined ? {} : { accept }),
        ...(authorization === undefined || url.origin !== origin ? {} : { authorization }),
        ...(range === undefined ? {} : { 'content-range': range }),
        ...(body === undefined ? {} : { 'content-type': body.mediaType, 'content-length': String(body.size) }),
      },
      // watchUpload limits the time of an upload.
      ...(upload === undefined ? {} : { body: upload.content, signal: upload.signal, headersTimeout: 0 }),
    }).finally(() => upload?.stop());
    const answer: RegistryResponse = { status: response.statusCode, headers: response.headers, body: response.body };
    const location = headerOf(answer, 'location');
    const redirected = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined;
    if (!redirected || (method !== 'GET' && method !== 'HEAD')) return { response: answer, origin: url.origin };
    await response.body.dump();
    url = new URL(location, url);
  }
  throw new WorkError({
    kind: 'registry-failed',
    title: 'The registry redirects endlessly or to plain HTTP',
    reason: `The redirects for ${what} do not end, or leave TLS.`,
    hint: 'check the proxies between this host and the registry',
  });
}

const MAY_BE_MISSING: ReadonlySet<RegistryRequest['method']> = new Set(['GET', 'HEAD', 'DELETE']);

const codeOf = (error: unknown): string => {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: { readonly code?: unknown } };
  return String(code ?? cause?.code ?? '');
};

/** Turns a connection error into a TransientError (retried) or a WorkError with an explanation. */
function explainFailure(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof WorkError || error instanceof TransientError) return error;
  const code = codeOf(error);
  const unreachable: Failure = {
    kind: 'registry-unreachable',
    title: 'The registry is unreachable',
    reason: `The request to ${what} failed: ${error.message || code}.`,
    hint: 'check the network and the name of the registry',
  };
  if (PASSING_CODES.has(code)) return new TransientError(unreachable, undefined, { cause: error });
  if (CERTIFICATE.test(code)) {
    const hint = `add the certificate authority to NODE_EXTRA_CA_CERTS, or to /etc/docker/certs.d/${what.split('/')[0]}/ca.crt, which Docker also reads`;
    return new WorkError(
      { ...unreachable, kind: 'registry-certificate', title: 'The certificate of the registry is not trusted', hint },
      { cause: error },
    );
  }
  return code === '' ? error : new WorkError(unreachable, { cause: error });
}

/** Explains an error status. 401, 403 and digest errors are not retried. */
function refused(what: string, response: RegistryResponse, message: string): Error {
  const { status } = response;
  const reason = `The registry answered a request to ${what} with ${status}${message === '' ? '' : ` (${message})`}.`;
  if (status === 401 || status === 403) {
    return new WorkError({
      kind: 'registry-denied',
      title: 'The registry denied access',
      reason,
      hint: `log in with an account that has this permission: docker login ${what.split('/')[0]}`,
    });
  }
  if (message.includes('DIGEST_INVALID')) return digestMismatch(`${reason} The upload was changed on the way.`);
  const failed: Failure = {
    kind: 'registry-failed',
    title: 'The registry failed',
    reason,
    hint: 'wait, then run the same command again',
  };
  return PASSING_STATUS.has(status)
    ? new TransientError(failed, retryAfterSeconds(headerOf(response, 'retry-after')))
    : new WorkError(failed);
}

/** The login expired between two requests. It has been renewed, so a retry works. */
const expired = (what: string): TransientError =>
  new TransientError({
    kind: 'registry-denied',
    title: 'The registry denied access',
    reason: `The login for ${what} expired.`,
    hint: `log in again: docker login ${what.split('/')[0]}`,
  });

export const digestMismatch = (reason: string): WorkError =>
  new WorkError({
    kind: 'digest-mismatch',
    title: 'Registry content does not match its digest',
    reason,
    hint: 'find the proxy or cache that changes the content before you try again',
  });

/**
 * Answers the authentication challenge of a registry.
 *
 * Source: https://distribution.github.io/distribution/spec/auth/token/
 * @returns an Authorization header; undefined without a login for this challenge
 */
async function authorize(
  challenge: string,
  credentials: Credentials | undefined,
  base: string,
  what: string,
  dispatcher: Dispatcher,
): Promise<string | undefined> {
  const basic =
    credentials?.kind === 'password'
      ? `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`
      : undefined;
  if (/^basic\b/i.test(challenge)) return basic;
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value]),
  );
  const realm = parameters.get('realm');
  if (!/^bearer\b/i.test(challenge) || realm === undefined) return undefined;
  const url = URL.parse(realm);
  // Never send the login of a TLS registry over plain HTTP.
  if (url === null || (base.startsWith('https:') && url.protocol !== 'https:')) return undefined;
  const service = parameters.get('service');
  if (service !== undefined) url.searchParams.set('service', service);
  const scope = parameters.get('scope');
  // A mount needs two scopes. A query has each of them for itself, a form all of them in one value.
  for (const [index, one] of (scope?.split(' ') ?? []).entries())
    if (index === 0) url.searchParams.set('scope', one);
    else url.searchParams.append('scope', one);
  const form = new URLSearchParams({
    ...Object.fromEntries(url.searchParams),
    ...(scope === undefined ? {} : { scope }),
    grant_type: 'refresh_token',
    client_id: 'openclaw-image',
    refresh_token: credentials?.kind === 'token' ? credentials.token : '',
  });
  // undici follows no redirects, so the login is sent to this host only.
  const { statusCode, headers, body } =
    credentials?.kind === 'token'
      ? await request(new URL(url.pathname, url), {
          method: 'POST',
          dispatcher,
          headers: { 'content-type': 'application/x-www-form-urlencoded' },
          body: form.toString(),
        })
      : await request(url, { dispatcher, headers: basic === undefined ? {} : { authorization: basic } });
  const answer: RegistryResponse = { status: statusCode, headers, body };
  if (statusCode >= 300) throw refused(what, answer, await errorText(answer));
  const { token, access_token: accessToken } = await readObject(answer, `${url.host}, which gives tokens for ${what}`);
  const bearer = token ?? accessToken;
  // A header must be one line.
  return typeof bearer === 'string' && /^[\x21-\x7e]+$/.test(bearer) ? `Bearer ${bearer}` : undefined;
}
