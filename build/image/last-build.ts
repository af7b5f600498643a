import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { cacheFolder } from '../cache-folder.ts';
import { type BuildInputs, readBuildInputs } from './build-inputs.ts';
import type { GatewayBuildPlan } from './build-plan.ts';

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
  /** Seconds that each stage took when it last ran. */
  readonly stageSeconds: Readonly<Record<string, number>>;
  readonly layers: readonly BuiltLayer[];
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
