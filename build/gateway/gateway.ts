/** A folder of `/app/node_modules` that is large enough to be a layer of its own. */
export interface LargeDependency {
  /** Package name, as the folder below node_modules is called: `@scope/name`. */
  readonly name: string;
  /** Bytes of its tarballs, with what is nested below it. */
  readonly size: number;
}

/** A plugin that is baked beside those the gateway's package brings. */
export interface BakedPlugin {
  readonly id: string;
  /** `@openclaw/slack`. */
  readonly packageName: string;
  readonly version: string;
  /** Subresource Integrity, as npm gives it: `sha512-…`. */
  readonly integrity: string;
}

/** What goes into `/app`: read from an npm package once, so that everything after works on facts. */
export interface Gateway {
  readonly version: string;
  /** `openclaw@2026.9.6`, or the file's name. */
  readonly origin: string;
  readonly integrity: string;
  /** `engines.node` of the package; `*` where it has none. */
  readonly nodeRange: string;
  readonly description: string;
  readonly license: string;
  readonly homepage: string;
  readonly repository: string;
  /** Git commit, 40 hexadecimal digits, from the package's own build record. */
  readonly revision: string;
  /** Ids of the plugins in the package (`dist/extensions/<id>/openclaw.plugin.json`). */
  readonly bundledPlugins: readonly string[];
  /** Plugin id → npm package, from the catalogues in the package. */
  readonly pluginCatalog: Readonly<Record<string, string>>;
  /** Names of the gateway's own install scripts, in the order in which npm runs them. */
  readonly installScripts: readonly string[];
  /** Dependencies whose install scripts the gateway allows. */
  readonly allowedScripts: readonly string[];
  /** Largest first. */
  readonly largeDependencies: readonly LargeDependency[];
  /** Folder with package.tgz: the build context `gateway`. */
  readonly context: string;
  /** Folder with package.json and package-lock.json: the build context `gateway-dependencies`. */
  readonly dependencies: string;
}
