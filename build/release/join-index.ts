import type { Annotations } from '../oci/annotations.ts';
import { type Descriptor, MEDIA_TYPES, type StoredDocument, storeDocument } from '../oci/descriptor.ts';
import type { Platform } from '../oci/platform.ts';
import { WorkError } from '../problem.ts';

/** The manifest of one platform, with its attestation. */
export interface PlatformManifest {
  readonly platform: Platform;
  readonly manifest: Descriptor;
  readonly attestation: Descriptor;
  /** Annotations of the manifest, without those that differ between platforms. */
  readonly annotations: Annotations;
}

/**
 * Joins several platforms into one index: images first, then their attestations, in BuildKit's order.
 *
 * @throws WorkError if the platforms have different annotations
 */
export function joinIndex(images: readonly PlatformManifest[]): StoredDocument {
  return storeDocument({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.index,
    manifests: [...images.map(({ manifest }) => manifest), ...images.map(({ attestation }) => attestation)],
    annotations: sharedAnnotations(images),
  });
}

function sharedAnnotations(images: readonly PlatformManifest[]): Annotations {
  const [first, ...others] = images;
  if (first === undefined) throw new Error('an index needs a platform');
  for (const { platform, annotations } of others) {
    const keys = new Set([...Object.keys(first.annotations), ...Object.keys(annotations)]);
    const differing = [...keys].filter((key) => first.annotations[key] !== annotations[key]);
    if (differing.length === 0) continue;
    const shown = differing.map((key) => `${key} (${first.annotations[key] ?? 'none'}, ${annotations[key] ?? 'none'})`);
    throw platformsDiffer(`${first.platform} and ${platform} differ in ${shown.join(', ')}.`);
  }
  return first.annotations;
}

export const platformsDiffer = (reason: string): WorkError =>
  new WorkError({
    kind: 'platforms-differ',
    title: 'The platforms do not belong to the same release',
    reason,
    hint: 'build all platforms from the same ref, base and date: scripts/run release build',
  });
