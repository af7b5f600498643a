import { readDotEnv } from './dot-env.ts';

/** Names of secrets: tokens, keys, passwords, logins, and names of values that contain headers or environments. */
const SECRET_NAME =
  /token|secret|pass(?:w(?:or)?d|phrase)?$|passw|(?:^|[_.-])pwd$|api_?key|(?:^|[_.-])keys?$|[a-z]Keys?$|credential|cookie|bearer|(?:^|[_.-])(?:auth|pat)$|authorization|webhook|session_?key|private|^headers$/i;
/** Names that look like secrets, but hold settings. */
const SETTING = /^(?:maxTokens|contextTokens|tokens|authChoice|mode)$/;
/** Command-line options whose next argument is a secret. */
const SECRET_OPTION = /^--?[\w-]*(?:token|secret|passw|key|auth)[\w-]*$/i;
/** Forms of secrets in any value: provider keys, GitHub, Slack, AWS, JSON web tokens, Telegram, long random texts. */
const SECRET_SHAPE =
  /\b(?:sk-[\w-]{8,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|xox[abeprs]-[\w-]{8,}|AKIA[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\d{6,}:[\w-]{30,}|[0-9a-fA-F]{32,})\b/g;
/** User information in URLs. https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1 */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^\s"']*@/gi;
/** `user:password@host` without a scheme, as in proxy settings. */
const BARE_USER_INFO = /(^|[\s,;=])[^\s:/@,;=]+:[^\s/@]+@(?=[\w.[-])/g;
/** Addresses whose path is a secret. */
const SECRET_PATH =
  /(https?:\/\/(?:hooks\.slack\.com|discord(?:app)?\.com\/api\/webhooks|api\.telegram\.org)\/)[^\s"']+/gi;
const PARAMETER = /([?&#;](?:[\w-]*(?:token|key|secret|password|signature|sig|auth)[\w-]*)=)[^&#;\s"']+/gi;

const MASK = '********';

/** Masks everything in a text that looks like a secret. @param secrets known secrets, masked everywhere */
export function maskedText(text: string, secrets: readonly string[]): string {
  const plain = secrets.reduce((left, secret) => left.replaceAll(secret, MASK), text);
  return plain
    .replace(SECRET_PATH, `$1${MASK}`)
    .replace(USER_INFO, `$1${MASK}@`)
    .replace(BARE_USER_INFO, `$1${MASK}@`)
    .replace(PARAMETER, `$1${MASK}`)
    .replace(SECRET_SHAPE, MASK);
}

/**
 * Masks the secrets in `.env` and `openclaw.json`, so that they can be shown to others.
 *
 * @param dotEnv contents of the file; comments are removed, because they may contain old secrets
 * @param config parsed `openclaw.json`
 */
export function maskedConfiguration(
  dotEnv: string,
  config: unknown,
): { readonly dotEnv: string; readonly config: unknown } {
  const variables = [...readDotEnv(dotEnv)];
  const secrets = [
    ...variables.filter(([name]) => isSecret(name)).map(([, value]) => value),
    ...secretsOf(config, false),
  ]
    .filter((secret) => secret.length >= 6)
    .sort((a, b) => b.length - a.length);
  const shown = variables.map(([name, value]) =>
    isSecret(name) && value !== '' ? `${name}=${MASK}` : `${name}=${maskedText(value, secrets)}`,
  );
  return { dotEnv: shown.map((line) => `${line}\n`).join(''), config: masked(config, false, secrets) };
}

/** OPENCLAW_AUTH_PROFILE_SECRET_DIR is the path of a folder, not a secret. */
const isSecret = (variable: string): boolean => SECRET_NAME.test(variable) && !/_(?:DIR|FILE|PATH)$/.test(variable);

/** A reference to a secret that is stored elsewhere: `{ source, provider, id }`. */
const isReference = (value: object): boolean =>
  'source' in value && 'id' in value && Object.keys(value).every((key) => ['source', 'provider', 'id'].includes(key));

/** An element of a list is secret if the element before it is an option for a secret. */
const isSecretAt = (list: readonly unknown[], index: number): boolean =>
  index > 0 && typeof list[index - 1] === 'string' && SECRET_OPTION.test(String(list[index - 1]));

/** Whether the value of a member is secret. */
const within = (parent: boolean, name: string): boolean => !SETTING.test(name) && (parent || SECRET_NAME.test(name));

/** All values with secret names. */
function secretsOf(value: unknown, secret: boolean): readonly string[] {
  if (typeof value === 'string') return secret ? [value] : [];
  if (typeof value !== 'object' || value === null || isReference(value)) return [];
  if (Array.isArray(value))
    return value.flatMap((child, index) => secretsOf(child, secret || isSecretAt(value, index)));
  return Object.entries(value).flatMap(([name, child]) => secretsOf(child, within(secret, name)));
}

function masked(value: unknown, secret: boolean, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return secret && value !== '' ? MASK : maskedText(value, secrets);
  if (typeof value === 'number') return secret ? MASK : value;
  if (typeof value !== 'object' || value === null || isReference(value)) return value;
  if (Array.isArray(value))
    return value.map((child, index) => masked(child, secret || isSecretAt(value, index), secrets));
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, masked(child, within(secret, name), secrets)]),
  );
}
