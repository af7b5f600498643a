import { readDotEnv, valuesOf } from './dot-env.ts';
import { field, isDefinedElsewhere } from './field.ts';
import { isToken } from './value-checks.ts';

export interface GatewayToken {
  readonly value: string;
  /** The source of an existing token; undefined for a new one. */
  readonly from: 'OPENCLAW_GATEWAY_TOKEN' | 'openclaw.json' | '.env' | 'the .env beside openclaw.json' | undefined;
}

/** Files with variables of the gateway. */
export interface EnvironmentFiles {
  /** `.env` of the project, which all containers get. */
  readonly dotEnv: string;
  /** `.env` in the configuration folder, which the gateway reads itself: only what its environment does not have. */
  readonly besideConfig?: string;
  /** Whether the user's Compose files set OPENCLAW_GATEWAY_PASSWORD. */
  readonly hasComposePassword?: boolean;
}

/** How a secret is written in `openclaw.json`. */
export type WrittenSecret =
  | { readonly kind: 'none' }
  | { readonly kind: 'plain'; readonly value: string }
  | { readonly kind: 'variable'; readonly name: string }
  /** In a file, a program, an included file, or as a part of a text. */
  | { readonly kind: 'elsewhere' };

const VARIABLE =
  /^(?:\$\{([A-Z][A-Z0-9_]*)\}|\$([A-Z][A-Z0-9_]*)|secretref-env:([A-Z][A-Z0-9_]*)|__env__:([A-Z][A-Z0-9_]*))$/;

/**
 * Tells how a secret of `gateway.auth` is written. Source: the gateway's own parser, which takes `${NAME}`, `$NAME` and objects with a
 * source, and replaces `${NAME}` inside of texts. It still migrates `secretref-env:NAME` and `__env__:NAME`.
 */
export function writtenSecret(config: unknown, name: 'token' | 'password'): WrittenSecret {
  const setting = field(config, `gateway.auth.${name}`);
  if (setting === undefined || setting === null)
    return isDefinedElsewhere(config, 'gateway.auth') ? { kind: 'elsewhere' } : { kind: 'none' };
  if (typeof setting !== 'string') {
    const id = field(setting, 'id');
    return field(setting, 'source') === 'env' && typeof id === 'string'
      ? { kind: 'variable', name: id }
      : { kind: 'elsewhere' };
  }
  const text = setting.trim();
  if (text === '') return { kind: 'none' };
  const [variable] = (VARIABLE.exec(text) ?? []).slice(1).filter((part) => part !== undefined);
  if (variable !== undefined) return { kind: 'variable', name: variable };
  return /\$\{\w+\}/.test(text) ? { kind: 'elsewhere' } : { kind: 'plain', value: text };
}

/** Whether a secret is in `openclaw.json` itself, in any form. */
const isWritten = (config: unknown, name: 'token' | 'password'): boolean =>
  writtenSecret(config, name).kind !== 'none' && field(config, `gateway.auth.${name}`) !== undefined;

const PASSWORD = 'OPENCLAW_GATEWAY_PASSWORD';

/**
 * A variable that `openclaw.json` sets. It counts only where the environment and both files have none. Source: the gateway's own reader,
 * in which `env.NAME` replaces `env.vars.NAME`, and values with a reference such as `${NAME}` do not count.
 */
function variableInConfig(config: unknown, name: string): string | undefined {
  const values = [`env.${name}`, `env.vars.${name}`].map((path) => field(config, path));
  return values.find(
    (value): value is string => typeof value === 'string' && value.trim() !== '' && !/\$\{\w+\}/.test(value),
  );
}

/** Whether a proxy logs people in. Then the gateway does not start if it has a token. */
export const usesProxyLogin = (config: unknown): boolean => field(config, 'gateway.auth.mode') === 'trusted-proxy';

/** The last non-empty value of a variable. */
const valueIn = (text: string, name: string): string | undefined =>
  valuesOf(text, name).findLast((value) => value !== '');

/**
 * Chooses the gateway's token. Source: docs/reference.md, "Setup", step 4.
 *
 * @param given value of the environment variable; empty means not set
 * @param config `openclaw.json`; undefined if there is none
 * @param makeToken creates a new token
 */
