import type { Platform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';

/** Where the parent image comes from. `auto`: the pin, and on a host that cannot reach its registry a bootstrapped base. */
export type BaseChoice =
  | { readonly kind: 'auto' | 'pinned' | 'bootstrap' }
  | { readonly kind: 'reference'; readonly reference: Reference };

/** Where the gateway comes from. */
export type GatewayChoice =
  | { readonly kind: 'registry'; readonly selector: string }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'checkout'; readonly path: string };

export const COMPRESSIONS = ['gzip', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Which Chromium is baked: the one that the gateway's Playwright is made for, or Debian's. */
export type BrowserChoice = 'none' | 'playwright' | 'debian';

/** Where the image goes: an engine, a registry, an `--output` of buildx's, or a folder with its provenance, to be released. */
export type Destination =
  | { readonly kind: 'load' | 'push' }
  | { readonly kind: 'output'; readonly value: string }
  | { readonly kind: 'layout'; readonly folder: string; readonly builderId: string };

/** Everything that a build was asked for, validated, with the defaults filled in. */
export interface ImageSpec {
  readonly gateway: GatewayChoice;
  readonly base: BaseChoice;
  readonly extensions: readonly string[];
  readonly aptPackages: readonly string[];
  readonly pipPackages: readonly string[];
  readonly browser: BrowserChoice;
  /** Whether the Docker CLI with Compose is baked, for sandboxes; never a daemon. */
  readonly dockerCli: boolean;
  readonly tags: readonly Reference[];
  /** Empty: the engine's own. */
  readonly platforms: readonly Platform[];
  readonly destination: Destination;
  /** Of the layers that a registry gets. */
  readonly compression: Compression;
  readonly cacheFrom: readonly string[];
  readonly cacheTo: readonly string[];
  /** Path of a PEM file. */
  readonly ca: string | undefined;
  /** Seconds since 1970, for reproducible images. Source: https://reproducible-builds.org/specs/source-date-epoch/ */
  readonly sourceDateEpoch: number | undefined;
}
