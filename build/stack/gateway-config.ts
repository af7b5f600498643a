import { field } from './field.ts';
import { writtenSecret } from './gateway-token.ts';
import { isToken } from './value-checks.ts';

/** One write of `openclaw config set --batch-json`. */
export type ConfigWrite =
  | { readonly path: string; readonly value: unknown }
  | {
      readonly path: string;
      readonly ref: { readonly source: 'env'; readonly provider: 'default'; readonly id: string };
    };

/** The settings that setup writes to `openclaw.json`. */
export interface WantedConfig {
  readonly bind: string;
  /** Port on the host. */
  readonly port: number;
  readonly token: string;
  /** Origins of the user's, in addition to those of the host itself. */
  readonly origins?: readonly string[];
  /** Port and origins of an earlier setup, which wrote them. */
  readonly former?: { readonly port: number; readonly origins: readonly string[] };
  /** Whether the user gave the token with this setup: then it replaces one that is kept elsewhere. */
  readonly tokenGiven?: boolean;
  /** Undefined: the user never set OPENCLAW_SANDBOX, so the current setting stays. */
  readonly sandbox: 'on' | 'off' | undefined;
}

export type Scheme = 'http' | 'https';

/** The addresses of the Control UI on the host itself. */
const ownOrigins = (port: number, scheme: Scheme): readonly string[] =>
  ['localhost', '127.0.0.1'].map((host) => new URL(`${scheme}://${host}:${port}`).origin);

/** How the gateway serves its port: https if it has a certificate. */
export const schemeOf = (config: unknown): Scheme => (field(config, 'gateway.tls.enabled') === true ? 'https' : 'http');

/** The origins that are not ours. Setup writes its own two first, for the current port or an earlier one. */
function withoutOwn(origins: readonly unknown[]): readonly unknown[] {
  const [address, scheme, port = scheme === 'https' ? 443 : 80] =
    /^(https?):\/\/localhost(?::(\d+))?$/.exec(String(origins[0])) ?? [];
  return address !== undefined && Number(port) < 65_536 && origins[1] === ownOrigins(Number(port), scheme as Scheme)[1]
    ? origins.slice(2)
    : origins;
}

/** Our origins of the former port follow port and scheme, at any place of the list, also if only one of them is left. */
function following(origins: readonly unknown[], former: number, now: readonly string[]): readonly unknown[] {
  const before = new Map(
    (['http', 'https'] as const).flatMap((scheme) =>
      ownOrigins(former, scheme).map((origin, index) => [origin, now[index]] as const),
    ),
  );
  return [...new Set(origins.map((origin) => before.get(String(origin)) ?? origin))];
}

/** The origins to write: ours, those of the variable, then the others in the list; undefined: none are needed. */
function wantedOrigins(config: unknown, wanted: WantedConfig): readonly unknown[] | undefined {
  const { bind, port, origins = [], former = { port, origins: [] } } = wanted;
  const current = field(config, 'gateway.controlUi.allowedOrigins');
  const own = ownOrigins(port, schemeOf(config));
  const listed = following(Array.isArray(current) ? (current as readonly unknown[]) : [], former.port, own);
  const withoutOurs = withoutOwn(listed);
  const others = withoutOurs.filter((origin) => ![...origins, ...former.origins].includes(String(origin)));
  const present = listed.slice(0, listed.length - withoutOurs.length);
  // A list that does not begin with our addresses is the user's own.
  if (present.length === 0 && others.length > 0) return [...others, ...origins];
  const all = [...(bind === 'loopback' ? present : own), ...origins, ...others];
  return all.length === 0 && listed.length === 0 ? undefined : all;
}

/**
 * Whether the configuration has another token, which would reject the one in .env. Then setup writes a reference, so that no argument
 * contains the token. A token that is kept elsewhere stays, unless the user has given another one.
 */
function isOtherToken(config: unknown, { token, tokenGiven = false }: WantedConfig): boolean {
  const written = writtenSecret(config, 'token');
  switch (written.kind) {
    case 'none':
      // A reference instead of an empty token; but beside a password, the gateway would not know which of both counts.
      return field(config, 'gateway.auth.token') !== undefined && writtenSecret(config, 'password').kind === 'none';
    case 'plain':
      return written.value !== token && (tokenGiven || isToken(written.value));
    case 'variable':
      return written.name !== 'OPENCLAW_GATEWAY_TOKEN' && tokenGiven;
    case 'elsewhere':
      return tokenGiven;
  }
}

/**
 * The writes that bring the configuration to the required settings; empty if it has them.
 * Source: docs/reference.md, "Setup", steps 10 and 11.
 */
export function configWrites(config: unknown, wanted: WantedConfig): readonly ConfigWrite[] {
  const writes: ConfigWrite[] = [];
  const pin = (path: string, value: unknown): void => {
    if (JSON.stringify(field(config, path)) !== JSON.stringify(value)) writes.push({ path, value });
  };
  pin('gateway.mode', 'local');
  pin('gateway.bind', wanted.bind);
  const origins = wantedOrigins(config, wanted);
  if (origins !== undefined) pin('gateway.controlUi.allowedOrigins', origins);
  if (isOtherToken(config, wanted))
    writes.push({
      path: 'gateway.auth.token',
      ref: { source: 'env', provider: 'default', id: 'OPENCLAW_GATEWAY_TOKEN' },
    });
  const mode = field(config, 'agents.defaults.sandbox.mode');
  if (wanted.sandbox === 'off' && mode !== undefined) pin('agents.defaults.sandbox.mode', 'off');
  if (wanted.sandbox === 'on' && (mode === undefined || mode === 'off'))
    writes.push(
      { path: 'agents.defaults.sandbox.mode', value: 'non-main' },
      ...(field(config, 'agents.defaults.sandbox.scope') === undefined
        ? [{ path: 'agents.defaults.sandbox.scope', value: 'agent' }]
        : []),
    );
  return writes;
}
