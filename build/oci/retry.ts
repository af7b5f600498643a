import { setTimeout as sleep } from 'node:timers/promises';
import { type Failure, WorkError } from '../problem.ts';

/** How long to retry after temporary failures. */
export interface RetryBudget {
  /** Time limit, from the first failure on. A running request is not aborted. */
  readonly seconds: number;
  /** Called before each pause. */
  readonly onWait: (reason: string, seconds: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A temporary failure, which is retried. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly failure: Failure;
  /** Pause that the server requests, in seconds. */
  readonly retryAfter: number | undefined;

  constructor(failure: Failure, retryAfter?: number, options?: ErrorOptions) {
    super(failure.reason, options);
    this.failure = failure;
    this.retryAfter = retryAfter;
  }
}

const FIRST_SECONDS = 0.25;
const LONGEST_SECONDS = 8;
/** Minimum number of attempts, even if one attempt (an upload) took longer than the time limit. */
const FEWEST_TRIES = 3;

/** Doubles with each attempt. The random part separates clients that failed at the same time. */
const backOff = (attempt: number): number =>
  Math.min(FIRST_SECONDS * 2 ** attempt, LONGEST_SECONDS) * (0.75 + Math.random() / 2);

/**
 * Repeats an attempt after each TransientError, until it succeeds or the time limit is reached.
 *
 * @throws WorkError with the last failure; every other error at once
 */
export async function withRetries<T>({ seconds, onWait, signal }: RetryBudget, attempt: () => Promise<T>): Promise<T> {
  let end: number | undefined;
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const now = performance.now();
      end ??= now + seconds * 1000;
      // Never retry sooner than the server requests.
      const wait = Math.max(error.retryAfter ?? 0, backOff(failures));
      const tooLate = now + wait * 1000 > end && (failures >= FEWEST_TRIES || (error.retryAfter ?? 0) > seconds);
      if (tooLate || signal?.aborted === true) {
        const reason = `${error.failure.reason} (tried ${failures + 1} ${failures === 0 ? 'time' : 'times'})`;
        throw new WorkError({ ...error.failure, reason }, { cause: error });
      }
      onWait(error.failure.reason, wait);
      await sleep(wait * 1000, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  }
}

/** Parses Retry-After: seconds or a date. Source: RFC 9110, section 10.2.3. */
export function retryAfterSeconds(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
