/** One thing that is wrong with a request: what was given, why it cannot be, and what to do instead. */
export interface Problem {
  /** Where the value came from, as the user knows it: `--apt`, `OPENCLAW_EXTENSIONS`. */
  readonly source: string;
  readonly value: string;
  readonly reason: string;
  readonly wayOut: string;
}

/** The request was wrong: nothing was started. Carries every problem that was found, not only the first. Exit code 2. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map((problem) => `${problem.source} '${problem.value}': ${problem.reason}`).join('\n'), options);
    this.problems = problems;
  }
}

export interface Explanation {
  /** A stable word for machines: `out-of-memory`, `registry-denied`. */
  readonly kind: string;
  readonly title: string;
  readonly reason: string;
  readonly wayOut: string;
  /** The last lines of what failed, if it printed any. */
  readonly lines?: readonly string[];
}

/** The work failed after it had begun. Exit code 1. */
export class WorkError extends Error {
  override readonly name = 'WorkError';
  readonly explanation: Explanation;

  constructor(explanation: Explanation, options?: ErrorOptions) {
    super(`${explanation.title}: ${explanation.reason}`, options);
    this.explanation = explanation;
  }
}

/** The user interrupted the work. Exit code 130. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}
