import { readDotEnv } from './dot-env.ts';

/** Names of what is secret: tokens, keys, passwords, logins. */
const SECRET_NAME =
  /token|secret|passw(?:or)?d|passphrase|api_?key|(?:^|[_.-])keys?$|[a-z]Keys?$|credential|cookie|bearer|authorization|session_?key|private/i;
/** Parts of a reference to a secret, and of what is named after one, that say nothing. */
const REFERENCE = /^(?:source|provider|id|mode|maxTokens|contextTokens)$/;
/** Shapes of secrets wherever they stand: provider keys, GitHub, Slack, AWS, JSON web tokens, Telegram, long random text. */
const SECRET_SHAPE =
  /\b(?:sk-[\w-]{8,}|gh[pousr]_\w{16,}|github_pat_\w{16,}|xox[abeprs]-[\w-]{8,}|AKIA[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\d{6,}:[\w-]{30,}|[0-9a-fA-F]{32,})\b/g;
/** https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1, and secrets among the parameters. */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]*@/gi;
const PARAMETER = /([?&#;](?:[\w-]*(?:token|key|secret|password|signature|sig|auth)[\w-]*)=)[^&#;\s"']+/gi;

const MASK = '********';

/** A text with what looks secret taken out. @param secrets values that are known to be, wherever they stand */
function maskedText(text: string, secrets: readonly string[]): string {
  const plain = secrets.reduce((left, secret) => left.replaceAll(secret, MASK), text);
  return plain.replace(USER_INFO, `$1${MASK}@`).replace(PARAMETER, `$1${MASK}`).replace(SECRET_SHAPE, MASK);
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

/** The values under secret names. */
function secretsOf(value: unknown, within: boolean): readonly string[] {
  if (typeof value === 'string') return within ? [value] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) =>
    REFERENCE.test(name) ? [] : secretsOf(child, within || (!Array.isArray(value) && SECRET_NAME.test(name))),
  );
}

function masked(value: unknown, within: boolean, secrets: readonly string[]): unknown {
  if (typeof value === 'string') return within && value !== '' ? MASK : maskedText(value, secrets);
  if (typeof value === 'number') return within ? MASK : value;
  if (Array.isArray(value)) return value.map((child) => masked(child, within, secrets));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [
      name,
      masked(child, REFERENCE.test(name) ? false : within || SECRET_NAME.test(name), secrets),
    ]),
  );
}
