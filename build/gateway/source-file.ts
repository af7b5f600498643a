import { readFileSync, statSync } from 'node:fs';
import { RequestError } from '../problem.ts';

/** Bytes. The largest lockfile of the gateway has 1 MB. */
const LARGEST_FILE = 64_000_000;

/**
 * Reads a text file of a checkout. A checkout can have a pipe or a device in its place, which would never end.
 * Reads at once: a checkout has thousands of small files, and waiting for each takes three times as long.
 *
 * @throws RequestError if it cannot be read, is not a regular file, or is too large
 */
export async function readSourceFile(path: string): Promise<string> {
  const refuse = (reason: string, options?: ErrorOptions): RequestError =>
    new RequestError([{ source: path, value: '', reason, hint: 'correct the checkout, or clone it again' }], options);
  try {
    const state = statSync(path);
    if (!state.isFile()) throw refuse('is not a file');
    if (state.size > LARGEST_FILE) throw refuse(`has ${state.size} bytes, more than ${LARGEST_FILE}`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof RequestError) throw error;
    throw refuse(`cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
