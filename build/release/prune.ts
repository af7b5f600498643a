import { EXPIRES_ANNOTATION, RUN_BASE_ANNOTATION } from '../oci/annotations.ts';
import { type ImageDocument, isIndex, isIndexType } from '../oci/document.ts';
import { parseReference, type Repository } from '../oci/reference.ts';
import { listReferrers, referrersTag } from '../oci/referrers.ts';
import type { Registry } from '../oci/registry.ts';
import { type ExistingTag, planPrune, type StaleTag } from './plan-prune.ts';

/** The tags and manifests that a repository no longer needs. */
export interface PrunePlan {
  /** `ghcr.io/openclaw/openclaw`. */
  readonly registry: string;
  readonly tags: readonly StaleTag[];
  /** Digests that only these tags lead to: images of single platforms, attestations, signatures. */
  readonly manifests: readonly string[];
}

/**
 * Reads all tags of a repository, and finds what no longer serves.
 *
 * @param keep newest refreshes of each version, and run bases, to keep
 */
export async function preparePrune(registry: Registry, name: string, keep: number): Promise<PrunePlan> {
  const repository = parseReference(name);
  const existing = new Map<string, ExistingTag>();
  const known = new Map<string, Promise<readonly string[]>>();
  // A document may have megabytes, and a repository thousands of tags: only what is compared is kept.
  const read = async (tag: string): Promise<ExistingTag | undefined> => {
    const document = await registry.document(repository, tag);
    if (document === undefined) return undefined;
    const { content, descriptor, annotations } = document;
    const lists = await listedBy(content, registry, repository, known);
    const { [EXPIRES_ANNOTATION]: expires, [RUN_BASE_ANNOTATION]: runBase } = annotations;
    return { digest: descriptor.digest, lists, expires, runBase: runBase?.split('@').at(-1) };
  };
  const names = await registry.tags(repository);
  const found = await Promise.all(names.map(async (tag) => [tag, await read(tag)] as const));
  for (const [tag, entry] of found) if (entry !== undefined) existing.set(tag, entry);
  const tags = planPrune(existing, keep, Date.now());
  const removed = new Set(tags.map(({ tag }) => tag));
  const reachedBy = (isRoot: (tag: string) => boolean): ReadonlySet<string> =>
    new Set([...existing].flatMap(([tag, { digest, lists }]) => (isRoot(tag) ? [digest, ...lists] : [])));
  const reached = [...reachedBy((tag) => removed.has(tag))];
  // Lists of signatures are tags too. That of an image which goes does not keep its signatures.
  const possible = new Set(reached.map(referrersTag));
  const neededByOthers = reachedBy((tag) => !removed.has(tag) && !possible.has(tag));
  const candidates = reached.filter((digest) => !neededByOthers.has(digest));
  const dropped = new Set(candidates.map(referrersTag));
  const needed = reachedBy((tag) => !removed.has(tag) && !dropped.has(tag));
  const unneeded = await withoutSignaturesOfOthers(
    candidates.filter((digest) => !needed.has(digest)),
    registry,
    repository,
  );
  const signatures = await Promise.all(unneeded.map((digest) => listReferrers(registry, repository, digest)));
  const attached = signatures.flat().flatMap(({ digest }) => (needed.has(digest) ? [] : [digest]));
  const manifests = [...new Set([...attached, ...unneeded])];
  return { registry: name, tags: [...tags, ...listsOfReferrers(existing, manifests)], manifests };
}

/**
 * The digests that an index lists, also those of an index in it.
 *
 * @param known answers for indexes that were read: many tags list the same
 */
async function listedBy(
  content: ImageDocument,
  registry: Registry,
  repository: Repository,
  known: Map<string, Promise<readonly string[]>>,
): Promise<readonly string[]> {
  if (!isIndex(content)) return [];
  const lists = content.manifests.map(async ({ digest, mediaType }) => {
    if (!isIndexType(mediaType)) return [digest];
    const inner =
      known.get(digest) ??
      registry
        .document(repository, digest)
        .then((found) => (found === undefined ? [] : listedBy(found.content, registry, repository, known)));
    known.set(digest, inner);
    return [digest, ...(await inner)];
  });
  return (await Promise.all(lists)).flat();
}

/** An index can list anything, also the signature of an image that stays. */
async function withoutSignaturesOfOthers(
  digests: readonly string[],
  registry: Registry,
  repository: Repository,
): Promise<readonly string[]> {
  const removed = new Set(digests);
  const kept = await Promise.all(
    digests.map(async (digest) => {
      const content = (await registry.document(repository, digest))?.content;
      const subject = content === undefined || isIndex(content) ? undefined : content.subject;
      return subject === undefined || removed.has(subject.digest) ? [digest] : [];
    }),
  );
  return kept.flat();
}

/** Registries without the referrers API keep the lists of signatures under tags. */
const listsOfReferrers = (
  existing: ReadonlyMap<string, ExistingTag>,
  manifests: readonly string[],
): readonly StaleTag[] =>
  manifests.flatMap((subject): readonly StaleTag[] => {
    const tag = referrersTag(subject);
    const digest = existing.get(tag)?.digest;
    return digest === undefined ? [] : [{ tag, digest, why: 'lists signatures of an image above' }];
  });

/**
 * Removes what a plan lists. No release may run meanwhile: it could give a tag to an image of the plan.
 *
 * @throws WorkError if the registry does not delete
 */
export async function prune(
  registry: Registry,
  { registry: name, tags, manifests }: PrunePlan,
  onStep: (step: string) => void,
): Promise<void> {
  const repository: Repository = parseReference(name);
  const roots = new Set(tags.map(({ digest }) => digest));
  // Tags last: after an interruption, the same command finds the rest by them.
  for (const digest of manifests) if (!roots.has(digest)) await registry.remove(repository, digest);
  for (const { tag, digest } of tags) {
    const now = await registry.document(repository, tag);
    if (now !== undefined && now.descriptor.digest !== digest) continue;
    onStep(`removing ${name}:${tag}`);
    // Some registries delete no single tags; all delete the tags of a manifest with it. No remaining tag names this one.
    await registry.remove(repository, tag);
    await registry.remove(repository, digest);
  }
}
