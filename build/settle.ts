/**
 * Waits for all of them, and fails with the first that failed: nothing goes on behind the back of whoever cleans up.
 */
export async function settle(work: readonly Promise<unknown>[]): Promise<void> {
  const ended = await Promise.allSettled(work);
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
