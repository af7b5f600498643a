import { valuesOf } from './dot-env.ts';
import { field } from './gateway-config.ts';

export interface GatewayToken {
  readonly value: string;
  /** The source of an existing token; undefined for a new one. */
  readonly from: 'OPENCLAW_GATEWAY_TOKEN' | 'openclaw.json' | '.env' | undefined;
}

/**
 * Chooses the gateway's token. Source: docs/reference.md, "Setup", step 4.
 *
 * @param given value of the environment variable; empty means not set
 * @param config `openclaw.json`; undefined if there is none. A reference to a variable is not a token
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
  // `${NAME}` is a reference to a variable.
  if (typeof configured === 'string' && configured.trim() !== '' && !/^\$\{\w+\}$/.test(configured.trim()))
    return { value: configured.trim(), from: 'openclaw.json' };
  const kept = valuesOf(dotEnv, 'OPENCLAW_GATEWAY_TOKEN').findLast((value) => value !== '');
  return kept === undefined ? { value: makeToken(), from: undefined } : { value: kept, from: '.env' };
}
