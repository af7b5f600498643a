import type { CheckOutcome, CheckResult } from '../check-result.ts';
import type { Container } from '../engine/container.ts';
import type { StoredAnnotations } from '../engine/stored-annotations.ts';
import type { ImageConfig } from '../oci/document.ts';

/** The image that the checks inspect. A part that is not available is an Error, and every check that needs it fails. */
export interface Subject {
  readonly reference: string;
  readonly config: ImageConfig;
  readonly document: StoredAnnotations;
  /** A container with a sleeping shell instead of the image's command, for checks of files. */
  readonly files: Container | Error;
  /** A container with the image's command. */
  readonly running: Container | Error;
  /** Factor for the time limits of the contract: an emulated processor is slower. */
  readonly slowdown: number;
}

/** A check of the image contract: a row of the contract, or a part of one. docs/contract.md is rendered from these. */
export interface Check {
  readonly name: string;
  /** Row of the contract. */
  readonly row: string;
  /** The requirement. */
  readonly requires: string;
  /** Why the contract requires it. */
  readonly why: string;
  /** How to fix an image that fails. */
  readonly fix: string;
  /** The part of an OCI image that Podman's form of Docker's API hides: the check then fails although the image is right. */
  readonly hiddenByPodman?: 'manifest' | 'health check';
  readonly run: (subject: Subject) => Promise<CheckOutcome> | CheckOutcome;
}

/** The result of a check of the contract. */
export interface ContractResult extends CheckResult {
  readonly row: string;
  readonly seconds: number;
}

/** The container that a check needs. @throws Error with the reason if it is not available */
export function available(container: Container | Error): Container {
  if (container instanceof Error) throw container;
  return container;
}
