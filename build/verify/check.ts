import type { Container } from '../engine/container.ts';
import type { ImageDocument } from '../oci/image-document.ts';
import type { ImageConfig } from '../oci/image-tools.ts';

/** What the checks look at. A part that could not be had says why: the checks that need it fail with that. */
export interface Subject {
  readonly reference: string;
  readonly config: ImageConfig;
  readonly document: ImageDocument;
  /** The image with a shell that sleeps instead of its command: for what stands in its files. */
  readonly files: Container | Error;
  /** The image as it is run. */
  readonly running: Container | Error;
  /** How many times longer the image may take for what the contract gives a time for: an emulated processor is that slow. */
  readonly patience: number;
}

export type Outcome =
  | { readonly passed: true; readonly found: string }
  | { readonly passed: false; readonly found: string; readonly wanted: string };

/** One row of the image contract, or one part of a row. */
export interface Check {
  readonly name: string;
  /** Row of the table in the contract (README, "The contract"). */
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

/** The container that a check needs. @throws Error with the reason why there is none */
export function available(container: Container | Error): Container {
  if (container instanceof Error) throw container;
  return container;
}
