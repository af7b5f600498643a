import { parseVersionTag } from '../gateway/version.ts';
import { splitVariantTag } from '../spec/variant.ts';
import { isPreviewTag, withoutArchitecture } from './plan-release.ts';
import { recordTag } from './release-record.ts';

/** A tag of a repository that no longer serves. */
export interface StaleTag {
  readonly tag: string;
  readonly digest: string;
  readonly why: string;
}

/** A tag of a repository. */
export interface ExistingTag {
  readonly digest: string;
  /** Digests of the manifests that its index lists, at any depth. */
  readonly lists: readonly string[];
  /** Its annotation ai.openclaw.image.expires, ISO 8601. */
  readonly expires: string | undefined;
}

/**
 * Finds refreshes that newer refreshes of the same version replaced, with their records, and images of pull requests that expired. Pure.
 *
 * Never a version, a channel, the newest refreshes, or a tag whose image a remaining tag names or lists: some registries delete the
 * manifest with its tag.
 *
 * @param tags of the whole repository, by name
 * @param keep newest refreshes of each version, variant and platform to keep; at least 1
 * @param now milliseconds since 1970
 */
export function planPrune(tags: ReadonlyMap<string, ExistingTag>, keep: number, now: number): readonly StaleTag[] {
  const digests = new Map([...tags].map(([tag, { digest }]) => [tag, digest]));
  const refreshes = [...digests].flatMap(([tag, digest]) => {
    const { name } = splitVariantTag(withoutArchitecture(tag));
    const parsed = parseVersionTag(name);
    return parsed?.refreshed === undefined
      ? []
      : // Not every refresh has every variant and platform.
        [{ tag, digest, name, line: `${parsed.version.text}${tag.slice(name.length)}`, date: parsed.refreshed }];
  });
  const datesOf = new Map<string, Set<string>>();
  for (const { line, date } of refreshes) datesOf.set(line, (datesOf.get(line) ?? new Set()).add(date));
  const kept = new Map([...datesOf].map(([line, dates]) => [line, [...dates].sort().slice(-keep)]));
  const replaced = refreshes.filter(({ line, date }) => kept.get(line)?.includes(date) !== true);
  const expired = [...tags].flatMap(([tag, { digest, expires = '' }]): readonly StaleTag[] =>
    isPreviewTag(tag) && Date.parse(expires) <= now ? [{ tag, digest, why: `expired on ${expires.slice(0, 10)}` }] : [],
  );
  const candidates = new Set([...replaced, ...expired].map(({ tag }) => tag));
  const named = new Set(
    [...tags].flatMap(([tag, { digest, lists }]) => (candidates.has(tag) ? [] : [digest, ...lists])),
  );
  const isUnnamed = ({ digest }: Pick<StaleTag, 'digest'>): boolean => !named.has(digest);
  const stale = replaced.filter(isUnnamed);
  const removed = new Set(stale.map(({ tag }) => tag));
  const remaining = new Set(refreshes.flatMap(({ tag, name }) => (removed.has(tag) ? [] : [name])));
  const records = [...new Set(stale.map(({ name }) => name))].flatMap((name): readonly StaleTag[] => {
    const tag = recordTag(name);
    const digest = digests.get(tag);
    const why = `the record of ${name}, of which no tag remains`;
    return digest === undefined || remaining.has(name) ? [] : [{ tag, digest, why }];
  });
  return [
    ...stale.map(({ tag, digest, line }) => ({
      tag,
      digest,
      why: `${line} has the newer refresh ${kept.get(line)?.at(-1)}`,
    })),
    ...records,
    ...expired.filter(isUnnamed),
  ].sort((a, b) => (a.tag < b.tag ? -1 : 1));
}
