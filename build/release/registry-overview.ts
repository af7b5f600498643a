import { signatureCheck, type Trust, verifySignature } from '../attest/signature.ts';
import { isFailed } from '../check-result.ts';
import type { DebianUpdate } from '../image/debian-updates.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { isBadContent } from '../oci/document.ts';
import { parseReference } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { CHANNEL_NAMES, type ChannelDecision } from './channel-decision.ts';
import { findRecord, recordedVersions } from './find-record.ts';
import { type ReleaseRecord, recordTag } from './release-record.ts';
import { isDrift, releaseStatus, repairCommand, restrictedTo, type TagStatus } from './release-status.ts';
import { readDecision } from './stored-decision.ts';
import type { SignatureCheck } from './trusted-record.ts';

/** The tags of the newest releases in registries, and their channels. */
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
  /** Of all its images in all registries; absent if the release is not signed. */
  readonly signature?: ReleaseSignature;
  /** Why its record does not count, or what could not be read. */
  readonly problem?: string;
  /** Packages of which Debian has newer versions; absent if Debian was not asked. */
  readonly updates?: readonly DebianUpdate[];
}

export interface ReleaseSignature {
  readonly status: 'passed' | 'failed';
  /** The identity or key, or why the signature is not valid. */
  readonly by: string;
}

export interface ChannelOverview {
  readonly channel: string;
  readonly now: readonly { readonly registry: string; readonly digest: string | undefined; readonly version: string }[];
  readonly decision?: ChannelDecision;
  /** Why the decision about it does not count. */
  readonly problem?: string;
  /** The releases of this overview that moved the channel, and the decision that counts now; the newest first. */
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
  for (const name of (await recordNames(registry, registries)).slice(0, count + MOST_PROBLEMS)) {
    // Planted records must not hide the releases.
    if (records.length === count) break;
    onStep(`comparing ${name} with its record`);
    const record = await findRecord(registry, registries, name, check).catch((error: unknown) => {
      // A record that was cleared leaves its tag behind.
      if (error instanceof WorkError && error.failure.kind === 'not-found') return undefined;
      releases.push({ name, created: '', tags: [], problem: problemOf(error) });
      return undefined;
    });
    if (record === undefined) continue;
    const own = restrictedTo(record, registries);
    if (own.registries.length === 0) {
      const problem = `Its record names other registries: ${record.registries.join(', ')}`;
      releases.push({ name, created: record.created, tags: [], problem });
      continue;
    }
    records.push(own);
    releases.push(await releaseOverview(own, registry, { trust, check }, updatesOf, onStep));
  }
  const channels = await Promise.all(
    ['main', ...CHANNEL_NAMES].map((channel) => channelOverview(channel, registry, registries, records, check)),
  );
  return { registries, releases, channels };
}

/** Each costs some requests. */
const MOST_PROBLEMS = 20;

/** Failures that somebody who can push to a registry can cause. */
const DAMAGED = ['untrusted-record', 'invalid-record', 'untrusted-decision', 'invalid-decision'];

/** @returns the reason why content of a registry does not count @throws every other error */
function problemOf(error: unknown): string {
  const isDamage = isBadContent(error) || (error instanceof WorkError && DAMAGED.includes(error.failure.kind));
  if (!isDamage) throw error;
  return `${error.failure.title}: ${error.failure.reason}`;
}

/** For people: `signed by the key of cosign.pub`. */
export const signatureText = (signature: ReleaseSignature | undefined): string =>
  signature === undefined
    ? 'not signed'
    : signature.status === 'passed'
      ? `signed by ${signature.by}`
      : `the signature is not valid: ${signature.by}`;

/** The names of releases with a record in any registry. */
async function recordNames(registry: Registry, registries: readonly string[]): Promise<readonly string[]> {
  const lists = await Promise.all(registries.map((name) => registry.tags(parseReference(name))));
  const tags = [...new Set(lists.flat())];
  return [...(tags.includes(recordTag('main')) ? ['main'] : []), ...recordedVersions(tags).map(({ name }) => name)];
}

async function releaseOverview(
  record: ReleaseRecord,
  registry: Registry,
  { trust, check }: { readonly trust: Trust; readonly check: SignatureCheck },
  updatesOf: (record: ReleaseRecord) => Promise<readonly DebianUpdate[] | undefined>,
  onStep: (step: string) => void,
): Promise<ReleaseOverview> {
  const tags = await releaseStatus(record, registry, check);
  const signature = record.signed ? await releaseSignature(record, registry, trust, onStep) : undefined;
  // Whatever Debian answers, the tags are known.
  let problem: string | undefined;
  const updates = await updatesOf(record).catch((error: unknown) => {
    problem = problemOf(error);
    return undefined;
  });
  return {
    ...{ name: record.name, created: record.created, tags },
    ...(tags.some(isDrift) ? { repair: repairCommand(record) } : {}),
    ...(signature === undefined ? {} : { signature }),
    ...(updates === undefined ? {} : { updates }),
    ...(problem === undefined ? {} : { problem }),
  };
}

/** The first signature that is not valid counts. */
async function releaseSignature(
  { registries, images }: ReleaseRecord,
  registry: Registry,
  trust: Trust,
  onStep: (step: string) => void,
): Promise<ReleaseSignature> {
  let by = '';
  for (const name of registries)
    for (const { index } of Object.values(images)) {
      const result = await verifySignature(registry, parseReference(name), index.digest, trust, onStep);
      if (isFailed(result)) return { status: 'failed', by: `${name}@${index.digest}: ${result.found}` };
      by = result.by ?? '';
    }
  return { status: 'passed', by };
}

async function channelOverview(
  channel: string,
  registry: Registry,
  registries: readonly string[],
  records: readonly ReleaseRecord[],
  check: SignatureCheck,
): Promise<ChannelOverview> {
  const now = await Promise.all(
    registries.map(async (name) => {
      const document = await registry.document(parseReference(name), channel);
      const version = document?.annotations[ANNOTATION.version] ?? '';
      return { registry: name, digest: document?.descriptor.digest, version };
    }),
  );
  const known = CHANNEL_NAMES.find((name) => name === channel);
  let problem: string | undefined;
  const decision =
    known === undefined
      ? undefined
      : await readDecision(registry, registries, known, check).catch((error: unknown) => {
          problem = problemOf(error);
          return undefined;
        });
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
    ...(problem === undefined ? {} : { problem }),
    history: [...moves, ...chosen].sort((a, b) => (a.date < b.date ? 1 : -1)),
  };
}
