import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Name of the gateway's package, on npm and in a checkout. */
export const PACKAGE = 'openclaw';

/** Whether a folder is the top folder of a checkout of the gateway. */
export async function isCheckout(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'pnpm-workspace.yaml')) || !existsSync(join(folder, 'openclaw.mjs'))) return false;
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
  return (JSON.parse(text) as { readonly name?: string }).name === PACKAGE;
}
