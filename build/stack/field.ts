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

/**
 * Whether only the gateway can tell a setting of `openclaw.json`: it includes files at any depth, and replaces `${NAME}` in texts.
 *
 * @param path `gateway.trustedProxies`
 */
export function isDefinedElsewhere(config: unknown, path: string): boolean {
  const parts = path.split('.');
  const paths = parts.map((_, index) => parts.slice(0, index + 1).join('.'));
  const value = field(config, path);
  return (
    ['$include', ...paths.map((above) => `${above}.$include`)].some(
      (include) => field(config, include) !== undefined,
    ) ||
    (typeof value === 'string' && value.includes('${'))
  );
}
