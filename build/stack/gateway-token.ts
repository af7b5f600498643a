import { valuesOf } from './dot-env.ts';
import { field } from './gateway-config.ts';
import { isToken } from './stack-variable.ts';

export interface GatewayToken {
  readonly value: string;
  /** The source of an existing token; undefined for a new one. */
  readonly from: 'OPENCLAW_GATEWAY_TOKEN' | 'openclaw.json' | '.env' | undefined;
}

/**
 * Chooses the gateway's token. Source: docs/reference.md, "Setup", step 4.
 *
 * @param given value of the environment variable; empty means not set
 * @param config `openclaw.json`; undefined if there is none
 * @param dotEnv the `.env` file; its last non-empty line counts
 * @param makeToken creates a new token
 */
export function chooseToken(
  given: string | undefined,
  config: unknown,
  dotEnv: string,
  makeToken: () => string,
): GatewayToken {
  if (given !== undefined && given !== '') return { value: given, from: 'OPENCLAW_GATEWAY_TOKEN' };
  const configured = field(config, 'gateway.auth.token');
  const name = referredVariable(configured);
  if (typeof configured === 'string' && name === undefined && isToken(configured.trim()))
    return { value: configured.trim(), from: 'openclaw.json' };
  // Another variable's value, so that the command line sends what the gateway accepts.
  const kept = [name ?? '', 'OPENCLAW_GATEWAY_TOKEN']
    .map((key) => valuesOf(dotEnv, key).findLast((value) => value !== ''))
    .find((value) => value !== undefined);
  return kept === undefined ? { value: makeToken(), from: undefined } : { value: kept, from: '.env' };
}

/** The variable that a setting refers to, as `${NAME}` or as a secret of the environment. */
const referredVariable = (setting: unknown): string | undefined =>
  typeof setting === 'string'
    ? /^\$\{(\w+)\}$/.exec(setting.trim())?.[1]
    : field(setting, 'source') === 'env' && typeof field(setting, 'id') === 'string'
      ? String(field(setting, 'id'))
      : undefined;

/**
 * Describes where people find the token or password that the gateway accepts.
 *
 * @param isGiven whether the user gave a token with this setup, which then replaces another one, but no password
 * @returns `the password: gateway.auth.password in openclaw.json`; undefined for OPENCLAW_GATEWAY_TOKEN
 */
export function otherCredential(config: unknown, dotEnv: string, isGiven = false): string | undefined {
  const mode = field(config, 'gateway.auth.mode');
  const password = field(config, 'gateway.auth.password');
  const configured = field(config, 'gateway.auth.token');
  if (mode === 'password' || (mode === undefined && password !== undefined && configured === undefined))
    return `the password: ${password === undefined ? 'OPENCLAW_GATEWAY_PASSWORD' : 'gateway.auth.password in openclaw.json'}`;
  const name = referredVariable(configured);
  if (isGiven || name === 'OPENCLAW_GATEWAY_TOKEN') return undefined;
  if (name !== undefined)
    return `${name}${valuesOf(dotEnv, name).length > 0 ? ' in .env' : ', to which gateway.auth.token in openclaw.json refers'}`;
  if (typeof configured === 'object' && configured !== null)
    return 'the secret to which gateway.auth.token in openclaw.json refers';
  return typeof configured === 'string' && configured.trim() !== '' && !isToken(configured.trim())
    ? 'gateway.auth.token in openclaw.json'
    : undefined;
}
