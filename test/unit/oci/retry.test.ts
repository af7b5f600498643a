import { describe, expect, it } from 'vitest';
import { retryAfterSeconds, retrying, TransientError } from '../../../build/oci/retry.ts';
import { WorkError } from '../../../build/problem.ts';

const explanation = { kind: 'registry-failed', title: 'The registry failed', reason: '503', wayOut: 'wait' };

/** Fails so often, and then gives an answer. */
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

const patience = (seconds: number) => {
  const waits: number[] = [];
  return { seconds, onWait: (_: string, wait: number) => void waits.push(wait), waits };
};

describe('retrying', () => {
  it('tries again what may pass, and waits longer each time', async () => {
    const told = patience(10);
    expect(await retrying(told, failing(3, new TransientError(explanation)).attempt)).toBe('an answer');
    expect(told.waits.length).toBe(3);
    expect(told.waits[2]).toBeGreaterThan((told.waits[0] ?? 0) * 2);
  });

  it('never tries again what does not pass', async () => {
    const refused = failing(1, new WorkError({ ...explanation, kind: 'registry-denied' }));
    await expect(retrying(patience(10), refused.attempt)).rejects.toMatchObject({
      explanation: { kind: 'registry-denied' },
    });
    expect(refused.tries()).toBe(1);
  });

  it('waits as long as it is asked to', async () => {
    const told = patience(10);
    await retrying(told, failing(1, new TransientError(explanation, 1)).attempt);
    expect(told.waits).toEqual([1]);
  });

  it('gives up at once where it is asked to wait longer than it may', async () => {
    const failed = failing(1, new TransientError(explanation, 3600));
    await expect(retrying(patience(10), failed.attempt)).rejects.toMatchObject({
      explanation: { kind: 'registry-failed', reason: '503 (tried 1 time)' },
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
