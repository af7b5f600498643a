import { readFile } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';
import { type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { WorkError } from '../problem.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import type { Repository } from './reference.ts';
import { registryCertificates } from './registry-certificates.ts';
import { type Patience, retryAfterSeconds, retrying, TransientError } from './retry.ts';

export interface RegistryRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** Below the registry's address, or what a `Location` named. */
  readonly path: string;
  readonly accept?: string;
  readonly body?: { readonly content: Readable | Buffer; readonly size: number; readonly mediaType: string };
}

export interface RegistryResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Dispatcher.ResponseData['body'];
}

/** Speaks to the registry of a repository: TLS, logins, retries. Knows nothing of images. */
export interface RegistryConnection {
  /**
   * Asks once.
   *
   * @returns undefined for 404 where something was asked for
   */
  readonly send: (request: RegistryRequest) => Promise<RegistryResponse | undefined>;
  /**
   * Does something that asks, and does it again, from its beginning, where it failed of what may pass.
   *
   * @throws WorkError that explains what the registry, or the way to it, refused
   */
  readonly patiently: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface ConnectionOptions {
  /** Of a registry; `docker login`'s unless told otherwise. */
  readonly credentials?: (registry: string) => Promise<Credentials | undefined>;
  readonly patience: Patience;
}

const SECONDS_WITHOUT_A_WORD = 30;
const MOST_REDIRECTIONS = 5;

/** Overload and trouble pass. Source: RFC 9110, section 15; distribution-spec, "TOOMANYREQUESTS". */
const PASSING_STATUS: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);
const PASSING_CODES: ReadonlySet<string> = new Set([
  ...['ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'],
  ...['UND_ERR_SOCKET', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'],
  // A body that ended before its length.
  ...['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'HPE_INVALID_EOF_STATE'],
]);
const NOT_TLS = /^(?:EPROTO|ERR_SSL_WRONG_VERSION_NUMBER|ERR_SSL_PACKET_LENGTH_TOO_LONG|ERR_SSL_HTTP_REQUEST)$/;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

const isLocal = (registry: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(registry);

/** @returns connections that share what they know of registries: TLS, tokens */
export function connectRegistries(options: ConnectionOptions): (repository: Repository) => RegistryConnection {
  const { credentials = readCredentials, patience } = options;
  const agents = new Map<string, Promise<Dispatcher>>();
  const bases = new Map<string, string>();
  /** What opened a repository before, for reading or for writing. */
  const authorizations = new Map<string, string>();

  const agentOf = (registry: string): Promise<Dispatcher> => {
    const known = agents.get(registry) ?? makeAgent(registry);
    agents.set(registry, known);
    return known;
  };

  /** As Docker does: a registry on this host may speak without TLS. */
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
      // Whoever keeps the blobs of a registry has no claim on its login.
      const challenge = origin === new URL(base).origin ? (headerOf(response, 'www-authenticate') ?? '') : '';
      const said = await errorText(response);
      if (response.status === 404 && sent.method !== 'PUT' && sent.method !== 'POST') return undefined;
      if (response.status !== 401 || attempt > 0) throw refused(what, response, said);
      const authorization = await authorize(challenge, await credentials(registry), base, what, dispatcher);
      if (authorization === undefined) throw refused(what, response, said);
      authorizations.set(key, authorization);
      // What was sent is gone: the next attempt opens it afresh.
      if (sent.body !== undefined && !Buffer.isBuffer(sent.body.content)) throw expired(what);
    }
  }

  return (repository) => ({
    send: (sent) => once(repository, sent),
    patiently: (work) =>
      retrying(patience, async () => {
        try {
          return await work();
        } catch (error) {
          throw explainFailure(error, `${repository.registry}/${repository.repository}`);
        }
      }),
  });
}

/** With the proxies of the environment, and the authorities that this host and Docker know for that registry. */
async function makeAgent(registry: string): Promise<Dispatcher> {
  const own = await Promise.all((await registryCertificates(registry)).map((path) => readFile(path, 'utf8')));
  const tls = own.length === 0 ? {} : { ca: [...getCACertificates('default'), ...own] };
  return new EnvHttpProxyAgent({
    connect: { ...tls, timeout: SECONDS_WITHOUT_A_WORD * 1000 },
    requestTls: tls,
    headersTimeout: SECONDS_WITHOUT_A_WORD * 1000,
    bodyTimeout: SECONDS_WITHOUT_A_WORD * 1000,
    // A registry closes what is idle; a request on such a connection is lost.
    keepAliveTimeout: 4000,
  });
}

/** Blobs may be kept elsewhere; whoever is elsewhere does not get the login. */
async function follow(
  base: string,
  { method, path, accept, body }: RegistryRequest,
  authorization: string | undefined,
  dispatcher: Dispatcher,
  what: string,
): Promise<{ readonly response: RegistryResponse; readonly origin: string }> {
  const { origin, protocol } = new URL(base);
  // May be of another host already: an upload goes where the registry says.
  let url = new URL(path, base);
  for (let redirections = 0; redirections <= MOST_REDIRECTIONS; redirections += 1) {
    if (protocol === 'https:' && url.protocol !== 'https:') break;
    const response = await request(url, {
      method,
      dispatcher,
      headers: {
        ...(accept === undefined ? {} : { accept }),
        ...(authorization === undefined || url.origin !== origin ? {} : { authorization }),
        ...(body === undefined ? {} : { 'content-type': body.mediaType, 'content-length': String(body.size) }),
      },
      ...(body === undefined ? {} : { body: body.content }),
    });
    const answer: RegistryResponse = { status: response.statusCode, headers: response.headers, body: response.body };
    const location = headerOf(answer, 'location');
    const redirected = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined;
    if (!redirected || (method !== 'GET' && method !== 'HEAD')) return { response: answer, origin: url.origin };
    await response.body.dump();
    url = new URL(location, url);
  }
  throw new WorkError({
    kind: 'registry-failed',
    title: 'The registry leads nowhere',
    reason: `${what} was asked for, and its redirections do not end, or leave TLS`,
    wayOut: 'look at what stands between here and the registry',
  });
}

export function headerOf({ headers }: Pick<RegistryResponse, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** What a registry says of an error, short. Source: distribution-spec, "Error Codes". */
async function errorText({ body }: RegistryResponse): Promise<string> {
  const text = await body.text().catch(() => '');
  try {
    const { errors = [] } = JSON.parse(text) as {
      readonly errors?: readonly { readonly code?: string; readonly message?: string }[];
    };
    return errors.map(({ code = '', message = '' }) => `${code} ${message}`.trim()).join('; ');
  } catch {
    return text.split('\n')[0]?.slice(0, 200) ?? '';
  }
}

const codeOf = (error: unknown): string => {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: { readonly code?: unknown } };
  return String(code ?? cause?.code ?? '');
};

/** An error of the way there, as one that is tried again or one that is explained. */
function explainFailure(error: unknown, what: string): unknown {
  if (!(error instanceof Error) || error instanceof WorkError || error instanceof TransientError) return error;
  const code = codeOf(error);
  const unreachable = {
    kind: 'registry-unreachable',
    title: 'A registry cannot be reached',
    reason: `${what} was asked for: ${error.message || code}`,
    wayOut: 'check the network and the name',
  };
  if (PASSING_CODES.has(code)) return new TransientError(unreachable, undefined, { cause: error });
  if (CERTIFICATE.test(code)) {
    const wayOut = `name its authority: in NODE_EXTRA_CA_CERTS, or in /etc/docker/certs.d/${what.split('/')[0]}/ca.crt, where Docker looks too`;
    return new WorkError(
      { ...unreachable, kind: 'registry-certificate', title: 'A registry is not trusted', wayOut },
      { cause: error },
    );
  }
  return code === '' ? error : new WorkError(unreachable, { cause: error });
}

/** 401, 403 and bytes that are not what they should be are explained, and not tried again. */
function refused(what: string, response: RegistryResponse, said: string): Error {
  const { status } = response;
  const reason = `${what} was asked for, and the answer was ${status}${said === '' ? '' : ` (${said})`}`;
  if (status === 401 || status === 403) {
    return new WorkError({
      kind: 'registry-denied',
      title: 'The registry refused',
      reason,
      wayOut: `log in with an account that may do this: docker login ${what.split('/')[0]}`,
    });
  }
  if (said.includes('DIGEST_INVALID')) return digestMismatch(`${reason}: other bytes arrived than were sent`);
  const failed = {
    kind: 'registry-failed',
    title: 'The registry failed',
    reason,
    wayOut: 'wait and run the same command again; the registry or something before it is in trouble',
  };
  return PASSING_STATUS.has(status)
    ? new TransientError(failed, retryAfterSeconds(headerOf(response, 'retry-after')))
    : new WorkError(failed);
}

/** A login ended between two requests; a new one is there. */
const expired = (what: string): TransientError =>
  new TransientError({
    kind: 'registry-denied',
    title: 'The registry refused',
    reason: `${what}: the login ended on the way`,
    wayOut: `log in again: docker login ${what.split('/')[0]}`,
  });

export const digestMismatch = (reason: string): WorkError =>
  new WorkError({
    kind: 'digest-mismatch',
    title: 'A registry gave other bytes than it said',
    reason,
    wayOut: 'something between here and the registry changes or cuts what passes: look there before trying again',
  });

/**
 * Answers a registry's challenge.
 *
 * Source: https://distribution.github.io/distribution/spec/auth/token/
 * @returns an Authorization header; undefined where there is nothing to answer with
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
  // A registry behind TLS must not have its logins sent in clear text.
  if (url === null || (base.startsWith('https:') && url.protocol !== 'https:')) return undefined;
  for (const name of ['service', 'scope']) {
    const value = parameters.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const form = new URLSearchParams({
    ...Object.fromEntries(url.searchParams),
    grant_type: 'refresh_token',
    client_id: 'openclaw-image',
    refresh_token: credentials?.kind === 'token' ? credentials.token : '',
  });
  // Neither is sent on to wherever a redirection leads: undici follows none.
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
  const { token, access_token: accessToken } = (await body.json()) as {
    readonly token?: string;
    readonly access_token?: string;
  };
  const found = token ?? accessToken;
  return found === undefined ? undefined : `Bearer ${found}`;
}