export function chooseToken(
  given: string | undefined,
  config: unknown,
  { dotEnv, besideConfig = '' }: EnvironmentFiles,
  makeToken: () => string,
): GatewayToken {
  if (given !== undefined && given !== '') return { value: given, from: 'OPENCLAW_GATEWAY_TOKEN' };
  const written = writtenSecret(config, 'token');
  if (written.kind === 'plain' && isToken(written.value)) return { value: written.value, from: 'openclaw.json' };
  // Another variable's value, so that the command line sends what the gateway accepts.
  const names = [...(written.kind === 'variable' ? [written.name] : []), 'OPENCLAW_GATEWAY_TOKEN'];
  for (const name of names) {
    // The gateway accepts any text in another variable. Setup writes it into .env only if it is a token.
    const isKept = (value: string | undefined): value is string =>
      value !== undefined && (name === 'OPENCLAW_GATEWAY_TOKEN' || isToken(value));
    const kept = valueIn(dotEnv, name);
    if (isKept(kept)) return { value: kept, from: '.env' };
    const beside = valueIn(besideConfig, name);
    if (isKept(beside)) return { value: beside, from: 'the .env beside openclaw.json' };
    const inConfig = variableInConfig(config, name);
    if (inConfig !== undefined && isToken(inConfig.trim())) return { value: inConfig.trim(), from: 'openclaw.json' };
  }
  // gateway.remote.token does not count: it is the login for another gateway, whose owner could then log in here.
  return { value: makeToken(), from: undefined };
}

/**
 * How clients log in. Source: the gateway's own choice: `gateway.auth.mode`, else a password if there is one, else a token.
 *
 * @returns undefined if an included file or a variable may say it
 */
export function authMode(config: unknown, files: EnvironmentFiles): string | undefined {
  const mode = field(config, 'gateway.auth.mode');
  if (typeof mode === 'string') return mode.includes('${') ? undefined : mode;
  if (hasPassword(config, files)) return 'password';
  return ['gateway.auth', 'env.vars'].some((path) => isDefinedElsewhere(config, path)) ? undefined : 'token';
}

/** Whether a password is in `openclaw.json` or in a variable. */
export const hasPassword = (config: unknown, files: EnvironmentFiles): boolean =>
  isWritten(config, 'password') ||
  passwordInVariables(config, files) !== undefined ||
  files.hasComposePassword === true;

/** The password in the first place that has one; undefined if none has it, or if only the gateway can resolve it. */
export function plainPassword(config: unknown, files: EnvironmentFiles): string | undefined {
  const written = writtenSecret(config, 'password');
  if (written.kind === 'plain') return written.value;
  return written.kind === 'none' ? passwordInVariables(config, files) : undefined;
}

const passwordInVariables = (config: unknown, { dotEnv, besideConfig = '' }: EnvironmentFiles): string | undefined =>
  valueIn(dotEnv, PASSWORD) ?? valueIn(besideConfig, PASSWORD) ?? variableInConfig(config, PASSWORD);

/**
 * Describes where people find the token or password that the gateway accepts.
 *
 * @param isGiven whether the user gave a token with this setup, which then replaces another one, but no password
 * @returns `the password: gateway.auth.password in openclaw.json`; undefined for OPENCLAW_GATEWAY_TOKEN
 */
export function otherCredential(config: unknown, files: EnvironmentFiles, isGiven = false): string | undefined {
  const mode = authMode(config, files);
  if (mode === 'trusted-proxy') return 'no token: your proxy logs people in (gateway.auth.mode is trusted-proxy)';
  if (mode === 'none') return 'no token: everybody who can connect is logged in (gateway.auth.mode is none)';
  if (mode === 'password') return `the password: ${passwordPlace(config, files)}`;
  if (isGiven) return undefined;
  const token = writtenSecret(config, 'token');
  switch (token.kind) {
    case 'none':
      return undefined;
    case 'plain':
      return isToken(token.value) ? undefined : 'gateway.auth.token in openclaw.json';
    case 'variable':
      return token.name === 'OPENCLAW_GATEWAY_TOKEN' ? undefined : placeOf(token.name, files, 'gateway.auth.token');
    case 'elsewhere':
      if (isWritten(config, 'token')) return 'the secret to which gateway.auth.token in openclaw.json refers';
      return field(config, 'gateway.auth.$include') === undefined
        ? 'OPENCLAW_GATEWAY_TOKEN in .env, unless a file that openclaw.json includes has another secret'
        : 'the secret in the file that openclaw.json includes';
  }
}

