import { appendFile, cp, glob, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { makeCheckout } from '../support/make-checkout.ts';

/** A copy of a checkout, without installed packages; of the fixture if none is named. */
export async function copyCheckout(source: string | undefined): Promise<string> {
  if (source === undefined) return makeCheckout('new');
  const copy = await mkdtemp(join(tmpdir(), 'openclaw-image-checkout-'));
  await cp(source, copy, { recursive: true, filter: (path) => !path.includes('node_modules') });
  return copy;
}

/** A clone of a checkout: a release must be built from a commit. */
export async function cloneCheckout(source: string | undefined): Promise<string> {
  if (source === undefined) return makeCheckout('new');
  const clone = await mkdtemp(join(tmpdir(), 'openclaw-image-clone-'));
  await $`git clone --quiet ${source} ${clone}`;
  return clone;
}

/** Changes a file of a checkout, by a text that it did not contain before. */
export type Change = (folder: string, text: string) => Promise<void>;

/** Appends to the first file of a pattern, except tests. */
export const appendTo =
  (pattern: string, comment: (text: string) => string): Change =>
  async (where, text) => {
    for await (const path of glob(pattern, { cwd: where, exclude: ['**/node_modules/**'] })) {
      if (/\.test\./.test(path)) continue;
      await appendFile(join(where, path), comment(text));
      return;
    }
    throw new Error(`${where} has no ${pattern}`);
  };

const code = (text: string): string => `\nexport const edited${text} = '${text}';\n`;

export const editDocs = appendTo('docs/**/*.md', (text) => `\n${text}\n`);
export const editServer = appendTo('src/index.{ts,js}', code);
export const editPlugin = appendTo('extensions/*/index.{ts,js}', code);
