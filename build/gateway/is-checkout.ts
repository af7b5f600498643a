import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePackageJson } from './package-json.ts';

/** Name of the gateway's package, on npm and in a checkout. */
export const PACKAGE = 'openclaw';

/** Whether a folder is the top folder of a checkout of the gateway. */
export async function isCheckout(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'pnpm-workspace.yaml')) || !existsSync(join(folder, 'openclaw.mjs'))) return false;
  const file = join(folder, 'package.json');
  return parsePackageJson(await readFile(file, 'utf8').catch(() => '{}'), file).name === PACKAGE;
}
