import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { PassThrough, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { WorkError } from '../problem.ts';
import { explainNpmError, type NpmOptions, npmErrorCode } from './npm.ts';
import { readPackedFiles } from './packed-file.ts';
import type { ResolvedPackage } from './resolved-package.ts';

/**
 * Downloads a package, and reads some of its files in the same pass.
 *
 * @param archive path to write the package to
 * @param wanted patterns of the paths to read, below the package's root
 * @returns path → text
 * @throws WorkError if the bytes do not match the integrity
 */
export async function download(
  { selector, integrity }: ResolvedPackage,
  archive: string,
  npm: NpmOptions,
  wanted: readonly RegExp[] = [],
): Promise<ReadonlyMap<string, string>> {
  const { default: pacote } = await import('pacote');
  const save = async (bytes: AsyncIterable<Uint8Array>): Promise<ReadonlyMap<string, string>> => {
    const copy = new PassThrough();
    const [files] = await Promise.all([
      readPackedFiles(copy, wanted),
      pipeline(duplicate(bytes, copy), createWriteStream(archive)),
    ]);
    return files;
  };
  try {
    // The archive is the only copy: npm's own cache would take another half second and 100 MB.
    const { cache: _, ...options } = npm;
    return await pacote.tarball.stream(selector, save, { ...options, integrity });
  } catch (error) {
    if (npmErrorCode(error) === 'EINTEGRITY') {
      throw new WorkError(
        {
          kind: 'integrity',
          title: 'The package does not match its integrity',
          reason: `The bytes of ${selector} do not match ${integrity}.`,
          hint: 'try again; if it happens twice, find the proxy that changes packages',
        },
        { cause: error },
      );
    }
    throw explainNpmError(error, selector);
  }
}

/** Passes bytes on, and also writes them to `copy`, at the speed of the slower one. */
async function* duplicate(bytes: AsyncIterable<Uint8Array>, copy: Writable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of bytes) {
      if (!copy.write(chunk)) await once(copy, 'drain');
      yield chunk;
    }
    copy.end();
  } catch (error) {
    copy.destroy(error as Error);
    throw error;
  }
}
