import type { Annotations } from '../oci/annotations.ts';
import { MEDIA_TYPES, type StoredDocument, storeDocument } from '../oci/descriptor.ts';
import { WorkError } from '../problem.ts';
import type { Piece } from './release-record.ts';

type Joined = Pick<Piece, 'platform' | 'manifest' | 'attestation' | 'annotations'>;

/**
 * Joins several platforms into one index: images first, then their attestations, in BuildKit's order.
 *
 * @throws WorkError if the platforms have different annotations
 */
export function joinIndex(pieces: readonly Joined[]): StoredDocument {
  return storeDocument({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [...pieces.map(({ manifest }) => manifest), ...pieces.map(({ attestation }) => attestation)],
    annotations: sharedAnnotations(pieces),
  });
}

function sharedAnnotations(pieces: readonly Joined[]): Annotations {
  const [first, ...others] = pieces;
  if (first === undefined) throw new Error('an index needs a platform');
  for (const { platform, annotations } of others) {
    const keys = new Set([...Object.keys(first.annotations), ...Object.keys(annotations)]);
    const differing = [...keys].filter((key) => first.annotations[key] !== annotations[key]);
    if (differing.length === 0) continue;
    const shown = differing.map((key) => `${key} (${first.annotations[key] ?? 'none'}, ${annotations[key] ?? 'none'})`);
    throw new WorkError({
      kind: 'platforms-differ',
      title: 'The platforms do not belong to the same release',
      reason: `${first.platform} and ${platform} differ in ${shown.join(', ')}.`,
      wayOut: 'build all platforms from the same ref, base and date: scripts/run release build',
    });
  }
  return first.annotations;
}
