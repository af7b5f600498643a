import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { InterruptedError } from '../problem.ts';
import type { PlatformImage } from './platform-image.ts';

/** The progress of a release on this host. Written after each step, so that a killed release can resume. */
export interface JournalState {
  /** Identifies what is released. A journal with another identity is discarded. */
  readonly identity: string;
  readonly images: readonly PlatformImage[];
  readonly steps: readonly JournalStep[];
}

export interface JournalStep {
  readonly step: string;
  /** ISO 8601. */
  readonly at: string;
}

type StepResult = Partial<Pick<JournalState, 'images'>>;

export interface Journal {
  readonly state: () => JournalState;
  /** Runs a step unless an earlier run has completed it. `keep` stores a result in the journal. */
  readonly once: (name: string, work: (keep: (result: StepResult) => void) => Promise<unknown>) => Promise<void>;
  /** Runs a step in every run, because it depends on registries, which others can change. */
  readonly always: (name: string, work: () => Promise<unknown>) => Promise<void>;
}

/** The state after an interrupted release. */
export const RELEASE_CONSEQUENCE = 'completed steps are recorded, and the same command resumes there';

/**
 * @param identity of what is released
 * @param isAvailable whether an image in the journal still exists: the cache folder may have been deleted since
 * @throws InterruptedError, from a step, after `signal`
 */
export async function openJournal(
  file: string,
  identity: string,
  isAvailable: (image: PlatformImage) => Promise<boolean>,
  onStep: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<Journal> {
  const stored = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as JournalState)
    .catch(() => undefined);
  let state: JournalState = { identity, images: [], steps: [] };
  if (stored?.identity === identity && (await Promise.all(stored.images.map(isAvailable))).every(Boolean))
    state = stored;
  await mkdir(dirname(file), { recursive: true });
  // Steps can end at the same time; write the file one step at a time.
  let writing: Promise<unknown> = Promise.resolve();
  const run = async (name: string, work: (keep: (result: StepResult) => void) => Promise<unknown>): Promise<void> => {
    if (signal?.aborted === true) throw new InterruptedError(RELEASE_CONSEQUENCE);
    onStep(name);
    let result: StepResult = {};
    await work((kept) => {
      result = kept;
    });
    const steps = state.steps.filter(({ step }) => step !== name);
    state = { ...state, ...result, steps: [...steps, { step: name, at: new Date().toISOString() }] };
    const text = `${JSON.stringify(state, null, 2)}\n`;
    writing = writing.then(() => writeFileAtomic(file, text));
    await writing;
  };
  return {
    state: () => state,
    once: async (name, work) => {
      if (!state.steps.some(({ step }) => step === name)) await run(name, work);
    },
    always: run,
  };
}

export const removeJournal = (file: string): Promise<void> => rm(file, { force: true });
