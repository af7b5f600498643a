import { rm } from 'node:fs/promises';
import { afterEach } from 'vitest';
import { makeCheckout } from './make-checkout.ts';

const folders: string[] = [];
afterEach(() => Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true }))));

/** Makes a checkout that is deleted after the test. */
export async function temporaryCheckout(...args: Parameters<typeof makeCheckout>): Promise<string> {
  const folder = await makeCheckout(...args);
  folders.push(folder);
  return folder;
}
