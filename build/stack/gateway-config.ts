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
const ownOrigins = (port: number): readonly string[] => [`http://localhost:${port}`, `http://127.0.0.1:${port}`];

/** Whether setup wrote this list of origins, for the current port or an earlier one. */
const isOwn = (origins: readonly unknown[]): boolean => {
  const port = /^http:\/\/localhost:(\d+)$/.exec(String(origins[0]))?.[1];
  return port !== undefined && JSON.stringify(origins) === JSON.stringify(ownOrigins(Number(port)));
};

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
  const origins = field(config, 'gateway.controlUi.allowedOrigins');
  const set = Array.isArray(origins) && origins.length > 0 && !isOwn(origins);
  if (wanted.bind !== 'loopback' && !set) pin('gateway.controlUi.allowedOrigins', ownOrigins(wanted.port));
  const token = field(config, 'gateway.auth.token');
  // Another token in the configuration would reject the one in .env. Write a reference, so that no argument contains the token.
  if (typeof token === 'string' && token !== wanted.token && token !== '${OPENCLAW_GATEWAY_TOKEN}')
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
