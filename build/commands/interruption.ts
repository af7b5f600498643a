import { InterruptedError } from '../problem.ts';

/** Ctrl-C, an end asked for by the system, or a terminal that was closed. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Work of which nothing has to be taken back: once it is interrupted it is not waited for. */
  readonly until: <T>(work: Promise<T>) => Promise<T>;
  /** What a failure was: the interruption, once there was one. */
  readonly because: (error: unknown) => unknown;
  readonly stop: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The first signal lets the work clean up, the second ends at once. A terminal sends Ctrl-C to what we have started, too: that ends,
 * and its failure is the interruption's.
 *
 * @param consequence what an interruption means, for people: `nothing was tagged`
 */
export function interruption(consequence: string): Interruption {
  const controller = new AbortController();
  const { signal } = controller;
  const interrupt = (): void => {
    if (signal.aborted) process.exit(130);
    controller.abort();
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  const interrupted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(new InterruptedError(consequence)), { once: true });
  });
  // Nobody may be waiting for it.
  interrupted.catch(() => {});
  return {
    signal,
    until: (work) => Promise.race([work, interrupted]),
    because: (error) =>
      signal.aborted && !(error instanceof InterruptedError)
        ? new InterruptedError(consequence, { cause: error })
        : error,
    stop: () => {
      for (const name of SIGNALS) process.off(name, interrupt);
    },
  };
}
