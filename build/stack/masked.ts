import { readDotEnv } from './dot-env.ts';

/** Names of what is secret: tokens, keys, passwords, logins; and of what holds headers and environments of other programs. */
const SECRET_NAME =
  /token|secret|pass(?:w(?:or)?d|phrase)?$|passw|(?:^|[_.-])pwd$|api_?key|(?:^|[_.-])keys?$|[a-z]Keys?$|credential|cookie|bearer|(?:^|[_.-])(?:auth|pat)$|authorization|webhook|session_?key|private|^headers$/i;
/** Numbers and words that are named after a secret and are none. */
const SETTING = /^(?:maxTokens|contextTokens|tokens|authChoice|mode)$/;
/** An option of a command's whose value is the next word. */
const SECRET_OPTION = /^--?[\w-]*(?:token|secret|passw|key|auth)[\w-]*$/i;
/** Shapes of secrets wherever they stand: provider keys, GitHub, Slack, AWS, JSON web tokens, Telegram, long random text. */
const SECRET_SHAPE =
  /\b(?:sk-[\w-]{8,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|xox[abeprs]-[\w-]{8,}|AKIA[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\d{6,}:[\w-]{30,}|[0-9a-fA-F]{32,})\b/g;
/** https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1, and secrets among the parameters. */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^\s"']*@/gi;
/** `user:password@host`, as proxies are written without a scheme. */
const BARE_USER_INFO = /(^|[\s,;=])[^\s:/@,;=]+:[^\s/@]+@(?=[\w.[-])/g;
/** Addresses that are secrets as a whole. */
const SECRET_PATH =
  /(https?:\/\/(?:hooks\.slack\.com|discord(?:app)?\.com\/api\/webhooks|api\.telegram\.org)\/)[^\s"']+/gi;
const PARAMETER = /([?&#;](?:[\w-]*(?:token|key|secret|password|signature|sig|auth)[\w-]*)=)[^&#;\s"']+/gi;

const MASK = '********';

/** A text with what looks secret taken out. @param secrets values that are known to be, wherever they stand */
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
 * `.env` and `openclaw.json` for showing to others: values of secret names, and what is secret in the others.
 *
 * @param dotEnv the file; its comments are left out, because they may hold old secrets
 * @param config `openclaw.json`, read
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

/** OPENCLAW_AUTH_PROFILE_SECRET_DIR names a folder. */
const isSecret = (variable: string): boolean => SECRET_NAME.test(variable) && !/_(?:DIR|FILE|PATH)$/.test(variable);

/** A reference to a secret, which stands elsewhere: `{ source, provider, id }`. */
const isReference = (value: object): boolean =>
  'source' in value && 'id' in value && Object.keys(value).every((key) => ['source', 'provider', 'id'].includes(key));

/** Values of a list are secret where its name is, or where the word before is an option for a secret. */
const isSecretAt = (list: readonly unknown[], index: number): boolean =>
  index > 0 && typeof list[index - 1] === 'string' && SECRET_OPTION.test(String(list[index - 1]));

/** Whether what is in a member is secret; `env` of a program names its own variables. */
const within = (parent: boolean, name: string): boolean => !SETTING.test(name) && (parent || SECRET_NAME.test(name));

/** The values under secret names. */
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
