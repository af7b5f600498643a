import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parsePackageJson } from './package-json.ts';
import { readSourceFile } from './source-file.ts';

/** Name of the gateway's package, on npm and in a checkout. */
export const PACKAGE = 'openclaw';

const REQUIRED = ['package.json', 'pnpm-workspace.yaml', 'openclaw.mjs'] as const;

/** @returns why a folder is not the top folder of a checkout of the gateway; undefined if it is */
export async function checkoutObjection(folder: string): Promise<string | undefined> {
  const absent = REQUIRED.filter((name) => !existsSync(join(folder, name)));
  if (absent.length > 0) return existsSync(folder) ? `it has no ${absent.join(', no ')}` : 'it does not exist';
  const file = join(folder, 'package.json');
  const { name } = parsePackageJson(await readSourceFile(file), file);
  return name === PACKAGE ? undefined : `its package.json has the name ${name}, not ${PACKAGE}`;
}

/** Whether a folder is the top folder of a checkout of the gateway. */
export const isCheckout = async (folder: string): Promise<boolean> =>
  // The current folder may be any folder, also one with a package.json that is not valid.
  (await checkoutObjection(folder).catch(() => 'it cannot be read')) === undefined;
