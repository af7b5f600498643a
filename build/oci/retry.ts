import { setTimeout as sleep } from 'node:timers/promises';
import { type Explanation, WorkError } from '../problem.ts';

/** How long something that may pass is waited for. */
export interface Patience {
  /** From the first failure on; a request that has begun is not cut off. */
  readonly seconds: number;
  /** Hears what is waited for. */
  readonly onWait: (reason: string, seconds: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Something that may pass: tried again, unlike every other error. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
  readonly explanation: Explanation;
  /** Seconds that the other side asks for. */
  readonly retryAfter: number | undefined;

  constructor(explanation: Explanation, retryAfter?: number, options?: ErrorOptions) {
    super(explanation.reason, options);
    this.explanation = explanation;
    this.retryAfter = retryAfter;
  }
}

const FIRST_SECONDS = 0.25;
const LONGEST_SECONDS = 8;
/** Also where one of them took longer than all that was to be waited: an upload. */
const FEWEST_TRIES = 3;

/** Doubles from try to try, and differs between callers that failed together. */
const backOff = (attempt: number): number =>
  Math.min(FIRST_SECONDS * 2 ** attempt, LONGEST_SECONDS) * (0.75 + Math.random() / 2);

/**
 * Tries again what failed with a TransientError, until it works or patience is used up.
 *
 * @throws WorkError with the last failure's explanation; every other error at once
 */
export async function retrying<T>({ seconds, onWait, signal }: Patience, attempt: () => Promise<T>): Promise<T> {
  let until: number | undefined;
  for (let failures = 0; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const now = performance.now();
      until ??= now + seconds * 1000;
      // Never sooner than the other side asks for.
      const wait = Math.max(error.retryAfter ?? 0, backOff(failures));
      const tooLate = now + wait * 1000 > until && (failures >= FEWEST_TRIES || (error.retryAfter ?? 0) > seconds);
      if (tooLate || signal?.aborted === true) {
        const reason = `${error.explanation.reason} (tried ${failures + 1} ${failures === 0 ? 'time' : 'times'})`;
        throw new WorkError({ ...error.explanation, reason }, { cause: error });
      }
      onWait(error.explanation.reason, wait);
      await sleep(wait * 1000, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    }
  }
}

/** Source: RFC 9110, section 10.2.3: seconds, or a date. */
export function retryAfterSeconds(header: string | undefined, now = Date.now()): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, (date - now) / 1000);
}
