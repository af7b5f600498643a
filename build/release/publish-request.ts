import type { Platform } from '../oci/platform.ts';
import type { Registry } from '../oci/registry.ts';
import type { VariantImage } from '../spec/variant.ts';
import type { ReleaseRequest } from './plan-release.ts';
import type { LockPatience } from './release-lock.ts';
import type { Piece } from './release-record.ts';
import type { Signer } from './signature.ts';

/** A release, as it is asked for. */
export interface PublishRequest {
  readonly release: Omit<ReleaseRequest, 'published' | 'digests'>;
  readonly revision: string;
  readonly source: string;
  /** Digest of the base, where that is known beforehand: what stands on another one is another release. */
  readonly base?: string;
  /** Everything else that a journal must have in common with this run to be carried on. */
  readonly identity: string;
  /** Where the journal stands, and images that are not in a registry yet. */
  readonly folder: string;
}

export interface PublishContext {
  readonly registry: Registry;
  /** undefined: not to be signed. */
  readonly signer: Signer | undefined;
  /** Builds, or finds, what is missing. */
  readonly pieces: (image: VariantImage, platform: Platform) => Promise<readonly Piece[]>;
  /** Of another release that is going on. */
  readonly patience: LockPatience;
  /** @throws WorkError where it does not keep the contract */
  readonly verify: (piece: Piece) => Promise<unknown>;
  readonly onStep: (step: string) => void;
  readonly signal: AbortSignal | undefined;
}
