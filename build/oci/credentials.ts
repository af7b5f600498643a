import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { homeFolder } from '../home-folder.ts';
import { WorkError } from '../problem.ts';

/** A login for a registry. Never printed, and never passed in a command line. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** Docker's identity token: an OAuth 2 refresh token. */
  | { readonly kind: 'token'; readonly token: string };

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: string; readonly identitytoken?: string }>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

/** Docker stores the login of Docker Hub under the address of its first API. */
const keyOf = (registry: string): string => (registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry);

/**
 * Reads the login that `docker login` stored: in a credential helper of the registry, in the credential store, or in config.json.
 *
 * Source: https://docs.docker.com/reference/cli/docker/login/#credential-stores
 * @param registry host as in references: `docker.io`, `localhost:5000`
 * @returns undefined without a login
 */
export async function readCredentials(
  registry: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<Credentials | undefined> {
  const folder = environment['DOCKER_CONFIG'] || join(homeFolder(environment), '.docker');
  const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => '{}');
  const { auths, credsStore, credHelpers } = parseSecret<DockerConfig>(text, join(folder, 'config.json'));
  const key = keyOf(registry);
  const helper = credHelpers?.[registry] ?? credHelpers?.[key] ?? credsStore;
  if (helper !== undefined && helper !== '') {
    const login = await askHelper(helper, key, environment);
    if (login !== undefined) return login;
  }
  const kept = auths?.[key] ?? auths?.[`https://${registry}`];
  if (kept?.identitytoken !== undefined && kept.identitytoken !== '')
    return { kind: 'token', token: kept.identitytoken };
  if (kept?.auth === undefined || kept.auth === '') return undefined;
  const [, user = '', password = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(kept.auth, 'base64').toString('utf8')) ?? [];
  return { kind: 'password', user, password };
}

/** Source: https://github.com/docker/docker-credential-helpers, "Development" */
async function askHelper(
  helper: string,
  key: string,
  environment: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  // The name becomes part of a command, so it must be a plain name.
  if (!/^[\w.-]+$/.test(helper)) return undefined;
  const { exitCode, stdout } = await execa(`docker-credential-${helper}`, ['get'], {
    input: key,
    env: environment,
    extendEnv: false,
    reject: false,
  });
  if (exitCode !== 0) return undefined;
  const { Username: user = '', Secret: secret = '' } = parseSecret<{
    readonly Username?: string;
    readonly Secret?: string;
  }>(stdout, `docker-credential-${helper}`);
  return user === '<token>' ? { kind: 'token', token: secret } : { kind: 'password', user, password: secret };
}

/** Parses JSON that contains secrets. The message of JSON.parse would quote them. */
function parseSecret<T>(text: string, source: string): T {
  try {
    const value = JSON.parse(text) as T;
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // The same message as for another value.
  }
  throw new WorkError({
    kind: 'credentials',
    title: "Docker's logins cannot be read",
    reason: `${source} is not a valid JSON object.`,
    hint: 'log in again: docker login REGISTRY',
  });
}
