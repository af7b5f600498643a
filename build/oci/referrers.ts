import { type Descriptor, type ImageManifest, MEDIA_TYPES, storeDocument } from './descriptor.ts';
import { manifestsOf } from './document.ts';
import type { Repository } from './reference.ts';
import type { Registry } from './registry.ts';

/** An entry in a list of referrers. */
export interface Referrer extends Descriptor {
  readonly artifactType?: string;
}

/** The tag under which registries without the referrers API keep the list. Source: OCI distribution-spec, "Referrers Tag Schema". */
export const referrersTag = (digest: string): string => digest.replace(':', '-');

/** @returns all referrers of an image; their artifact type may be missing, because some tools do not write it */
export async function listReferrers(
  registry: Registry,
  repository: Repository,
  digest: string,
): Promise<readonly Referrer[]> {
  const listed =
    (await registry.referrers(repository, digest)) ?? (await registry.document(repository, referrersTag(digest)));
  return listed === undefined ? [] : manifestsOf(listed.content);
}

/**
 * Stores a manifest that has a subject, and adds it to the list of referrers.
 *
 * Source: OCI distribution-spec, "Pushing Manifests with Subject"
 */
export async function putReferrer(
  registry: Registry,
  repository: Repository,
  manifest: ImageManifest & { readonly subject: Descriptor },
): Promise<void> {
  const document = storeDocument(manifest);
  const { digest } = document.descriptor;
  const { listsReferrers } = await registry.putDocument(repository, digest, document);
  if (listsReferrers) return;
  const tag = referrersTag(manifest.subject.digest);
  const before = await registry.document(repository, tag);
  const known = before === undefined ? [] : manifestsOf(before.content);
  if (known.some((entry) => entry.digest === digest)) return;
  const entry: Referrer = {
    ...document.descriptor,
    ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
  const index = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [...known, entry] });
  await registry.putDocument(repository, tag, index);
}
