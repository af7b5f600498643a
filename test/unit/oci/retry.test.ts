import { describe, expect, it } from 'vitest';
import { retryAfterSeconds, TransientError, withRetries } from '../../../build/oci/retry.ts';
import { WorkError } from '../../../build/problem.ts';

const failure = { kind: 'registry-failed', title: 'The registry failed', reason: '503', hint: 'wait' } as const;

/** Fails this many times, then succeeds. */
function failing(times: number, error: Error) {
  let tries = 0;
  return {
    attempt: async () => {
      tries += 1;
      if (tries <= times) throw error;
      return 'an answer';
    },
    tries: () => tries,
  };
}

const budget = (seconds: number) => {
  const waits: number[] = [];
  return { seconds, onWait: (_: string, wait: number) => void waits.push(wait), waits };
};

describe('retrying', () => {
  it('repeats a temporary failure, with growing pauses', async () => {
    const retries = budget(10);
    expect(await withRetries(retries, failing(3, new TransientError(failure)).attempt)).toBe('an answer');
    expect(retries.waits.length).toBe(3);
    expect(retries.waits[2]).toBeGreaterThan((retries.waits[0] ?? 0) * 2);
  });

  it('does not repeat a permanent failure', async () => {
    const refused = failing(1, new WorkError({ ...failure, kind: 'registry-denied' }));
    await expect(withRetries(budget(10), refused.attempt)).rejects.toMatchObject({
      failure: { kind: 'registry-denied' },
    });
    expect(refused.tries()).toBe(1);
  });

  it('waits for the requested time', async () => {
    const retries = budget(10);
    await withRetries(retries, failing(1, new TransientError(failure, 1)).attempt);
    expect(retries.waits).toEqual([1]);
  });

  it('fails at once if the requested time is longer than the limit', async () => {
    const failed = failing(1, new TransientError(failure, 3600));
    await expect(withRetries(budget(10), failed.attempt)).rejects.toMatchObject({
      failure: { kind: 'registry-failed', reason: '503 (tried 1 time)' },
    });
    expect(failed.tries()).toBe(1);
  });
});

it.each([
  ['120', 120],
  ['Wed, 21 Oct 2026 07:28:10 GMT', 10],
  ['Wed, 21 Oct 2026 07:27:00 GMT', 0],
  ['soon', undefined],
  [undefined, undefined],
])('reads Retry-After: %s', (header, seconds) => {
  expect(retryAfterSeconds(header, Date.parse('2026-10-21T07:28:00Z'))).toBe(seconds);
});
