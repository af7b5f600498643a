import type { DependencyLayer } from './dependency-layers.ts';

/** A plugin that is baked beside those the gateway's package brings. */
export interface BakedPlugin {
  readonly id: string;
  /** `@openclaw/slack`. */
  readonly packageName: string;
  readonly version: string;
  /** Subresource Integrity, as npm gives it: `sha512-…`. */
  readonly integrity: string;
}

/** What every gateway says of itself, wherever it comes from. */
interface GatewayFacts {
  readonly version: string;
  /** `openclaw@2026.9.6`, the file's name, or the checkout's folder. */
  readonly origin: string;
  /** `engines.node` of the package; `*` where it has none. */
  readonly nodeRange: string;
  readonly description: string;
  readonly license: string;
  readonly homepage: string;
  readonly repository: string;
  /** Git commit, 40 hexadecimal digits: from the package's own build record, or from git. */
  readonly revision: string;
  /** Of playwright-core among its dependencies; undefined where it has none. */
  readonly playwrightVersion?: string | undefined;
}

/** A gateway that was built before: read from an npm package once, so that everything after works on facts. */
export interface PackagedGateway extends GatewayFacts {
  readonly kind: 'package';
  /** When it was built, as an ISO date; undefined where its build record does not say. */
  readonly built?: string | undefined;
  readonly integrity: string;
  /** Ids of the plugins in the package (`dist/extensions/<id>/openclaw.plugin.json`). */
  readonly bundledPlugins: readonly string[];
  /** Plugin id → npm package, from the catalogues in the package. */
  readonly pluginCatalog: Readonly<Record<string, string>>;
  /** Names of the gateway's own install scripts, in the order in which npm runs them. */
  readonly installScripts: readonly string[];
  /** Dependencies whose install scripts the gateway allows. */
  readonly allowedScripts: readonly string[];
  /** Lowest first. */
  readonly dependencyLayers: readonly DependencyLayer[];
  /** The gateway in the cache with whose lock its own began; undefined where it depends on none that was built before. */
  readonly lockedAfter?: string;
  /** Folder with package.tgz: the build context `gateway`. */
  readonly context: string;
  /** Folder with package.json, package-lock.json and the list of layers: the build context `gateway-dependencies`. */
  readonly dependencies: string;
}

/** A plugin in a checkout: a folder of `extensions/` with an openclaw.plugin.json. */
export interface CheckoutPlugin {
  readonly id: string;
  /** Name of the folder below `extensions/`; it can differ from the id. */
  readonly directory: string;
}

/** A gateway that is yet to be built, from a checkout of its sources. Every path is relative to it. */
export interface Checkout extends GatewayFacts {
  readonly kind: 'checkout';
  readonly root: string;
  /** Whether the sources differ from the revision. */
  readonly dirty: boolean;
  /** When the sources became what they are, as an ISO date. */
  readonly changed: string;
  /** `packageManager`, without the hash: `10.23.0`. */
  readonly pnpmVersion: string;
  /** Whether a build script calls Bun. */
  readonly needsBun: boolean;
  /** What the dependency install reads: manifests but those of plugins, lockfile, patches, settings, what install scripts import. */
  readonly manifests: readonly string[];
  /** `build:docker`, where there is such a script, else `build`. */
  readonly serverScript: string;
  /** Top-level entries that the server's build reads. */
  readonly serverSources: readonly string[];
  /** What the Control UI's build reads; empty where there is no such build. */
  readonly uiSources: readonly string[];
  /** What the canvas bundle reads; empty where there is no such script. */
  readonly canvasSources: readonly string[];
  /** Of the `files` of its package.json, what stands in the checkout already and is neither docs, skills nor plugins. */
  readonly packageFiles: readonly string[];
  /** Which of `docs` and `skills` there are. */
  readonly documents: readonly string[];
  /** Whether there is a folder `extensions/`. */
  readonly hasExtensions: boolean;
  /** Plugins that were asked for. */
  readonly selected: readonly CheckoutPlugin[];
  /** Whether the gateway loads plugins from their sources (`extensions/` is among the `files`), or compiled ones only. */
  readonly pluginsFromSource: boolean;
  /** Text of a `.dockerignore`: the checkout's own, and what never reaches a build. */
  readonly ignore: string;
}

/** What goes into `/app`. */
export type Gateway = PackagedGateway | Checkout;
