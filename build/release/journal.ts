import { mkdir, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { InterruptedError } from '../problem.ts';
import type { Piece } from './release-record.ts';

/** What a release has done so far, on this host: written after each step, so that it can be killed at any point. */
export interface JournalState {
  /** Says what is released: a journal of anything else is begun anew. */
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
  /** Does a step that was not done before, and remembers it, together with what it gives to `keep`. */
  readonly step: (name: string, work: (keep: (made: Made) => void) => Promise<unknown>) => Promise<void>;
  /** Does a step whether it was done before or not: what it looks at is somebody else's, and may have changed. */
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
  // Steps may end side by side; the file has one writer at a time.
  let writing: Promise<unknown> = Promise.resolve();
  const run = async (name: string, work: (keep: (made: Made) => void) => Promise<unknown>): Promise<void> => {
    if (signal?.aborted === true)
      throw new InterruptedError('what was done is remembered, and the same command goes on there');
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
