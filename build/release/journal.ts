import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { InterruptedError } from '../problem.ts';
import type { Piece } from './release-record.ts';

/** The progress of a release on this host. Written after each step, so that a killed release can resume. */
export interface JournalState {
  /** Identifies what is released. A journal with another identity is discarded. */
  readonly identity: string;
  readonly pieces: readonly Piece[];
  readonly steps: readonly JournalStep[];
}

export interface JournalStep {
  readonly step: string;
  /** ISO 8601. */
  readonly at: string;
}

type Made = Partial<Pick<JournalState, 'pieces'>>;

export interface Journal {
  readonly state: () => JournalState;
  /** Runs a step unless an earlier run has completed it. `keep` stores a result in the journal. */
  readonly step: (name: string, work: (keep: (made: Made) => void) => Promise<unknown>) => Promise<void>;
  /** Runs a step in every run, because it depends on registries, which others can change. */
  readonly again: (name: string, work: () => Promise<unknown>) => Promise<void>;
}

/**
 * @param identity of what is released
 * @throws InterruptedError, from a step, after `signal`
 */
export async function openJournal(
  file: string,
  identity: string,
  onStep: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<Journal> {
  const kept = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as JournalState,
    () => undefined,
  );
  let state: JournalState = kept?.identity === identity ? kept : { identity, pieces: [], steps: [] };
  await mkdir(dirname(file), { recursive: true });
  // Steps can end at the same time; write the file one step at a time.
  let writing: Promise<unknown> = Promise.resolve();
  const run = async (name: string, work: (keep: (made: Made) => void) => Promise<unknown>): Promise<void> => {
    if (signal?.aborted === true)
      throw new InterruptedError('completed steps are recorded, and the same command resumes there');
    onStep(name);
    let made: Made = {};
    await work((kept) => {
      made = kept;
    });
    const steps = state.steps.filter(({ step }) => step !== name);
    state = { ...state, ...made, steps: [...steps, { step: name, at: new Date().toISOString() }] };
    const text = `${JSON.stringify(state, null, 2)}\n`;
    writing = writing.then(() => writeFileAtomic(file, text));
    await writing;
  };
  return {
    state: () => state,
    step: async (name, work) => {
      if (!state.steps.some(({ step }) => step === name)) await run(name, work);
    },
    again: run,
  };
}

export const removeJournal = (file: string): Promise<void> => rm(file, { force: true });
