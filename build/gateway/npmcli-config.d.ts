// @npmcli/config has no types. These are the parts that we use.
declare module '@npmcli/config' {
  export default class Config {
    constructor(options: {
      npmPath: string;
      definitions: unknown;
      flatten: unknown;
      shorthands: unknown;
      argv: readonly string[];
      cwd: string;
    });
    load(): Promise<void>;
    readonly flat: Readonly<Record<string, unknown>>;
  }
}
declare module '@npmcli/config/lib/definitions/index.js' {
  const definitions: {
    readonly definitions: unknown;
    readonly flatten: unknown;
    readonly shorthands: unknown;
  };
  export default definitions;
}
