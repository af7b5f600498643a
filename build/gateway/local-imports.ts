import { existsSync, statSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';
import { readSourceFile } from './source-file.ts';

/** Relative imports: `import … from './x'`, `import('./x')`, `require('./x')`. */
const RELATIVE_IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"']+)["']/g;
const ENDINGS = ['', '.mjs', '.js', '.cjs', '.ts', '.json', '/index.js', '/index.ts'];

/** The file that an import without its ending names; TypeScript writes `./x.js` for `x.ts`. @param path relative to the checkout */
function importedFile(root: string, path: string): string | undefined {
  const candidates = [...ENDINGS.map((ending) => `${path}${ending}`), path.replace(/js$/, 'ts')];
  return candidates.find((file) => statSync(join(root, file), { throwIfNoEntry: false })?.isFile() === true);
}

/** Visits files of a checkout, and everything that they import, directly or indirectly. Imports of missing files are left out. */
async function visitWithImports(
  root: string,
  files: readonly string[],
  read: (file: string, text: string) => string,
): Promise<readonly string[]> {
  const visited = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (visited.has(file) || !existsSync(join(root, file))) return;
    visited.add(file);
    const text = read(file, await readSourceFile(join(root, file)));
    for (const [, specifier = ''] of text.matchAll(RELATIVE_IMPORT)) {
      const path = importedFile(root, normalize(join(dirname(file), specifier)));
      if (path !== undefined && !path.startsWith('..')) await visit(path);
    }
  };
  for (const file of files) await visit(normalize(file));
  return [...visited].sort();
}

/**
 * The files that scripts of a checkout need: the scripts, and everything they import, directly or indirectly.
 *
 * @param root the checkout
 * @param files scripts, relative to the checkout
 * @returns relative paths, sorted; imports of missing files are left out
 */
export const withLocalImports = (root: string, files: readonly string[]): Promise<readonly string[]> =>
  visitWithImports(root, files, (_, text) => text);

/** A compiler removes imports of types. */
const TYPE_IMPORT = /^\s*(?:import|export)\s+type\s+(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+)\s*from\s*["'][^"'\n]+["']/gm;

/** Imports of packages: `import … from 'x'`, `import('@y/z/sub')`, `require('x')`. */
const PACKAGE_IMPORT =
  /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["']((?:@[\w.-]+\/)?[a-zA-Z][\w.-]*)(?:\/[^"'\n]*)?["']/g;

/**
 * The packages that source files import, and everything that they import, directly or indirectly. Imports of types do not count.
 *
 * @param root the checkout
 * @param files relative to the checkout
 * @returns the names of packages by file
 */
export async function packageImports(
  root: string,
  files: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Map<string, readonly string[]>();
  await visitWithImports(root, files, (file, text) => {
    const code = text.replace(TYPE_IMPORT, '');
    names.set(
      file,
      [...code.matchAll(PACKAGE_IMPORT)].map(([, name = '']) => name),
    );
    return code;
  });
  return names;
}

const PATH_ABOVE = /["']((?:\.\.\/)+[\w.-]+(?:\/[^"'\n]*)?)["']/g;

/**
 * The paths above their own folder that the files of a pattern name, in imports or elsewhere. Tests and their helpers (`x.test-utils.ts`)
 * are skipped.
 *
 * @returns paths relative to the checkout, as far as they exist: the file that an import means, or a folder
 */
export async function pathsAbove(root: string, pattern: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for await (const entry of glob(pattern, { cwd: root, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('node_modules') || /\btest\b/.test(entry.name)) continue;
    const text = await readSourceFile(join(entry.parentPath, entry.name));
    for (const [, path = ''] of text.matchAll(PATH_ABOVE)) {
      found.add(normalize(join(relative(root, entry.parentPath), path)).replace(/\/$/, ''));
    }
  }
  const paths = [...found].filter((path) => !path.startsWith('..')).map((path) => importedFile(root, path) ?? path);
  return [...new Set(paths)].filter((path) => existsSync(join(root, path))).sort();
}

/** Whether a file of a pattern contains a text. Tests are skipped. */
export async function isMentioned(root: string, pattern: string, name: string): Promise<boolean> {
  for await (const entry of glob(pattern, { cwd: root, withFileTypes: true })) {
    if (!entry.isFile() || /\btest\b/.test(entry.name)) continue;
    if ((await readSourceFile(join(entry.parentPath, entry.name))).includes(name)) return true;
  }
  return false;
}
