import type { Platform } from '../oci/platform.ts';
import type { DigestReference, Reference } from '../oci/reference.ts';
import type { Overrides } from './parse-override.ts';

/** The parent image. `auto`: the pinned base, or a bootstrapped base if its registry is unreachable. */
export type BaseChoice =
  | { readonly kind: 'auto' | 'pinned' | 'bootstrap' }
  | { readonly kind: 'reference'; readonly reference: Reference }
  /** A run base of this project, which was checked, and the base that it is built on. Only releases use one. */
  | { readonly kind: 'run-base'; readonly image: DigestReference; readonly base: DigestReference };

/** The source of the gateway. */
export type GatewayChoice =
  | { readonly kind: 'registry'; readonly selector: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'checkout'; readonly path: string };

export const COMPRESSIONS = ['gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** The Chromium to bake: the version that the gateway's Playwright needs, or Debian's. */
export type BrowserChoice = 'none' | 'playwright' | 'debian';

/** The target of the image: an engine, a registry, a buildx `--output`, or an OCI layout with provenance (for a release). */
export type Destination =
  | { readonly kind: 'load' | 'push' }
  | { readonly kind: 'output'; readonly value: string }
  | { readonly kind: 'layout'; readonly folder: string; readonly builderId: string };

/** A plugin from npm, with its package-lock.json. */
export interface LockedPlugin {
  readonly id: string;
  /** `@openclaw/slack`. */
  readonly packageName: string;
  readonly version: string;
  readonly integrity: string;
  readonly lockfile: string;
}

/** The packages of an earlier build, to build the same again. */
export interface LockedPackages {
  /** package-lock.json of the gateway; undefined for a checkout, whose commit has its own. */
  readonly lockfile: string | undefined;
  /** Dependencies from git by name, at a commit: `git+https://…#COMMIT`. */
  readonly git: Readonly<Record<string, string>>;
  readonly plugins: readonly LockedPlugin[];
}

/** A validated build request with defaults. */
export interface ImageSpec {
  readonly gateway: GatewayChoice;
  readonly base: BaseChoice;
  /** Replacements of dependencies; only for a gateway from npm. */
  readonly overrides: Overrides;
  /** Versions of an earlier build; undefined: the newest that the gateway accepts. */
  readonly locked?: LockedPackages;
  /** Address for the annotations; undefined: that of the gateway. */
  readonly sourceUrl: string | undefined;
  /** Commit for the annotations; undefined: that of the gateway. */
  readonly revision: string | undefined;
  readonly extensions: readonly string[];
  readonly aptPackages: readonly string[];
  readonly pipPackages: readonly string[];
  readonly browser: BrowserChoice;
  /** Bake the Docker CLI with Compose, for sandboxes; never a daemon. */
  readonly dockerCli: boolean;
  readonly tags: readonly Reference[];
  /** Empty: the engine's platform. */
  readonly platforms: readonly Platform[];
  readonly destination: Destination;
  /** Megabytes for JavaScript in the build scripts of a checkout; undefined: Node's own limit. */
  readonly heap: number | undefined;
  /** Whether the finished layers are tested in the build. */
  readonly smokeTest: boolean;
  /** Compression of the layers that a registry gets. */
  readonly compression: Compression;
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  /** Path of a PEM file with extra certificate authorities. */
  readonly ca: string | undefined;
  /** Seconds since 1970, for reproducible images. Source: https://reproducible-builds.org/specs/source-date-epoch/ */
  readonly sourceDateEpoch: number | undefined;
}
