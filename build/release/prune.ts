import { EXPIRES_ANNOTATION, RUN_BASE_ANNOTATION } from '../oci/annotations.ts';
import { type ImageDocument, isIndex, isIndexType } from '../oci/document.ts';
import { parseReference, type Repository, repositoryOf } from '../oci/reference.ts';
import { listReferrers, referrersTag } from '../oci/referrers.ts';
import type { Registry } from '../oci/registry.ts';
import { type ExistingTag, planPrune, type StaleTag } from './plan-prune.ts';
import { LOCK_TAG } from './release-lock.ts';
import { readRecord, recordTag } from './release-record.ts';

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
  const manifests = new Set([...attached, ...unneeded]);
  const untagged = await untaggedImages(registry, repository, existing, known);
  const others = await withoutSignaturesOfOthers(untagged, registry, repository);
  const lists = listsOfReferrers(existing, [...manifests], 'lists signatures of an image above');
  const alone = listsOfReferrers(existing, untagged, 'lists signatures of an image that no tag and no record names');
  return { registry: name, tags: [...tags, ...lists, ...alone], manifests: [...new Set([...manifests, ...others])] };
}

/**
 * The images that no tag names any more, such as earlier ones of `main`, with what they list and their signatures. A registry does not
 * list them, but without the referrers API a list of their signatures remains, whose tag has their digest.
 *
 * @returns nothing if a record cannot be read: it may name them
 */
async function untaggedImages(
  registry: Registry,
  repository: Repository,
  existing: ReadonlyMap<string, ExistingTag>,
  known: Map<string, Promise<readonly string[]>>,
): Promise<readonly string[]> {
  const isList = (tag: string): boolean => /^sha256-[0-9a-f]{64}$/.test(tag);
  const named = new Set([...existing].flatMap(([tag, { digest, lists }]) => (isList(tag) ? [] : [digest, ...lists])));
  const subjects = [...existing.keys()].filter(isList).map((tag) => tag.replace('-', ':'));
  const candidates = subjects.filter((digest) => !named.has(digest));
  const recorded = candidates.length === 0 ? named : await recordedDigests(registry, repository, existing, known);
  if (recorded === undefined) return [];
  const images = candidates.filter((digest) => !recorded.has(digest));
  const parts = await Promise.all(
    images.map(async (digest) => {
      const document = await registry.document(repository, digest);
      const listed = document === undefined ? [] : await listedBy(document.content, registry, repository, known);
      return [digest, ...listed, ...(existing.get(referrersTag(digest))?.lists ?? [])];
    }),
  );
  return [...new Set(parts.flat())].filter((digest) => !named.has(digest) && !recorded.has(digest));
}

/** The digests of all images that records name, and of what those list. @returns undefined if a record cannot be read */
async function recordedDigests(
  registry: Registry,
  repository: Repository,
  existing: ReadonlyMap<string, ExistingTag>,
  known: Map<string, Promise<readonly string[]>>,
): Promise<ReadonlySet<string> | undefined> {
  const prefix = recordTag('');
  const names = [...existing.keys()].flatMap((tag) =>
    tag.startsWith(prefix) && tag !== LOCK_TAG ? [tag.slice(prefix.length)] : [],
  );
  const digests = new Set<string>();
  for (const name of names) {
    // Nobody's signature counts here: a planted record can only keep images.
    const stored = await readRecord(registry, repositoryOf(repository), name).catch(() => 'unreadable' as const);
    if (stored === 'unreadable') return undefined;
    for (const { index, platforms } of Object.values(stored?.record.images ?? {}))
      for (const { digest } of [index, ...Object.values(platforms)]) {
        const document = await registry.document(repository, digest);
        const listed = document === undefined ? [] : await listedBy(document.content, registry, repository, known);
        for (const each of [digest, ...listed]) digests.add(each);
      }
  }
  return digests;
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
  why: string,
): readonly StaleTag[] =>
  manifests.flatMap((subject): readonly StaleTag[] => {
    const tag = referrersTag(subject);
    const digest = existing.get(tag)?.digest;
    return digest === undefined ? [] : [{ tag, digest, why }];
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
