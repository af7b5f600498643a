import { allOrFirstFailure } from '../all-or-first-failure.ts';
import type { Signer } from '../attest/signature.ts';
import { putUntagged } from '../oci/artifact.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { splitVariantTag } from '../spec/variant.ts';
import { builtDigests } from './built-digests.ts';
import { type Channel, type ChannelDecision, isRefreshOf } from './channel-decision.ts';
import { rememberWritten } from './own-digests.ts';
import { newerReleases, type PlannedTag, type PlanState, planRelease, withoutArchitecture } from './plan-release.ts';
import { readAllPublished } from './read-published.ts';
import { guardedRegistry, type LockWait, takeLock } from './release-lock.ts';
import { asPush, type ReleaseRecord } from './release-record.ts';
import { isDrift, releaseStatus } from './release-status.ts';
import { assertTags, channelVariants, digestOfTag, putTag } from './release-tags.ts';
import { decisionDigest, decisionDocument, decisionTag, putDecision } from './stored-decision.ts';
import type { SignatureCheck } from './trusted-record.ts';

/** The tags of a channel that a decision moves, and the decision. */
export interface Promotion {
  readonly decision: ChannelDecision;
  readonly tags: readonly PlannedTag[];
}

export interface PromotionRequest {
  readonly channel: Channel;
  /** Repositories whose channel is to move. */
  readonly registries: readonly string[];
  /** The release that the channel is to name. */
  readonly record: ReleaseRecord;
  readonly reason: string;
  readonly by: string;
}

/**
 * Plans which tags of a channel move to a published release, in all variants and on all registries. Pure.
 *
 * @param published tags of all registries that were asked for: on one without the release, the channel is a conflict
 * @param decided ISO 8601
 */
export function planPromotion(
  { channel, record, reason, by }: Omit<PromotionRequest, 'registries'>,
  published: NonNullable<PlanState['published']>,
  decided: string,
): Promotion {
  const newer = newerReleases(record.name, published);
  const withdrawn = newer.filter((name) => !isRefreshOf(name, newer));
  const decision = { channel, release: record.name, withdrawn, reason, decided, by };
  const release = { ...asPush(record), variants: channelVariants(channel, record, published) };
  const planned = planRelease(release, { published, decision, digests: builtDigests(record.images) }).tags;
  const tags = planned.flatMap((tag): readonly PlannedTag[] => {
    if (tag.kind !== 'channel') return [];
    // A channel that cannot be compared may still be decided.
    return [tag.action === 'done' ? tag : { ...tag, action: tag.now === undefined ? 'create' : 'move', why: reason }];
  });
  return { decision, tags: [...tags, ...tagsWithoutImage(channel, record, published, tags)] };
}

/** Tags of the channel for which the release has no image: of a variant, a platform or a registry that it was not published for. */
const tagsWithoutImage = (
  channel: Channel,
  { name, registries }: ReleaseRecord,
  published: NonNullable<PlanState['published']>,
  tags: readonly PlannedTag[],
): readonly PlannedTag[] =>
  Object.entries(published).flatMap(([registry, existing]) => {
    const isPublished = registries.includes(registry);
    const why = isPublished ? `${name} has no image for it` : `${name} was not published here`;
    const ofChannel = Object.entries(existing).flatMap(([tag, { digest }]) => {
      const { name: of, variant } = splitVariantTag(withoutArchitecture(tag));
      return of === channel ? [{ tag, variant, now: digest }] : [];
    });
    // A registry without the release is refused even if it has no channel yet: its name may be a mistake.
    const wanted =
      ofChannel.length > 0 || isPublished ? ofChannel : [{ tag: channel, variant: 'default' as const, now: undefined }];
    return wanted.flatMap((found): readonly PlannedTag[] =>
      tags.some((planned) => planned.registry === registry && planned.tag === found.tag)
        ? []
        : [{ registry, ...found, kind: 'channel', platform: undefined, action: 'conflict', why }],
    );
  });

