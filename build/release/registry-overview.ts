import { signatureCheck, type Trust, verifySignature } from '../attest/signature.ts';
import { compareVersions, parseVersionTag } from '../gateway/version.ts';
import type { DebianUpdate } from '../image/debian-updates.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { CHANNEL_NAMES, type ChannelDecision } from './channel-decision.ts';
import { findRecord } from './find-record.ts';
import type { ReleaseRecord } from './release-record.ts';
import { isDrift, releaseStatus, repairCommand, restrictedTo, type TagStatus } from './release-status.ts';
import { readDecision } from './stored-decision.ts';

/** What registries have: the tags of their newest releases, and their channels. */
export interface RegistryOverview {
  readonly registries: readonly string[];
  /** The newest first, and `main` before all. */
  readonly releases: readonly ReleaseOverview[];
  readonly channels: readonly ChannelOverview[];
}

export interface ReleaseOverview {
  readonly name: string;
  /** ISO 8601; empty if its record cannot be trusted. */
  readonly created: string;
  readonly tags: readonly TagStatus[];
  /** The command that repairs tags that differ from the record. */
  readonly repair?: string;
  /** The identity or key of the signature of its default image. */
  readonly signedBy?: string;
  /** Why its record does not count. */
  readonly problem?: string;
  /** Packages of which Debian has newer versions; absent if Debian was not asked. */
  readonly updates?: readonly DebianUpdate[];
}

export interface ChannelOverview {
  readonly channel: string;
  readonly now: readonly { readonly registry: string; readonly digest: string | undefined; readonly version: string }[];
  readonly decision?: ChannelDecision;
  /** Releases and decisions that moved the channel, the newest first. */
  readonly history: readonly { readonly date: string; readonly release: string; readonly by: string }[];
}

/**
 * Reads the newest releases of registries, and compares every tag with its record.
 *
 * @param count releases to read
 * @param trust whose signatures make a record or a decision count
 * @param updatesOf asks Debian about a release
 * @throws WorkError if a registry cannot be read
 */
export async function registryOverview(
  registry: Registry,
  registries: readonly string[],
  { count, trust }: { readonly count: number; readonly trust: Trust },
  updatesOf: (record: ReleaseRecord) => Promise<readonly DebianUpdate[] | undefined>,
  onStep: (step: string) => void,
): Promise<RegistryOverview> {
  const check = signatureCheck(registry, trust, onStep);
  const releases: ReleaseOverview[] = [];
  const records: ReleaseRecord[] = [];
  for (const name of (await recordNames(registry, registries)).slice(0, count)) {
    onStep(`comparing ${name} with its record`);
    try {
      const record = restrictedTo(await findRecord(registry, registries, name, check), registries);
      records.push(record);
      releases.push(await releaseOverview(record, registry, trust, updatesOf, onStep));
    } catch (error) {
      // A planted or damaged record must not hide the other releases.
      if (!(error instanceof WorkError) || !DAMAGED.has(error.failure.kind)) throw error;
      releases.push({ name, created: '', tags: [], problem: `${error.failure.title}: ${error.failure.reason}` });
    }
  }
  const channels = await Promise.all(
    ['main', ...CHANNEL_NAMES].map((channel) => channelOverview(channel, registry, registries, records, check)),
  );
  return { registries, releases, channels };
}

const DAMAGED: ReadonlySet<string> = new Set(['untrusted-record', 'invalid-record', 'invalid-content', 'not-found']);

/** The names of releases with a record in any registry. */
async function recordNames(registry: Registry, registries: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(registries.map((name) => registry.tags(parseReference(name))));
  const names = [...new Set(lists.flat())].flatMap((tag) => (tag.startsWith('release-') ? [tag.slice(8)] : []));
  const versions = names.flatMap((name) => {
    const version = parseVersionTag(name)?.version;
    return version === undefined ? [] : [{ name, version }];
  });
  const sorted = versions.sort((a, b) => compareVersions(b.version, a.version) || (a.name < b.name ? 1 : -1));
  return [...(names.includes('main') ? ['main'] : []), ...sorted.map(({ name }) => name)];
}

async function releaseOverview(
  record: ReleaseRecord,
  registry: Registry,
  trust: Trust,
  updatesOf: (record: ReleaseRecord) => Promise<readonly DebianUpdate[] | undefined>,
  onStep: (step: string) => void,
): Promise<ReleaseOverview> {
  const tags = await releaseStatus(record, registry, signatureCheck(registry, trust, onStep));
  const [repository = ''] = record.registries;
  const index = (record.images.default ?? Object.values(record.images)[0])?.index;
  const signature =
    record.signed && index !== undefined
      ? await verifySignature(registry, parseReference(repository), index.digest, trust, onStep)
      : undefined;
  const updates = await updatesOf(record);
  return {
    ...{ name: record.name, created: record.created, tags },
    ...(tags.some(isDrift) ? { repair: repairCommand(record) } : {}),
    ...(signature?.status === 'passed' && signature.by !== undefined ? { signedBy: signature.by } : {}),
    ...(updates === undefined ? {} : { updates }),
  };
}

async function channelOverview(
  channel: string,
  registry: Registry,
  registries: readonly string[],
  records: readonly ReleaseRecord[],
  check: ReturnType<typeof signatureCheck>,
): Promise<ChannelOverview> {
  const now = await Promise.all(
    registries.map(async (name) => {
      const document = await registry.document(parseReference(name), channel);
      const version = document?.annotations[ANNOTATION.version] ?? '';
      return { registry: name, digest: document?.descriptor.digest, version };
    }),
  );
  const known = CHANNEL_NAMES.find((name) => name === channel);
  const decision = known === undefined ? undefined : await readDecision(registry, registries, known, check);
  const moves = records
    .filter(({ tags }) => tags.some(({ tag, kind }) => kind === 'channel' && tag === channel))
    .map(({ created, name }) => ({ date: created, release: name, by: 'its release' }));
  const chosen =
    decision === undefined
      ? []
      : [{ date: decision.decided, release: decision.release, by: `${decision.by}: ${decision.reason}` }];
  return {
    ...{ channel, now },
    ...(decision === undefined ? {} : { decision }),
    history: [...moves, ...chosen].sort((a, b) => (a.date < b.date ? 1 : -1)),
  };
}
