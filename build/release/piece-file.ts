import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { MACHINES, type Platform } from '../oci/platform.ts';
import { WorkError } from '../problem.ts';
import { VARIANT_IMAGES, type VariantImage } from '../spec/variant.ts';
import type { ReleaseRequest } from './plan-release.ts';
import { type Piece, releaseName } from './release-record.ts';

/** What a machine that built one platform tells the machine that joins them. */
export interface PieceFile {
  /** What it belongs to: `2026.3.13`. */
  readonly release: string;
  readonly revision: string;
  readonly source: string;
  readonly piece: Piece;
  /** Names of the checks of the contract that it has passed there, booted. */
  readonly checks: readonly string[];
}

/** A name that is none of another piece's, so that the files of all machines can stand in one folder. */
const fileName = ({ image, platform }: Pick<Piece, 'image' | 'platform'>): string =>
  `${image}-${MACHINES[platform].debian}.json`;

/** @returns the file's path */
export async function writePieceFile(folder: string, file: PieceFile): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileName(file.piece));
  await writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`);
  return path;
}

/** @throws WorkError where one is missing, or belongs to another release */
export async function readPieceFiles(
  folder: string,
  release: Pick<ReleaseRequest, 'ref' | 'event' | 'date' | 'variants' | 'platforms'>,
): Promise<readonly PieceFile[]> {
  const names = new Set(await readdir(folder).catch(() => []));
  const images = [...new Set(release.variants.map((variant) => VARIANT_IMAGES[variant]))];
  const wanted = images.flatMap((image) => release.platforms.map((platform) => ({ image, platform })));
  const missing = wanted.filter((one) => !names.has(fileName(one)));
  if (missing.length > 0) throw incomplete(folder, missing, release.ref);
  const files = await Promise.all(
    wanted.map(async (one) => JSON.parse(await readFile(join(folder, fileName(one)), 'utf8')) as PieceFile),
  );
  const [first] = files;
  const name = releaseName(release);
  for (const file of files) {
    if (file.release === name && file.revision === first?.revision) continue;
    throw new WorkError({
      kind: 'platforms-differ',
      title: 'The platforms of an image are not the same release',
      reason: `${fileName(file.piece)} in ${folder} is of ${file.release} at ${file.revision.slice(0, 12)}; ${name} at ${first?.revision.slice(0, 12)} is joined`,
      wayOut: 'build all of them from the same ref, base and date: scripts/run release build',
    });
  }
  return files;
}

const incomplete = (
  folder: string,
  missing: readonly { readonly image: VariantImage; readonly platform: Platform }[],
  ref: string,
): WorkError =>
  new WorkError({
    kind: 'incomplete',
    title: 'A release is complete, or it is none',
    reason: `${folder} is without ${missing.map(({ image, platform }) => `${image} for ${platform}`).join(', ')}`,
    wayOut: `build it where that platform runs: scripts/run release build --ref ${ref} --platforms ${missing[0]?.platform} --to ${folder}`,
  });
