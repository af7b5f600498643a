import type { Failure } from '../problem.ts';
import type { DependencyLayer } from './dependency-layers.ts';
import type { GitDependencies } from './git-dependency.ts';
import type { LockedReplacement } from './replaced-package.ts';

/** An external plugin to bake, beside those in the gateway's package. */
export interface BakedPlugin {
  readonly id: string;
  /** `@openclaw/slack`. */
  readonly packageName: string;
  readonly version: string;
  /** Subresource Integrity from npm: `sha512-…`. */
  readonly integrity: string;
  /** The package-lock.json to use; undefined: a new one. */
  readonly lockfile?: string;
}

/** Properties of every gateway. */
interface GatewayMetadata {
  readonly version: string;
  /** `openclaw@2026.9.6`, a file name, or the folder of a checkout. */
  readonly origin: string;
  /** `engines.node` of the package; `*` if it has none. */
  readonly nodeRange: string;
  readonly description: string;
  readonly license: string;
  readonly homepage: string;
  readonly repository: string;
  /** Git commit, 40 hexadecimal digits: from the package's build record, or from git. */
  readonly revision: string;
  /** Replacements of its dependencies: `libsignal` → `npm:libsignal@2.0.1`. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Version of its dependency playwright-core; undefined if it has none. */
  readonly playwrightVersion?: string | undefined;
}

/** Why something could not be had, and what can be done. */
export type OmissionReason = Pick<Failure, 'reason' | 'hint'>;

/** A gateway from a published or packed npm package. */
export interface PackagedGateway extends GatewayMetadata {
  readonly kind: 'package';
  /** Build time from the build record (ISO 8601); undefined if there is none. */
  readonly built?: string | undefined;
  readonly integrity: string;
  /** Dependencies from git; undefined if there are none. */
  readonly git?: GitDependencies;
  /** Dependencies of plugins that could not be had, by name; undefined if there are none. */
  readonly leftOut?: Readonly<Record<string, OmissionReason>>;
  /** Ids of the plugins in the package (`dist/extensions/<id>/openclaw.plugin.json`). */
  readonly bundledPlugins: readonly string[];
  /** Plugin id → npm package, from the catalogues in the package. */
  readonly pluginCatalog: Readonly<Record<string, string>>;
  /** The gateway's own install scripts, in npm's order. */
  readonly installScripts: readonly string[];
  /** Dependencies whose install scripts may run. */
  readonly allowedScripts: readonly string[];
  /** Lowest first. */
  readonly dependencyLayers: readonly DependencyLayer[];
  /** The cached gateway whose lockfile this one started from; undefined if it was locked independently. */
  readonly basedOnLock?: string;
  /** Folder with package.tgz: the build context `gateway`. */
  readonly context: string;
  /** Folder with package.json, package-lock.json and the list of layers: the build context `gateway-dependencies`. */
  readonly dependencies: string;
}

/** A plugin in a checkout: a folder in `extensions/` with an openclaw.plugin.json. */
export interface CheckoutPlugin {
  readonly id: string;
  /** Its folder in `extensions/`, which can differ from the id. */
  readonly directory: string;
}

/** A workspace package that the gateway needs at run time. */
export interface WorkspaceDependency {
  /** `packages/ai`. */
  readonly folder: string;
  /** The files and folders that npm packs, relative to its folder. Empty means all of them. */
  readonly files: readonly string[];
  /** The file that an import of it loads, if its package.json says so: `dist/index.mjs`. */
  readonly entry?: string;
}

/** A gateway to be built from a checkout. All paths are relative to the checkout. */
export interface Checkout extends GatewayMetadata {
  readonly kind: 'checkout';
  readonly root: string;
  /** Whether the sources differ from the revision. */
  readonly dirty: boolean;
  /** Paths that the build reads, and whose differences git does not report: ignored, or assumed unchanged. */
  readonly unseen: readonly string[];
  /** Time of the commit, as an ISO date. */
  readonly committed: string;
  /** Time of the last change to the sources, as an ISO date. */
  readonly changed: string;
  /** Version in `packageManager`, without the hash: `10.23.0`. */
  readonly pnpmVersion: string;
  /** Whether a build script calls Bun. */
  readonly needsBun: boolean;
  /** Inputs of the dependency install: manifests (except those of plugins), lockfile, patches, settings, install scripts and their imports. */
  readonly manifests: readonly string[];
  /** The overrides, as the install writes them into the lockfile. */
  readonly replacements: readonly LockedReplacement[];
  /** `build:docker` if the script exists, else `build`. */
  readonly serverScript: string;
  /** Top-level entries that the server's build reads. */
  readonly serverSources: readonly string[];
  /** Inputs of the Control UI's build; empty if the release does not build it. */
  readonly uiSources: readonly string[];
  /** Whether the Control UI contains the commit and its time: then every commit builds it again. */
  readonly uiShowsCommit: boolean;
  /** Inputs of the canvas bundle; empty if the release has no script for it. */
  readonly canvasSources: readonly string[];
  /** The `files` of its package.json that exist in the checkout, except docs, skills and plugins. */
  readonly packageFiles: readonly string[];
  /** Workspace packages among the production dependencies, directly and indirectly. */
  readonly workspaceDependencies: readonly WorkspaceDependency[];
  /** Folders of workspace packages that the gateway links for its development. */
  readonly developmentFolders: readonly string[];
  /** Those of `docs` and `skills` that exist. */
  readonly documents: readonly string[];
  /** Whether the folder `extensions/` exists. */
  readonly hasExtensions: boolean;
  /** The requested plugins. */
  readonly selected: readonly CheckoutPlugin[];
  /** Whether the gateway loads plugins from sources (`extensions/` is in `files`) or only compiled ones. */
  readonly pluginsFromSource: boolean;
  /** Whether the server's build reads the manifests of plugins, which it does not compile. */
  readonly readsPluginManifests: boolean;
  /** Text of a `.dockerignore`: the checkout's own, plus our exclusions. */
  readonly ignore: string;
}

/** The software in `/app`. */
export type Gateway = PackagedGateway | Checkout;
