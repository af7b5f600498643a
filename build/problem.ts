import type failureKinds from './failure-kinds.json';

/** The kinds of failures. docs/troubleshooting.md is rendered from failure-kinds.json, which has the cause and the fix of each. */
export type FailureKind = keyof typeof failureKinds;

/** One thing that is wrong with a request, found before any work. */
export interface Problem {
  /** The origin of the value, as the user knows it: `--apt`, `OPENCLAW_EXTENSIONS`. */
  readonly source: string;
  readonly value: string;
  /** Continues the value: `is not a valid Debian package name`. */
  readonly reason: string;
  /** An instruction, in the imperative. */
  readonly hint: string;
}

export const problemWith = (source: string, value: string, reason: string, hint: string): Problem => ({
  source,
  value,
  reason,
  hint,
});

/** The request is not valid, and nothing was started. Contains every problem, not only the first. Exit code 2. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map((problem) => `${problem.source} '${problem.value}': ${problem.reason}`).join('\n'), options);
    this.problems = problems;
  }
}

/** A request with one problem. */
export const requestError = (source: string, value: string, reason: string, hint: string): RequestError =>
  new RequestError([problemWith(source, value, reason, hint)]);

/** Collects the problems of a RequestError; rethrows every other error. */
export const collectInto =
  (problems: Problem[]) =>
  (error: unknown): undefined => {
    if (!(error instanceof RequestError)) throw error;
    problems.push(...error.problems);
    return undefined;
  };

/** Work that failed after it had begun. */
export interface Failure {
  /** A stable word for machines; failure-kinds.json lists all. */
  readonly kind: FailureKind;
  readonly title: string;
  readonly reason: string;
  /** An instruction, in the imperative. */
  readonly hint: string;
  /** The last output lines of the program that failed. */
  readonly lines?: readonly string[];
}

/** The work failed after it had begun. Exit code 1. */
export class WorkError extends Error {
  override readonly name = 'WorkError';
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(`${failure.title}: ${failure.reason}`, options);
    this.failure = failure;
  }
}

/** The user interrupted the work. Exit code 130. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
