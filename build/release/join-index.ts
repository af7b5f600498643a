import type { Annotations } from '../oci/annotations.ts';
import { MEDIA_TYPES, type StoredDocument, storeDocument } from '../oci/descriptor.ts';
import { WorkError } from '../problem.ts';
import type { Piece } from './release-record.ts';

type Joined = Pick<Piece, 'platform' | 'manifest' | 'attestation' | 'annotations'>;

/**
 * One index of several platforms: images first, what is said of them after, as BuildKit orders them.
 *
 * @throws WorkError where the platforms do not say the same of themselves
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
      title: 'The platforms of an image are not the same release',
      reason: `${first.platform} and ${platform} differ in ${shown.join(', ')}`,
      wayOut: 'build all of them from the same ref, base and date: scripts/run release build',
    });
  }
  return first.annotations;
}
