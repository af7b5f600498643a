import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/** Chunk size: a gateway's 330 MB need few turns of the event loop. */
const CHUNK_BYTES = 1 << 20;

/** Bytes. The largest file that is read of a gateway, its package.json, has 100 kB. */
const LARGEST_FILE = 16_000_000;

/**
 * Reads files from a packed npm package while it streams, without unpacking it.
 *
 * @param packed bytes of a .tgz
 * @param wanted patterns of the paths to read, below the package's root
 * @returns path → text
 */
export async function readPackedFiles(
  packed: Readable | AsyncIterable<Uint8Array>,
  wanted: readonly RegExp[],
): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const entries = extract();
  const read = async (): Promise<void> => {
    for await (const entry of entries) {
      const { name, type, size = 0 } = entry.header;
      const path = name.replace(/^[^/]+\//, '');
      const isWanted = type === 'file' && wanted.some((pattern) => pattern.test(path));
      if (isWanted && size > LARGEST_FILE) throw new Error(`${path} has ${size} bytes, more than ${LARGEST_FILE}`);
      if (isWanted) files.set(path, await text(entry));
      else entry.resume();
    }
  };
  // Both fail if the bytes are not an archive.
  await Promise.all([pipeline(packed, createGunzip({ chunkSize: CHUNK_BYTES }), entries), read()]);
  return files;
}
