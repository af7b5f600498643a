import { execa } from 'execa';
import type { Engine } from '../engine/engine.ts';
import { layoutContent } from '../oci/content.ts';
import { readImageDocument } from '../oci/image-document.ts';
import { MACHINES } from '../oci/platform.ts';
import { WorkError } from '../problem.ts';
import { verifyImage } from '../verify/verify-image.ts';
import { pieceFolder } from './build-pieces.ts';
import { loadPiece } from './load-piece.ts';
import type { Piece } from './release-record.ts';

/**
 * Boots exactly what will be published, and holds it against the contract.
 *
 * @param folder where the images of this release stand
 * @returns names of the checks that it has passed
 * @throws WorkError where it does not keep the contract
 */
export async function verifyPiece(
  engine: Pick<Engine, 'docker' | 'environment'>,
  folder: string,
  piece: Piece,
  onStep: (step: string) => void,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { image, platform } = piece;
  const name = `openclaw-image-release:${image}-${MACHINES[platform].debian}`;
  try {
    const content = layoutContent(pieceFolder(folder, piece));
    await loadPiece(engine, content, piece.index, name);
    // The engine has these very bytes: that was looked at when they were loaded.
    const readDocument = () => readImageDocument(piece.index.digest, content.document);
    const check = (one: string): void => onStep(`verifying ${image} for ${platform}: ${one}`);
    const { results } = await verifyImage(engine, { reference: name, platform, readDocument }, check, signal);
    const failed = results.filter(({ outcome }) => !outcome.passed);
    if (failed.length === 0) return results.map((one) => one.name);
    throw new WorkError({
      kind: 'contract',
      title: 'The image does not keep its contract',
      reason: failed.map((one) => `${one.name}: ${one.outcome.found}`).join('; '),
      wayOut: `nothing was tagged; look at it: scripts/run build, then scripts/run verify openclaw:local --platform ${platform}`,
    });
  } finally {
    await execa(engine.docker, ['image', 'rm', '--force', name], {
      env: engine.environment,
      extendEnv: false,
      reject: false,
    });
  }
}
