import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { $ } from 'zx';

/**
 * Packs files as npm packs a gateway.
 *
 * @param folder for the files and the archive
 * @param files contents by path; those that begin with `#!` are executable
 * @param mode of the other files
 * @returns the path of the archive
 */
export async function packGateway(
  folder: string,
  name: string,
  files: Readonly<Record<string, string>>,
  mode = 0o644,
): Promise<string> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name, 'package', path)), { recursive: true });
    await writeFile(join(folder, name, 'package', path), text, { mode: text.startsWith('#!') ? 0o755 : mode });
  }
  const archive = join(folder, `${name}.tgz`);
  await $`tar -czf ${archive} -C ${join(folder, name)} package`;
  return archive;
}
