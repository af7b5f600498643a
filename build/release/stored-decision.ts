import { parseVersionTag } from '../gateway/version.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import {
  artifactDigest,
  artifactDocument,
  readArtifact,
  replaceArtifact,
  type StoredArtifact,
} from '../oci/artifact.ts';
import { invalidContent, isBadContent } from '../oci/document.ts';
import { parseReference, type Repository, TAG_PATTERN } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { ruleChecker } from '../schema.ts';
import { CHANNEL_NAMES, type Channel, type ChannelDecision, channelOf, LONGEST_REASON } from './channel-decision.ts';
import type { Release } from './release.ts';
import { isTrustedDigest, type SignatureCheck } from './trusted-record.ts';

const DECISION_TYPE = 'application/vnd.openclaw.channel.decision.v1+json';

/** The tag of a decision: `decision-latest`. */
export const decisionTag = (channel: Channel): string => `decision-${channel}`;

const NAMES = { type: 'string', pattern: TAG_PATTERN } as const;
const decisionRule = ruleChecker({
  type: 'object',
  required: ['channel', 'release', 'withdrawn', 'reason', 'decided', 'by'],
  additionalProperties: false,
  properties: {
    channel: { enum: CHANNEL_NAMES },
    release: NAMES,
    withdrawn: { type: 'array', maxItems: 1000, items: NAMES },
    reason: { type: 'string', minLength: 1, maxLength: LONGEST_REASON },
    decided: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}T[\\d:.]{8,15}Z$' },
    by: { type: 'string', maxLength: 500 },
  },
});

/**
 * The decision as an artifact; equal in all registries, so that one signature serves all.
 *
 * @throws WorkError if it breaks a rule: every later command would refuse it
 */
export function decisionDocument(decision: ChannelDecision): StoredArtifact {
  const broken = decisionRule(decision);
  if (broken !== undefined) throw invalidContent(decisionTag(decision.channel), broken);
  return artifactDocument({
    type: DECISION_TYPE,
    annotations: { [ANNOTATION.title]: `${decision.channel} is ${decision.release}` },
    content: decision,
  });
}

/**
 * Writes a decision, if the registry still has what was read before.
 *
 * @param before digest of the decision that was read; undefined if there was none
 * @throws WorkError if another process wrote a decision meanwhile
 */
export const putDecision = (
  registry: Registry,
  repository: Repository,
  decision: ChannelDecision,
  before: string | undefined,
): Promise<void> => {
  const tag = decisionTag(decision.channel);
  return replaceArtifact(
    registry,
    repository,
    tag,
    decisionDocument(decision),
    before,
    'the decision about this channel',
  );
};

/** The digest of the present decision; undefined if there is none. @throws WorkError if its manifest is not valid */
export const decisionDigest = (registry: Registry, repository: string, channel: Channel): Promise<string | undefined> =>
  artifactDigest(registry, parseReference(repository), decisionTag(channel)).catch((error: unknown) => {
    throw asInvalid(error, repository, channel);
  });

/** How to get rid of a decision. */
const clearHint = (repository: string, channel: Channel): string =>
  `find out who wrote it; then remove it: scripts/run release clear --decision ${channel} --registries ${repository}`;

/** An error of the content, with the command that clears it. */
const asInvalid = (error: unknown, repository: string, channel: Channel): unknown =>
  isBadContent(error)
    ? new WorkError({ ...error.failure, kind: 'invalid-decision', hint: clearHint(repository, channel) })
    : error;

/**
 * Reads the decision about a channel. Everybody who can push to a registry can write one, so it counts like a record: if the identity
 * that signs releases signed it, or if this host wrote it.
 *
 * @returns the newest one of all repositories; undefined if the channel follows the newest release
 * @throws WorkError if a decision is not valid or not trusted
 */
export async function readDecision(
  registry: Registry,
  repositories: readonly string[],
  channel: Channel,
  check: SignatureCheck | undefined,
): Promise<ChannelDecision | undefined> {
  const read = await Promise.all(repositories.map((repository) => readOne(registry, repository, channel, check)));
  return read
    .flatMap((decision) => decision ?? [])
    .sort((a, b) => (a.decided < b.decided ? -1 : 1))
    .at(-1);
}

async function readOne(
  registry: Registry,
  repository: string,
  channel: Channel,
  check: SignatureCheck | undefined,
): Promise<ChannelDecision | undefined> {
  const at = parseReference(repository);
  const name = `${repository}:${decisionTag(channel)}`;
  const artifact = await readArtifact(registry, at, decisionTag(channel), DECISION_TYPE).catch((error: unknown) => {
    throw asInvalid(error, repository, channel);
  });
  if (artifact === undefined) return undefined;
  const decision = artifact.content as ChannelDecision;
  const broken =
    decisionRule(artifact.content) ??
    (decision.channel === channel ? undefined : `/channel is ${decision.channel}`) ??
    notReleases(decision);
  if (broken !== undefined) throw asInvalid(invalidContent(name, broken), repository, channel);
  if (await isTrustedDigest(at, artifact.descriptor.digest, check)) return decision;
  throw new WorkError({
    kind: 'untrusted-decision',
    title: 'The decision about a channel is not trusted',
    reason: `${name} (${artifact.descriptor.digest}) has no signature of the identity that signs releases, and this host did not write it.`,
    hint: `give the public key with --key if a key signed it, or publish with the same --sign; else ${clearHint(repository, channel)}`,
  });
}

/** @returns a broken rule; undefined if all names are releases */
function notReleases({ release, withdrawn }: ChannelDecision): string | undefined {
  const wrong = [release, ...withdrawn].find((text) => parseVersionTag(text) === undefined);
  return wrong === undefined ? undefined : `it names ${wrong}, which is not a release`;
}

/** The decision about the channel of a release, if it has one. */
export async function decisionAbout(
  { name, registries }: Pick<Release, 'name' | 'registries'>,
  registry: Registry,
  check: SignatureCheck | undefined,
): Promise<ChannelDecision | undefined> {
  const channel = channelOf(name);
  return channel === undefined ? undefined : readDecision(registry, registries, channel, check);
}
