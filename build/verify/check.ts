import type { Container } from '../engine/container.ts';
import type { ImageDocument } from '../oci/image-document.ts';
import type { ImageConfig } from '../oci/image-tools.ts';

/** The image that the checks inspect. A part that is not available is an Error, and every check that needs it fails. */
export interface Subject {
  readonly reference: string;
  readonly config: ImageConfig;
  readonly document: ImageDocument;
  /** A container with a sleeping shell instead of the image's command, for checks of files. */
  readonly files: Container | Error;
  /** A container with the image's command. */
  readonly running: Container | Error;
  /** Factor for the time limits of the contract: an emulated processor is slower. */
  readonly patience: number;
}

export type Outcome =
  | { readonly passed: true; readonly found: string }
  | { readonly passed: false; readonly found: string; readonly wanted: string };

/** A check of the image contract. */
export interface Check {
  readonly name: string;
  /** Row of the contract, see docs/contract.md. */
  readonly row: string;
  readonly run: (subject: Subject) => Promise<Outcome> | Outcome;
}

export interface CheckResult {
  readonly name: string;
  readonly row: string;
  readonly outcome: Outcome;
  readonly seconds: number;
}

export const pass = (found: string): Outcome => ({ passed: true, found });
export const fail = (found: string, wanted: string): Outcome => ({ passed: false, found, wanted });
export const expect = (passed: boolean, found: string, wanted: string): Outcome =>
  passed ? pass(found) : fail(found, wanted);

/** The container that a check needs. @throws Error with the reason if it is not available */
export function available(container: Container | Error): Container {
  if (container instanceof Error) throw container;
  return container;
}
