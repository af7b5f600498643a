import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

/** Relative imports: `import … from './x'`, `import('./x')`, `require('./x')`. */
const RELATIVE_IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"']+)["']/g;
const ENDINGS = ['', '.mjs', '.js', '.cjs', '.ts', '.json', '/index.js'];

/**
 * The files that scripts of a checkout need: the scripts, and everything they import, directly or indirectly.
 *
 * @param root the checkout
 * @param files scripts, relative to the checkout
 * @returns relative paths, sorted; imports of missing files are left out
 */
export async function withLocalImports(root: string, files: readonly string[]): Promise<readonly string[]> {
  const imports = new Set<string>();
  const visit = async (file: string): Promise<void> => {
    if (imports.has(file) || !existsSync(join(root, file))) return;
    imports.add(file);
    const text = await readFile(join(root, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(RELATIVE_IMPORT)) {
      const target = normalize(join(dirname(file), specifier));
      const path = ENDINGS.map((ending) => `${target}${ending}`).find((candidate) => existsSync(join(root, candidate)));
      if (path !== undefined && !path.startsWith('..')) await visit(path);
    }
  };
  for (const file of files) await visit(normalize(file));
  return [...imports].sort();
}
