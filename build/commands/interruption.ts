import { InterruptedError } from '../problem.ts';

/** Turns Ctrl-C, SIGTERM and a closed terminal into a clean end of the work. */
export interface Interruption {
  readonly signal: AbortSignal;
  /** Waits for work that needs no clean-up. Rejects at once if the user interrupts. */
  readonly orInterrupted: <T>(work: Promise<T>) => Promise<T>;
  /** Returns the error itself, or an InterruptedError if the user interrupted before it. */
  readonly asInterruption: (error: unknown) => unknown;
  readonly dispose: () => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * The first signal lets the work clean up; the second ends the process at once. A terminal also sends Ctrl-C to child processes.
 * They fail then, and their failure counts as the interruption.
 *
 * @param consequence what an interruption leaves behind, as a sentence: `nothing was tagged`
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
  // Avoids an unhandled rejection while no work waits for it.
  interrupted.catch(() => {});
  return {
    signal,
    orInterrupted: (work) => Promise.race([work, interrupted]),
    asInterruption: (error) =>
      signal.aborted && !(error instanceof InterruptedError)
        ? new InterruptedError(consequence, { cause: error })
        : error,
    dispose: () => {
      for (const name of SIGNALS) process.off(name, interrupt);
    },
  };
}
