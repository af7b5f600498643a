import { type Descriptor, type ImageIndex, type ImageManifest, MEDIA_TYPES, storeDocument } from './descriptor.ts';
import type { Repository } from './reference.ts';
import { parseDocument, type Registry } from './registry.ts';

/** What refers to an image, as lists of it have it. */
export interface Referrer extends Descriptor {
  readonly artifactType?: string;
}

/** Where registries that list no referrers keep them. Source: OCI distribution-spec, "Referrers Tag Schema". */
export const referrersTag = (digest: string): string => digest.replace(':', '-');

/** @returns what refers to an image, whatever it is: some tools leave its type out of the list */
export async function listReferrers(
  registry: Registry,
  repository: Repository,
  digest: string,
): Promise<readonly Referrer[]> {
  const listed =
    (await registry.referrers(repository, digest)) ?? (await registry.document(repository, referrersTag(digest)));
  return listed === undefined ? [] : (parseDocument<ImageIndex>(listed.bytes).manifests ?? []);
}

/**
 * Puts a document that has a subject into a repository, and into the list of what refers to it.
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
  const known = before === undefined ? [] : (parseDocument<ImageIndex>(before.bytes).manifests ?? []);
  if (known.some((one) => one.digest === digest)) return;
  const entry: Referrer = {
    ...document.descriptor,
    ...(manifest.artifactType === undefined ? {} : { artifactType: manifest.artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  };
  const index = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [...known, entry] });
  await registry.putDocument(repository, tag, index);
}
