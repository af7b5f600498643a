import { type ProgressView, progressMode, progressView } from '../report/build-progress.ts';
import { writeJobSummary } from '../report/job-summary.ts';
import { interruption } from './interruption.ts';

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