export interface PromotionContext {
  readonly registry: Registry;
  /** undefined: the decision counts on this host only. */
  readonly signer: Signer | undefined;
  /** Whose signatures make an earlier decision count. */
  readonly check: SignatureCheck | undefined;
  readonly lockWait: LockWait;
  readonly onStep: (step: string) => void;
}

/**
 * Reads the registries, and plans a promotion.
 *
 * @throws WorkError if the release differs from its record: nothing may be promoted that was not published and checked
 */
export async function preparePromotion(
  request: PromotionRequest,
  { registry, check, onStep }: Pick<PromotionContext, 'registry' | 'check' | 'onStep'>,
): Promise<Promotion> {
  const { record } = request;
  onStep(`comparing ${record.name} with its record`);
  const versions = { ...record, tags: record.tags.filter(({ kind }) => kind === 'version') };
  // An earlier decision for the same release may have been interrupted before it moved the channel.
  const drift = (await releaseStatus(versions, registry, check))
    .filter(isDrift)
    .filter(({ kind }) => kind === 'version');
  if (drift.length > 0) {
    throw new WorkError({
      kind: 'drift',
      title: `${record.name} differs from its record`,
      reason: drift.map(({ registry: name, tag, why }) => `${name}:${tag} ${why}`).join('; '),
      hint: `repair it first: scripts/run release repair --release ${record.name} --registries ${record.registries.join(',')}`,
    });
  }
  const registries = [...new Set([...record.registries, ...request.registries])];
  const published = await readAllPublished({ ...asPush(record), registries }, registry, onStep);
  return planPromotion(request, published, new Date().toISOString());
}

/**
 * Moves a channel to a published release: first the decision is written, then the tags, then they are read back.
 *
 * @throws WorkError if the release lacks a variant or a platform of the channel, or if another release is running
 */
export async function promote(request: PromotionRequest, context: PromotionContext): Promise<Promotion> {
  const { registry, lockWait, onStep, signer } = context;
  const { registries } = request.record;
  const repositories = registries.map((name) => parseReference(name));
  const lock = await takeLock(registry, repositories, lockWait);
  try {
    const writes = guardedRegistry(registry, lock);
    const before = await Promise.all(registries.map((name) => decisionDigest(registry, name, request.channel)));
    const promotion = await preparePromotion(request, context);
    refuseConflicts(promotion);
    const { decision, tags } = promotion;
    const document = decisionDocument(decision);
    const { descriptor } = document.manifest;
    for (const repository of repositories) await rememberWritten(repository, [descriptor.digest]);
    onStep(`recording the decision as ${decisionTag(decision.channel)}`);
    for (const repository of repositories) await putUntagged(writes, repository, document);
    await signer?.sign(writes, repositories, descriptor);
    for (const [index, repository] of repositories.entries())
      await putDecision(writes, repository, decision, before[index]);
    const digests = tags.map((tag) => ({ ...tag, digest: digestOfTag(tag, request.record.images) }));
    await allOrFirstFailure(
      registries.map(async (name) => {
        const repository = parseReference(name);
        for (const { registry: of, tag, action, digest } of digests) {
          if (of !== name || action === 'done') continue;
          onStep(`moving ${name}:${tag}`);
          await putTag(writes, repository, tag, digest);
        }
      }),
    );
    await assertTags(digests, registry, onStep);
    return promotion;
  } finally {
    await lock.release();
  }
}

function refuseConflicts({ tags, decision }: Promotion): void {
  const conflicts = tags.filter(({ action }) => action === 'conflict');
  if (conflicts.length === 0) return;
  throw new WorkError({
    kind: 'incomplete-promotion',
    title: `${decision.release} cannot replace all of ${decision.channel}`,
    reason: conflicts.map(({ registry, tag, why }) => `${registry}:${tag}: ${why}`).join('; '),
    hint: 'choose a release with the same variants and platforms, or remove these tags first; name only registries that have the release: --registries; nothing was written',
  });
}
