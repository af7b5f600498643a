/** The result of one check: of an image, of a published release, or of an installation. */
export interface CheckResult {
  readonly name: string;
  /** `warning`: it works now, but may fail soon. */
  readonly status: 'passed' | 'warning' | 'failed';
  readonly found: string;
  /** The two things that were compared, if neither the name nor `found` says it. */
  readonly checked?: string;
  /** The signer of the values. `this host`: a container on this host showed them. `nobody`: the signature is missing or invalid. */
  readonly by?: string;
  /** The requirement; only for a failed check whose `found` does not say it. */
  readonly expected?: string;
  /** A command, or what to do, to fix the problem. */
  readonly hint?: string;
}

/** A check's result without its name, which the table of checks adds. */
export type CheckOutcome = Omit<CheckResult, 'name'>;

export const passed = (found: string): CheckOutcome => ({ status: 'passed', found });
export const failed = (found: string, expected: string): CheckOutcome => ({ status: 'failed', found, expected });
/** Passes or fails by a condition; the condition and the texts stay side by side. */
export const passIf = (condition: boolean, found: string, expected: string): CheckOutcome =>
  condition ? passed(found) : failed(found, expected);
/** Passes without problems; otherwise fails, and lists them. */
export const passIfNone = (
  problems: readonly string[],
  found: string,
  expected: string,
  separator = ', ',
): CheckOutcome => passIf(problems.length === 0, problems.length === 0 ? found : problems.join(separator), expected);

export const isFailed = ({ status }: Pick<CheckResult, 'status'>): boolean => status === 'failed';
