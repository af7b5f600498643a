import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cacheFolder } from '../cache-folder.ts';

const recordFile = (key: string): string => cacheFolder('builds', key, 'record.json');

/**
 * When an image of these contents was first built here. A build that changes nothing then gives the same image, where a
 * clock in its annotations would give another one each time.
 */
export async function firstBuilt(key: string): Promise<Date> {
  try {
    return new Date((JSON.parse(await readFile(recordFile(key), 'utf8')) as { readonly created: string }).created);
  } catch {
    return new Date();
  }
}

export async function recordBuild(key: string, created: Date): Promise<void> {
  await mkdir(dirname(recordFile(key)), { recursive: true });
  await writeFileAtomic(recordFile(key), `${JSON.stringify({ created: created.toISOString() })}\n`);
}
