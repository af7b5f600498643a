import { compareVersions, type GatewayVersion, parseVersionTag } from '../gateway/version.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { type Channel, type ChannelDecision, channelOf, isWithdrawn } from './channel-decision.ts';
import { type ReleaseRecord, recordTag } from './release-record.ts';
import { readDecision } from './stored-decision.ts';
import { type SignatureCheck, trustedRecord } from './trusted-record.ts';

/**
 * Finds the record of a release. Every registry has a copy, and one registry may have lost its own, or have another one that
 * somebody planted.
 *
 * @param name undefined for the newest release of the channel that was not withdrawn from it
 * @throws WorkError if no registry has a trusted record
 */
export async function findRecord(
  registry: Registry,
  registries: readonly string[],
  name: string | undefined,
  check: SignatureCheck | undefined,
  channel: Channel = 'latest',
): Promise<ReleaseRecord> {
  let refused: unknown;
  /** A repository whose newest release-… tags have no valid record. */
  let crowded: string | undefined;
  const decision = name === undefined ? await readDecision(registry, registries, channel, check) : undefined;
  for (const repository of registries) {
    const newest = name === undefined ? await newestRecords(registry, repository, channel, decision) : [name];
    if (newest.length === MOST_CLEARED) crowded ??= repository;
    for (const requested of newest) {
      try {
        const stored = await trustedRecord(registry, repository, requested, check);
        // A record that was cleared leaves its tag behind: the next one counts.
        if (stored !== undefined) return stored.record;
      } catch (error) {
        if (!isRefusedRecord(error)) throw error;
        refused ??= error;
        break;
      }
    }
  }
  if (refused !== undefined) throw refused;
  if (crowded !== undefined) throw missingRecord(crowded);
  throw new WorkError({
    kind: 'not-found',
    title: 'There is no record of this release',
    reason: `${registries.join(', ')} ${registries.length === 1 ? 'has' : 'have'} no record of ${name ?? `any release of ${channel}`}.`,
    hint: 'check --release and --registries; only releases by scripts/run release publish have a record',
  });
}

/** Somebody who can push could hide every release by tags of versions that do not exist. */
const missingRecord = (repository: string): WorkError =>
  new WorkError({
    kind: 'invalid-record',
    title: 'No record of a release can be found',
    reason: `The ${MOST_CLEARED} newest tags release-… of ${repository} do not name a record.`,
    hint: `find out who wrote them, and delete them; to name a release: --release VERSION`,
  });

/** Each costs a request. */
const MOST_CLEARED = 20;

const isRefusedRecord = (error: unknown): boolean =>
  error instanceof WorkError && ['untrusted-record', 'invalid-record', 'invalid-content'].includes(error.failure.kind);

/** @returns the names of the newest releases of a channel that have a record and were not withdrawn, the newest first */
async function newestRecords(
  registry: Registry,
  repository: string,
  channel: Channel,
  decision: ChannelDecision | undefined,
): Promise<readonly string[]> {
  const tags = await registry.tags(parseReference(repository));
  return recordedVersions(tags)
    .filter(({ name }) => channelOf(name) === channel && !isWithdrawn(decision, name))
    .slice(0, MOST_CLEARED)
    .map(({ name }) => name);
}

/** The versions and refreshes that have a record, the newest first. @param tags of a repository */
export const recordedVersions = (
  tags: readonly string[],
): readonly { readonly name: string; readonly version: GatewayVersion }[] =>
  tags
    .flatMap((tag) => {
      const name = tag.startsWith(recordTag('')) ? tag.slice(recordTag('').length) : '';
      const version = parseVersionTag(name)?.version;
      return version === undefined ? [] : [{ name, version }];
    })
    // If a version has several refreshes, the newest counts.
    .sort((a, b) => compareVersions(b.version, a.version) || (a.name < b.name ? 1 : -1));
