import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';

/** Chunk size: a gateway's 330 MB need few turns of the event loop. */
const CHUNK_BYTES = 1 << 20;

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
  const unpacked = pipeline(packed, createGunzip({ chunkSize: CHUNK_BYTES }), entries);
  for await (const entry of entries) {
    const path = entry.header.name.replace(/^[^/]+\//, '');
    if (entry.header.type === 'file' && wanted.some((pattern) => pattern.test(path)))
      files.set(path, await text(entry));
    else entry.resume();
  }
  await unpacked;
  return files;
}
