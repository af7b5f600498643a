import { valuesOf } from './dot-env.ts';
import { field } from './gateway-config.ts';

export interface GatewayToken {
  readonly value: string;
  /** Where it came from; undefined: it is new. */
  readonly from: 'OPENCLAW_GATEWAY_TOKEN' | 'openclaw.json' | '.env' | undefined;
}

/**
 * Which token the gateway gets: section 6 of the reference, step 4.
 *
 * @param given what the environment says; empty is not set
 * @param config `openclaw.json`; undefined for none. A reference to a variable is no token of its own
 * @param dotEnv the `.env` file, whose last line that is not empty counts
 * @param makeToken for a new one
 */
export function chooseToken(
  given: string | undefined,
  config: unknown,
  dotEnv: string,
  makeToken: () => string,
): GatewayToken {
  if (given !== undefined && given !== '') return { value: given, from: 'OPENCLAW_GATEWAY_TOKEN' };
  const configured = field(config, 'gateway.auth.token');
  // `${NAME}` is how the configuration refers to a variable.
  if (typeof configured === 'string' && configured.trim() !== '' && !/^\$\{\w+\}$/.test(configured.trim()))
    return { value: configured.trim(), from: 'openclaw.json' };
  const kept = valuesOf(dotEnv, 'OPENCLAW_GATEWAY_TOKEN').findLast((value) => value !== '');
  return kept === undefined ? { value: makeToken(), from: undefined } : { value: kept, from: '.env' };
}