function passwordPlace(config: unknown, files: EnvironmentFiles): string {
  const password = writtenSecret(config, 'password');
  if (password.kind === 'variable') return placeOf(password.name, files, 'gateway.auth.password');
  if (password.kind !== 'none') return 'gateway.auth.password in openclaw.json';
  if (files.hasComposePassword === true) return `${PASSWORD} of your Compose files`;
  if (fileOf(PASSWORD, files) !== undefined) return placeOf(PASSWORD, files, '');
  return variableInConfig(config, PASSWORD) === undefined ? PASSWORD : `${PASSWORD} in openclaw.json`;
}

/** The file that has a variable, in the order in which they count. */
const fileOf = (name: string, { dotEnv, besideConfig = '' }: EnvironmentFiles): string | undefined => {
  if (valueIn(dotEnv, name) !== undefined) return '.env';
  return valueIn(besideConfig, name) === undefined ? undefined : 'the .env beside openclaw.json';
};

function placeOf(name: string, files: EnvironmentFiles, setting: string): string {
  const file = fileOf(name, files);
  return file === undefined ? `${name}, to which ${setting} in openclaw.json refers` : `${name} in ${file}`;
}

/**
 * Whether the gateway listens for other hosts. `custom` may be an address of the container itself, and so is `tailnet` in a container
 * without Tailscale.
 */
export const listensBeyondLoopback = (bind: string, config: unknown): boolean =>
  bind !== 'loopback' &&
  bind !== 'tailnet' &&
  !(bind === 'custom' && /^127\./.test(String(field(config, ADDRESS)).trim())) &&
  !(bind === 'custom' && isDefinedElsewhere(config, ADDRESS));

const ADDRESS = 'gateway.customBindHost';

/**
 * Finds logins with which the gateway does not start, before anything is written.
 *
 * @param bind OPENCLAW_GATEWAY_BIND
 * @param given value of the environment variable OPENCLAW_GATEWAY_TOKEN; empty means not set
 */
export function loginProblem(
  config: unknown,
  { dotEnv, besideConfig = '' }: EnvironmentFiles,
  bind: string,
  given = '',
): { readonly value: string; readonly reason: string; readonly hint: string } | undefined {
  const mode = field(config, 'gateway.auth.mode');
  if (mode === 'none' && listensBeyondLoopback(bind, config)) {
    const reason = 'lets anybody in, and the gateway refuses to listen for other hosts';
    return { value: 'none', reason, hint: 'set it to token, or use OPENCLAW_GATEWAY_BIND=loopback' };
  }
  if (usesProxyLogin(config)) {
    const places = [
      ...(given === '' ? [] : ['OPENCLAW_GATEWAY_TOKEN is given']),
      ...(isWritten(config, 'token') ? ['gateway.auth.token is set'] : []),
      ...(valueIn(besideConfig, 'OPENCLAW_GATEWAY_TOKEN') === undefined
        ? []
        : ['the .env beside openclaw.json has one']),
      ...(variableInConfig(config, 'OPENCLAW_GATEWAY_TOKEN') === undefined ? [] : ['env in openclaw.json has one']),
    ];
    const reason = `does not work with a token, and ${places.join(', ')}`;
    return places.length === 0 ? undefined : { value: 'trusted-proxy', reason, hint: 'remove that token' };
  }
  if (
    mode === undefined &&
    isWritten(config, 'token') &&
    isWritten(config, 'password') &&
    !isDefinedElsewhere(config, 'gateway.auth')
  ) {
    const reason = 'is not set, but both a token and a password are, so the gateway does not start';
    return { value: '', reason, hint: 'set gateway.auth.mode to token or password' };
  }
  const token = writtenSecret(config, 'token');
  const needed = token.kind === 'variable' ? token.name : undefined;
  // The gateway does not start with an empty variable. Other files or the Compose override may set one that .env does not have.
  if (needed !== undefined && needed !== 'OPENCLAW_GATEWAY_TOKEN' && readDotEnv(dotEnv).get(needed) === '') {
    const reason = `refers to ${needed}, which is empty in .env`;
    return { value: `\${${needed}}`, reason, hint: `write its value in .env: ${needed}=…` };
  }
  return undefined;
}
