import { isIPv4 } from 'node:net';
import type { Problem } from '../problem.ts';
import { field, isDefinedElsewhere } from './field.ts';
import {
  authMode,
  type EnvironmentFiles,
  hasPassword,
  listensBeyondLoopback,
  plainPassword,
  writtenSecret,
} from './gateway-token.ts';
import { isPlaceholder, PLACEHOLDER_REASON } from './value-checks.ts';

interface Settings {
  /** OPENCLAW_GATEWAY_BIND, which setup writes to `openclaw.json`. */
  readonly bind: string;
  /** How clients log in; undefined if an included file may say it. */
  readonly mode: string | undefined;
  /** `off`, `serve` or `funnel`. */
  readonly tailscale: string;
  readonly config: unknown;
  readonly files: EnvironmentFiles;
  /** Whether a Compose file of the user's may set more variables. */
  readonly hasOverride: boolean;
  /** Whether the user gave a token with this setup, which replaces one in `openclaw.json`. */
  readonly isTokenGiven: boolean;
}

interface StartRule {
  readonly source: string;
  /** The value that is wrong; undefined if the rule is kept. */
  readonly wrong: (settings: Settings) => string | undefined;
  readonly reason: string | ((settings: Settings) => string);
  readonly hint: string;
}

const TAILSCALE = 'openclaw.json: gateway.tailscale.mode';
const AUTH = 'openclaw.json: gateway.auth.mode';

const when = (applies: boolean, value: unknown): string | undefined => (applies ? String(value ?? '') : undefined);

/** Source: the checks that the gateway makes at its start, in release 2026.9.6. */
const RULES: readonly StartRule[] = [
  {
    source: 'OPENCLAW_GATEWAY_BIND',
    wrong: ({ bind, config }) => {
      const address = field(config, 'gateway.customBindHost');
      const isAddress = typeof address === 'string' && isIPv4(address.trim());
      return when(bind === 'custom' && !isAddress && !isDefinedElsewhere(config, 'gateway.customBindHost'), bind);
    },
    reason: ({ config }) => {
      const address = field(config, 'gateway.customBindHost');
      return `needs an IPv4 address: gateway.customBindHost in openclaw.json is ${address === undefined ? 'not set' : JSON.stringify(address)}`;
    },
    hint: 'set it to an address of the container, such as 0.0.0.0, or use OPENCLAW_GATEWAY_BIND=lan',
  },
  {
    source: TAILSCALE,
    wrong: ({ tailscale, bind, config }) => when(tailscale !== 'off' && listensBeyondLoopback(bind, config), tailscale),
    reason: 'works only if the gateway listens on loopback',
    hint: 'use OPENCLAW_GATEWAY_BIND=loopback, or set gateway.tailscale.mode to off',
  },
  {
    source: TAILSCALE,
    wrong: ({ tailscale, mode, config, hasOverride }) => {
      // Without a mode, a password that is set anywhere decides.
      const isOpen = hasOverride && field(config, 'gateway.auth.mode') === undefined;
      return when(tailscale === 'funnel' && mode !== undefined && mode !== 'password' && !isOpen, tailscale);
    },
    reason: 'shows the gateway to the internet, and needs a password',
    hint: 'set gateway.auth.mode to password and OPENCLAW_GATEWAY_PASSWORD in .env, or gateway.tailscale.mode to off',
  },
  {
    source: TAILSCALE,
    wrong: ({ tailscale, mode }) => when(tailscale === 'serve' && mode === 'none', tailscale),
    reason: 'does not work without a login, and gateway.auth.mode is none',
    hint: 'set gateway.auth.mode to token, or gateway.tailscale.mode to off',
  },
  {
    source: AUTH,
    wrong: ({ mode, config, files, hasOverride }) => {
      const isElsewhere = ['gateway.auth.password', 'gateway.remote.password', 'env.vars'].some((path) =>
        isDefinedElsewhere(config, path),
      );
      const isSet = hasPassword(config, files) || field(config, 'gateway.remote.password') !== undefined;
      return when(mode === 'password' && !hasOverride && !isElsewhere && !isSet, mode);
    },
    reason: 'needs a password, and there is none',
    hint: 'write OPENCLAW_GATEWAY_PASSWORD=… in .env, or set gateway.auth.mode to token',
  },
  {
    source: 'the password of the gateway',
    wrong: ({ mode, config, files, hasOverride }) => {
      const password = plainPassword(config, files);
      const isWrong = mode === 'password' && password !== undefined && isPlaceholder('password', password.trim());
      return when(isWrong && !(hasOverride && writtenSecret(config, 'password').kind === 'none'), password);
    },
    reason: PLACEHOLDER_REASON,
    hint: 'write a password of your own; `openssl rand -hex 32` prints one',
  },
  {
    source: 'openclaw.json: gateway.auth.token',
    wrong: ({ mode, config, isTokenGiven }) => {
      const token = writtenSecret(config, 'token');
      // A given token replaces it.
      return token.kind === 'plain'
        ? when(mode === 'token' && !isTokenGiven && isPlaceholder('token', token.value), token.value)
        : undefined;
    },
    reason: PLACEHOLDER_REASON,
    hint: 'remove it, and setup makes a token',
  },
  {
    source: AUTH,
    wrong: ({ mode, config }) => {
      const header = field(config, 'gateway.auth.trustedProxy.userHeader');
      return when(
        mode === 'trusted-proxy' &&
          !isDefinedElsewhere(config, 'gateway.auth.trustedProxy.userHeader') &&
          !isText(header),
        mode,
      );
    },
    reason: 'needs the header with the name of the user, and gateway.auth.trustedProxy.userHeader is not set',
    hint: 'set it to the header that your proxy sends, such as x-forwarded-user',
  },
  {
    source: AUTH,
    wrong: ({ mode, config }) => {
      const proxies = field(config, 'gateway.trustedProxies');
      return when(
        mode === 'trusted-proxy' &&
          !isDefinedElsewhere(config, 'gateway.trustedProxies') &&
          !(Array.isArray(proxies) && proxies.length > 0),
        mode,
      );
    },
    reason: 'needs the address of your proxy, and gateway.trustedProxies is empty',
    hint: 'list the addresses of the proxy there: ["172.18.0.1"]',
  },
];

const isText = (value: unknown): boolean => typeof value === 'string' && value.trim() !== '';

/**
 * Finds settings with which the gateway does not start, before anything is written.
 *
 * @param config parsed `openclaw.json`; undefined if there is none
 * @param hasOverride whether a Compose file of the user's may set more variables
 * @param givenToken value of the environment variable OPENCLAW_GATEWAY_TOKEN; empty means not set
 */
export function startProblems(
  bind: string,
  config: unknown,
  files: EnvironmentFiles,
  hasOverride: boolean,
  givenToken = '',
): readonly Problem[] {
  const mode = authMode(config, files);
  const setting = field(config, 'gateway.tailscale.mode');
  const tailscale = setting === 'serve' || setting === 'funnel' ? setting : 'off';
  const settings = { bind, mode, tailscale, config, files, hasOverride, isTokenGiven: givenToken !== '' };
  return RULES.flatMap(({ source, wrong, reason, hint }) => {
    const value = wrong(settings);
    return value === undefined
      ? []
      : [{ source, value, reason: typeof reason === 'string' ? reason : reason(settings), hint }];
  });
}
