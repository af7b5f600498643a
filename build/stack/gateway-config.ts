import { isToken } from './stack-variable.ts';

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

/** Reads the value at a path: `gateway.auth.token`; undefined if it does not exist. */
export function field(config: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, name)
          ? (value as Readonly<Record<string, unknown>>)[name]
          : undefined,
      config,
    );
}

/** The addresses of the Control UI on the host itself. */
const ownOrigins = (port: number): readonly string[] =>
  ['localhost', '127.0.0.1'].map((host) => new URL(`http://${host}:${port}`).origin);

/** The origins that are not ours. Setup writes its own two first, for the current port or an earlier one. */
function withoutOwn(origins: readonly unknown[]): readonly unknown[] {
  const [address, port = 80] = /^http:\/\/localhost(?::(\d+))?$/.exec(String(origins[0])) ?? [];
  return address !== undefined && origins[1] === ownOrigins(Number(port))[1] ? origins.slice(2) : origins;
}

/** Our origins of the former port follow the port, at any place of the list. */
function onPort(origins: readonly unknown[], former: number, port: number): readonly unknown[] {
  const before = ownOrigins(former);
  if (!before.every((origin) => origins.includes(origin))) return origins;
  return origins.map((origin) => ownOrigins(port)[before.indexOf(String(origin))] ?? origin);
}

/** The origins to write: ours, those of the variable, then the others in the list; undefined: none are needed. */
function wantedOrigins(current: unknown, wanted: WantedConfig): readonly unknown[] | undefined {
  const { bind, port, origins = [], former = { port, origins: [] } } = wanted;
  const listed = onPort(Array.isArray(current) ? (current as readonly unknown[]) : [], former.port, port);
  const withoutOurs = withoutOwn(listed);
  const others = withoutOurs.filter((origin) => ![...origins, ...former.origins].includes(String(origin)));
  const present = listed.slice(0, listed.length - withoutOurs.length);
  // A list that does not begin with our addresses is the user's own.
  if (present.length === 0 && others.length > 0) return [...others, ...origins];
  const all = [...(bind === 'loopback' ? present : ownOrigins(port)), ...origins, ...others];
  return all.length === 0 && listed.length === 0 ? undefined : all;
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
  const origins = wantedOrigins(field(config, 'gateway.controlUi.allowedOrigins'), wanted);
  if (origins !== undefined) pin('gateway.controlUi.allowedOrigins', origins);
  const token = field(config, 'gateway.auth.token');
  // Another token in the configuration would reject the one in .env. Write a reference, so that no argument contains the token. A token
  // that is kept elsewhere stays.
  const text = String(token).trim();
  const isKeptElsewhere = typeof token === 'object' || (text !== '' && (/^\$\{\w+\}$/.test(text) || !isToken(text)));
  const isOther = token !== undefined && token !== wanted.token && token !== '${OPENCLAW_GATEWAY_TOKEN}';
  if (isOther && (wanted.tokenGiven === true || !isKeptElsewhere) && field(token, 'id') !== 'OPENCLAW_GATEWAY_TOKEN')
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
