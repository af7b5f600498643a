import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cacheFolder } from '../cache-folder.ts';
import { type BuildInputs, readBuildInputs } from './build-inputs.ts';
import type { GatewayBuildPlan } from './build-plan.ts';

/** A record of a build, found by its key: equal contents have equal keys. */
export interface BuildRecord {
  /** ISO 8601. */
  readonly created: string;
  /**
   * Digests of the images that the engine got. There can be several: BuildKit may have made the same layer in two other builds,
   * and copies the times in an image's history from either.
   */
  readonly digests: readonly string[];
  /** Bytes of each layer, unpacked, in the order of the plan. */
  readonly layerSizes?: readonly (number | undefined)[];
}

/** Change the file name when the format changes. */
const recordFile = (key: string): string => cacheFolder('builds', key, 'record-2.json');

/** @returns the record of an earlier build with the same contents, or a new one that starts now */
export async function readBuildRecord(key: string): Promise<BuildRecord> {
  try {
    return JSON.parse(await readFile(recordFile(key), 'utf8')) as BuildRecord;
  } catch {
    return { created: new Date().toISOString(), digests: [] };
  }
}

export async function writeBuildRecord(key: string, record: BuildRecord): Promise<void> {
  await mkdir(dirname(recordFile(key)), { recursive: true });
  await writeFileAtomic(recordFile(key), `${JSON.stringify(record)}\n`);
}

/** A layer that this project added to the base. */
export interface BuiltLayer {
  readonly name: string;
  /** Its contents, for people. */
  readonly holds: string;
  readonly cached: boolean;
  /** Unpacked bytes; undefined if the image is not in this engine. */
  readonly size: number | undefined;
}

/** The inputs and results of the last build under a name. */
export interface LastBuild {
  /** ISO 8601. */
  readonly built: string;
  readonly inputs: BuildInputs;
  /** Digest of the image; undefined in older records. */
  readonly digest?: string | undefined;
  /** Bytes of the compressed layers; undefined in older records, and if the image was not loaded. */
  readonly size?: number | undefined;
  /** Seconds that each stage took when it last ran. */
  readonly stageSeconds: Readonly<Record<string, number>>;
  readonly layers: readonly BuiltLayer[];
  /** Stages that ran although nothing that they read had changed; undefined in older records. */
  readonly uncached?: readonly string[];
}

/** Change the folder name when the format changes. */
const lastBuildFile = (name: string): string =>
  cacheFolder('builds', 'last-1', `${createHash('sha256').update(name).digest('hex').slice(0, 16)}.json`);

/** @returns undefined if nothing was built under this name on this host */
export async function readLastBuild(name: string): Promise<LastBuild | undefined> {
  try {
    return JSON.parse(await readFile(lastBuildFile(name), 'utf8')) as LastBuild;
  } catch {
    return undefined;
  }
}

export async function writeLastBuild(name: string, last: LastBuild): Promise<void> {
  await mkdir(dirname(lastBuildFile(name)), { recursive: true });
  await writeFileAtomic(lastBuildFile(name), `${JSON.stringify(last)}\n`);
}

/** Reads the inputs of a build. Files that are unchanged since the last build under this name are not read again. */
export const readInputs = async (plan: GatewayBuildPlan, names: readonly string[]): Promise<BuildInputs> =>
  readBuildInputs(plan, (await readLastBuild(names[0] ?? ''))?.inputs);
