import { parseRunBaseName } from '../base/base-labels.ts';
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
  /** Digest of the run base that its annotations name. */
  readonly runBase?: string | undefined;
}

/** A tag of which a newer one takes the place: `2026.9.5-r20260401-arm64`, `base-24-20260401`. */
interface DatedTag {
  /** Name of the release: `2026.9.5-r20260401`. */
  readonly name: string;
  /** The tag without its date. */
  readonly line: string;
  readonly date: string;
  readonly kind: 'refresh' | 'run base';
}

function parseDatedTag(tag: string): DatedTag | undefined {
  const { name } = splitVariantTag(withoutArchitecture(tag));
  const suffix = tag.slice(name.length);
  const parsed = parseVersionTag(name);
  if (parsed?.refreshed !== undefined)
    return { name, line: `${parsed.version.text}${suffix}`, date: parsed.refreshed, kind: 'refresh' };
  const runBase = parseRunBaseName(name);
  return runBase && { name, line: `${runBase.line}${suffix}`, date: runBase.date, kind: 'run base' };
}

/**
 * Finds refreshes that newer refreshes of the same version replaced, and run bases that newer ones replaced, with their records, and
 * images of pull requests that expired. Pure.
 *
 * Never a version, a channel, the newest ones, a run base of a remaining image, or a tag whose image a remaining tag names or lists: some
 * registries delete the manifest with its tag.
 *
 * @param tags of the whole repository, by name
 * @param keep newest refreshes of each version, variant and platform to keep, and newest run bases; at least 1
 * @param now milliseconds since 1970
 */
export function planPrune(tags: ReadonlyMap<string, ExistingTag>, keep: number, now: number): readonly StaleTag[] {
  const digests = new Map([...tags].map(([tag, { digest }]) => [tag, digest]));
  // Not every refresh has every variant and platform.
  const dated = [...digests].flatMap(([tag, digest]) => {
    const parsed = parseDatedTag(tag);
    return parsed === undefined ? [] : [{ tag, digest, ...parsed }];
  });
  const datesOf = new Map<string, Set<string>>();
  for (const { line, date } of dated) datesOf.set(line, (datesOf.get(line) ?? new Set()).add(date));
  const kept = new Map([...datesOf].map(([line, dates]) => [line, [...dates].sort().slice(-keep)]));
  const replaced = dated.filter(({ line, date }) => kept.get(line)?.includes(date) !== true);
  const expired = [...tags].flatMap(([tag, { digest, expires = '' }]): readonly StaleTag[] =>
    isPreviewTag(tag) && Date.parse(expires) <= now ? [{ tag, digest, why: `expired on ${expires.slice(0, 10)}` }] : [],
  );
  const candidates = new Set([...replaced, ...expired].map(({ tag }) => tag));
  const named = new Set(
    [...tags].flatMap(([tag, { digest, lists, runBase = '' }]) =>
      candidates.has(tag) ? [] : [digest, ...lists, runBase],
    ),
  );
  const isUnnamed = ({ digest }: Pick<StaleTag, 'digest'>): boolean => !named.has(digest);
  // All tags of a run base stay with it.
  const needed = new Set(replaced.flatMap((tag) => (tag.kind === 'run base' && !isUnnamed(tag) ? [tag.name] : [])));
  const stale = replaced.filter((tag) => isUnnamed(tag) && !needed.has(tag.name));
  const removed = new Set(stale.map(({ tag }) => tag));
  const remaining = new Set(dated.flatMap(({ tag, name }) => (removed.has(tag) ? [] : [name])));
  const records = [...new Set(stale.map(({ name }) => name))].flatMap((name): readonly StaleTag[] => {
    const tag = recordTag(name);
    const digest = digests.get(tag);
    const why = `the record of ${name}, of which no tag remains`;
    return digest === undefined || remaining.has(name) ? [] : [{ tag, digest, why }];
  });
  return [
    ...stale.map(({ tag, digest, line, kind }) => ({
      tag,
      digest,
      why: `${line} has the newer ${kind} ${kept.get(line)?.at(-1)}`,
    })),
    ...records,
    ...expired.filter(isUnnamed),
  ].sort((a, b) => (a.tag < b.tag ? -1 : 1));
}
