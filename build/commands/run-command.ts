import { InterruptedError } from '../problem.ts';
import { type ProgressView, progressMode, progressView } from '../report/build-progress.ts';
import { writeJobSummary } from '../report/job-summary.ts';

/** Services for a running command. */
export interface CommandRun extends ProgressView {
  readonly signal: AbortSignal;
  /** Waits for work that needs no clean-up. Rejects at once if the user interrupts. */
  readonly orInterrupted: <T>(work: Promise<T>) => Promise<T>;
}

/** The result of a command. */
export interface CommandOutput {
  readonly text: () => string;
  /** The object that `--json` prints. */
  readonly json: () => unknown;
  /** Markdown for the job summary of a workflow. */
  readonly summary?: string;
  /** Whether the command ends with exit code 1 although it worked, because a check failed. */
  readonly failed?: boolean;
}

export interface CommandRequest {
  readonly json: boolean | undefined;
  /** The state after an interruption, as a sentence: `nothing was tagged`. */
  readonly consequence: string;
  /** Whether the command cleans up after an interruption, by its signal; otherwise it is abandoned at once. */
  readonly cleansUp?: true;
}

/** Runs the work of a command: shows progress, handles interruptions, prints the result. @param work undefined: prints nothing */
export async function runCommand(
  { json, consequence, cleansUp }: CommandRequest,
  work: (run: CommandRun) => Promise<CommandOutput | undefined>,
): Promise<void> {
  const view = await progressView(progressMode(json === true));
  const { signal, orInterrupted, asInterruption, dispose } = interruption(consequence);
  try {
    const running = work({ ...view, signal, orInterrupted });
    const output = await (cleansUp === true ? running : orInterrupted(running));
    view.close();
    if (output === undefined) return;
    if (output.summary !== undefined) await writeJobSummary(output.summary);
    process.stdout.write(`${json === true ? JSON.stringify(output.json(), null, 2) : output.text()}\n`);
    if (output.failed === true) process.exitCode = 1;
  } catch (error) {
    throw asInterruption(error);
  } finally {
    dispose();
    view.close();
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Turns Ctrl-C, SIGTERM and a closed terminal into a clean end of the work. The first signal lets the work clean up; the second ends
 * the process at once. A terminal also sends Ctrl-C to child processes. They fail then, and their failure counts as the interruption.
 *
 * @param consequence what an interruption leaves behind, as a sentence: `nothing was tagged`
 */
function interruption(consequence: string) {
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
    orInterrupted: <T>(work: Promise<T>): Promise<T> => Promise.race([work, interrupted]),
    /** Returns the error itself, or an InterruptedError if the user interrupted before it. */
    asInterruption: (error: unknown): unknown =>
      signal.aborted && !(error instanceof InterruptedError)
        ? new InterruptedError(consequence, { cause: error })
        : error,
    dispose: (): void => {
      for (const name of SIGNALS) process.off(name, interrupt);
    },
  };
}
