import { createHash } from 'node:crypto';
import { WorkError } from '../problem.ts';
import { type Credentials, readCredentials } from './credentials.ts';
import type { Reference } from './reference.ts';

/** A repository in a registry. */
export type Repository = Pick<Reference, 'registry' | 'repository'>;

/** An index or a manifest, as the registry has it. */
export interface RegistryDocument {
  /** Of the bytes, computed here. */
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Reads a registry. Source: OCI distribution-spec, "Endpoints". */
export interface RegistryReader {
  /** Names of all tags; none for a repository that is not there. */
  readonly tags: (repository: Repository) => Promise<readonly string[]>;
  /** @returns undefined where there is no such tag */
  readonly document: (repository: Repository, tag: string) => Promise<RegistryDocument | undefined>;
}

const DOCUMENTS = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');
const PAGE = 1000;
const SECONDS = 30;

/** As Docker does: a registry on this host needs no TLS. */
function addressOf(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io';
  return `${/^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?$/.test(registry) ? 'http' : 'https'}://${registry}`;
}

/** @param credentials of a registry; `docker login`'s unless told otherwise */
export function registryReader(
  credentials: (registry: string) => Promise<Credentials | undefined> = readCredentials,
): RegistryReader {
  /** What opened a repository before. */
  const authorizations = new Map<string, string>();

  /** @returns undefined for 404 */
  async function get(
    { registry, repository }: Repository,
    path: string,
    accept: string,
  ): Promise<Response | undefined> {
    const key = `${registry}/${repository}`;
    const url = new URL(path, addressOf(registry));
    let authorization = authorizations.get(key);
    for (let attempt = 0; ; attempt += 1) {
      const response = await ask(
        url,
        { headers: { accept, ...(authorization === undefined ? {} : { authorization }) } },
        key,
      );
      if (response.ok) return response;
      if (response.status === 404) return undefined;
      if (response.status !== 401 || attempt > 0) throw refused(key, response.status);
      const challenge = response.headers.get('www-authenticate') ?? '';
      authorization = await authorize(challenge, await credentials(registry), key);
      if (authorization === undefined) throw refused(key, response.status);
      authorizations.set(key, authorization);
    }
  }

  return {
    tags: async (repository) => {
      const names: string[] = [];
      let path: string | undefined = `/v2/${repository.repository}/tags/list?n=${PAGE}`;
      while (path !== undefined) {
        const response: Response | undefined = await get(repository, path, 'application/json');
        if (response === undefined) break;
        names.push(...(((await response.json()) as { readonly tags: readonly string[] | null }).tags ?? []));
        const next = /<([^>]+)>;\s*rel="?next"?/.exec(response.headers.get('link') ?? '')?.[1];
        // Of another host nothing is asked: the login is this one's.
        const url = next === undefined ? undefined : new URL(next, addressOf(repository.registry));
        path = url === undefined ? undefined : `${url.pathname}${url.search}`;
      }
      return names;
    },
    document: async (repository, tag) => {
      const response = await get(repository, `/v2/${repository.repository}/manifests/${tag}`, DOCUMENTS);
      if (response === undefined) return undefined;
      const bytes = Buffer.from(await response.arrayBuffer());
      const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
      const said = response.headers.get('docker-content-digest');
      if (said?.startsWith('sha256:') === true && said !== digest) {
        throw new WorkError({
          kind: 'digest-mismatch',
          title: 'A registry gave other bytes than it said',
          reason: `${repository.registry}/${repository.repository}:${tag} is said to be ${said}, and what came is ${digest}`,
          wayOut: 'something between here and the registry changes or cuts what passes: look there before trying again',
        });
      }
      const { annotations = {} } = JSON.parse(bytes.toString('utf8')) as {
        readonly annotations?: Readonly<Record<string, string>>;
      };
      return { digest, annotations };
    },
  };
}

async function ask(url: URL, request: RequestInit, what: string): Promise<Response> {
  try {
    return await fetch(url, { ...request, signal: AbortSignal.timeout(SECONDS * 1000) });
  } catch (error) {
    const { cause = error } = error as { readonly cause?: unknown };
    throw new WorkError(
      {
        kind: 'registry-unreachable',
        title: 'A registry cannot be reached',
        reason: `${what} was asked for: ${cause instanceof Error ? cause.message : String(cause)}`,
        wayOut: 'check the network and the name; a private authority is named in NODE_EXTRA_CA_CERTS',
      },
      { cause: error },
    );
  }
}

/**
 * Answers a registry's challenge.
 *
 * Source: https://distribution.github.io/distribution/spec/auth/token/
 * @returns an Authorization header; undefined where there is nothing to answer with
 */
async function authorize(
  challenge: string,
  credentials: Credentials | undefined,
  what: string,
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
  if (url === null || !mayBeTrusted(url, what)) return undefined;
  for (const name of ['service', 'scope']) {
    const value = parameters.get(name);
    if (value !== undefined) url.searchParams.set(name, value);
  }
  const body = new URLSearchParams({
    ...Object.fromEntries(url.searchParams),
    grant_type: 'refresh_token',
    client_id: 'openclaw-image',
    refresh_token: credentials?.kind === 'token' ? credentials.token : '',
  });
  const response =
    credentials?.kind === 'token'
      ? // Not to be sent on to wherever a redirection leads.
        await ask(new URL(url.pathname, url), { method: 'POST', body, redirect: 'error' }, what)
      : await ask(url, basic === undefined ? {} : { headers: { authorization: basic } }, what);
  if (!response.ok) throw refused(what, response.status);
  const { token, access_token: accessToken } = (await response.json()) as {
    readonly token?: string;
    readonly access_token?: string;
  };
  const found = token ?? accessToken;
  return found === undefined ? undefined : `Bearer ${found}`;
}

/** A registry behind TLS must not have its logins sent in clear text. */
const mayBeTrusted = (realm: URL, what: string): boolean =>
  realm.protocol === 'https:' || addressOf(what.split('/')[0] ?? '').startsWith('http://');

const refused = (what: string, status: number): WorkError =>
  new WorkError({
    kind: status === 401 || status === 403 ? 'registry-denied' : 'registry-failed',
    title: 'The registry refused',
    reason: `${what} was asked for, and the answer was ${status}`,
    wayOut:
      status === 401 || status === 403
        ? `log in with an account that may read it: docker login ${what.split('/')[0]}`
        : 'wait and try again; the registry or something before it is in trouble',
  });
