import type { Signer } from '../attest/signature.ts';
import type { Registry } from '../oci/registry.ts';
import type { ImageSource, PlatformImage, ReleaseOrigin } from './platform-image.ts';
import type { Release } from './release.ts';
import type { LockWait } from './release-lock.ts';

/** A release to publish. */
export interface PublishRequest {
  readonly release: Release;
  readonly origin: ReleaseOrigin;
  /** Identifies everything that determines the images. A journal with another identity is not resumed. */
  readonly identity: string;
  /** Path of the journal, in the state folder. */
  readonly journal: string;
  /** Folder for images that are not in a registry yet, in the cache folder. */
  readonly folder: string;
}

export interface PublishContext {
  readonly registry: Registry;
  /** undefined: publish unsigned. */
  readonly signer: Signer | undefined;
  readonly source: ImageSource;
  /** Boots an image and checks it against the contract. @throws WorkError if a check fails */
  readonly verify: (image: PlatformImage) => Promise<unknown>;
  /** Called at the end, while no other release can use the folder of this one. */
  readonly finish: () => Promise<void>;
  /** How long to wait for another release. */
  readonly lockWait: LockWait;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal | undefined;
}
