/**
 * Reads files out of a packed npm package without unpacking it.
 *
 * @param archive path of a .tgz
 * @param wanted says whether a path (below the package's root) is to be read
 * @returns path → text
 */
export async function readPackedFiles(
  archive: string,
  wanted: (path: string) => boolean,
): Promise<ReadonlyMap<string, string>> {
  const { list } = await import('tar');
  const files = new Map<string, string>();
  await list({
    file: archive,
    onReadEntry: (entry) => {
      const path = entry.path.replace(/^[^/]+\//, '');
      if (entry.type !== 'File' || !wanted(path)) return;
      const chunks: Buffer[] = [];
      entry.on('data', (chunk: Buffer) => chunks.push(chunk));
      entry.on('end', () => files.set(path, Buffer.concat(chunks).toString('utf8')));
    },
  });
  return files;
}
