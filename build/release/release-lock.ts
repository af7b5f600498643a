import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRunning } from '../is-running.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { clearArtifact, putArtifact, readArtifact } from '../oci/artifact.ts';
import { type Repository, repositoryOf } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';
import { ruleChecker } from '../schema.ts';
import { workflowRunUrl } from '../workflow-run.ts';

/** The process that holds a lock. */
export interface LockHolder {
  readonly id: string;
  /** For people: `someone@builder-3, process 4711`, or the URL of a workflow run. */
  readonly who: string;
  /** Identifies the namespace of the process id: a boot of a host, and its PID namespace. */
  readonly processes: string;
  readonly process: number;
  /** Expiry, in seconds since 1970. */
  readonly until: number;
}

/** An acquired lock. */
export interface ReleaseLock {
  /** Checks that this process still holds the lock; called before each write. @throws WorkError if another process has it */
  readonly assertHeld: () => Promise<void>;
  readonly release: () => Promise<void>;
}

/**
 * The registry of a release: every write of a manifest or a tag asks first whether this process still holds the lock. A blob can be
 * written at any time: nothing refers to it yet.
 */
export const guardedRegistry = (registry: Registry, lock: Pick<ReleaseLock, 'assertHeld'>): Registry => ({
  ...registry,
  putDocument: async (...given) => {
    await lock.assertHeld();
    return registry.putDocument(...given);
  },
  remove: async (...given) => {
    await lock.assertHeld();
    return registry.remove(...given);
  },
});

export const LOCK_TAG = 'release-lock';
const LOCK_TYPE = 'application/vnd.openclaw.release.lock.v1+json';
const MINUTES = 15;
const RENEWED_EVERY_MINUTES = 5;
/** Registries have no conditional write. After this time every writer can see who wrote last. */
const LOCK_VISIBLE_AFTER_SECONDS = 1;

/** How long to wait for another release. */
export interface LockWait {
  readonly minutes: number;
  readonly onWait: (who: string) => void;
}

const POLL_SECONDS = 10;

/**
 * Takes the release lock: a tag in each repository that names the holder.
 *
 * Registries overwrite tags unconditionally. So the lock is written, and read again when other writers must have become visible.
 * The last writer holds the lock; all others notice before they write their first tag.
 * @param repositories of the release. Their locks are taken in one fixed order, and the first one decides
 * @throws WorkError that names the holder
 */
export async function takeLock(
  registry: Registry,
  repositories: readonly Repository[],
  wait: LockWait,
): Promise<ReleaseLock> {
  const taken: ReleaseLock[] = [];
  const release = async (): Promise<void> => {
    for (const lock of taken) await lock.release();
  };
  const sorted = [...repositories].sort((a, b) => (repositoryOf(a) < repositoryOf(b) ? -1 : 1));
  try {
    for (const repository of sorted) {
      const lock = await takeOne(registry, repository, wait);
      taken.push(lock);
      // Confirm the first lock before taking others, so that two releases cannot block each other.
      if (taken.length === 1 && sorted.length > 1) await lock.assertHeld();
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    assertHeld: async () => {
      for (const lock of taken) await lock.assertHeld();
    },
    release,
  };
}

async function takeOne(
  registry: Registry,
  repository: Repository,
  { minutes, onWait }: LockWait,
): Promise<ReleaseLock> {
  const id = randomBytes(8).toString('hex');
  const giveUpAt = Date.now() + minutes * 60_000;
  let before = await readHolder(registry, repository);
  while (before !== undefined && isAlive(before)) {
    if (Date.now() > giveUpAt) throw heldBy(before, repository);
    onWait(before.who);
    await sleep(POLL_SECONDS * 1000);
    before = await readHolder(registry, repository);
  }
  const holder = await makeHolder(id);
  const write = (until: number): Promise<void> => writeHolder(registry, repository, { ...holder, until });
  const writeStarted = performance.now();
  await write(deadline());
  const written = performance.now();
  // If our write was slow, another process may have read the tag before our write became visible: wait longer.
  const visibleAt = written + Math.max(LOCK_VISIBLE_AFTER_SECONDS * 1000, written - writeStarted);
  const assertHeld = async (): Promise<void> => {
    const remaining = visibleAt - performance.now();
    if (remaining > 0) await sleep(remaining);
    const now = await readHolder(registry, repository);
    if (now?.id !== id) throw heldBy(now ?? before ?? { ...holder, who: 'no process' }, repository);
  };
  let renewal: Promise<unknown> = Promise.resolve();
  const renewing = setInterval(() => {
    // A failed renewal is reported by the next assertHeld.
    renewal = assertHeld()
      .then(() => write(deadline()))
      .catch(() => {});
  }, RENEWED_EVERY_MINUTES * 60_000);
  renewing.unref();
  return {
    assertHeld,
    release: async () => {
      clearInterval(renewing);
      await renewal;
      const now = await readHolder(registry, repository).catch(() => undefined);
      // If the lock cannot be released, it expires.
      if (now?.id === id) await write(0).catch(() => {});
    },
  };
}

/** Host names are not unique: all runners of a workflow may have the same one. */
export function processNamespace(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // Not Linux: the time of the boot, rounded to ten seconds.
    return `${hostname()} ${Math.round((Date.now() / 1000 - uptime()) / 10)}`;
  }
}

const deadline = (): number => Math.round(Date.now() / 1000) + MINUTES * 60;

async function makeHolder(id: string): Promise<LockHolder> {
  const who = (await workflowRunUrl()) ?? `${userInfo().username}@${hostname()}, process ${process.pid}`;
  return { id, who, processes: processNamespace(), process: process.pid, until: 0 };
}

/** On this host a lock ends with its process. For another host only the expiry is known. */
function isAlive({ until, processes, process: pid }: LockHolder): boolean {
  if (until * 1000 < Date.now()) return false;
  if (processes !== processNamespace()) return true;
  return isRunning(pid);
}

/** A lock lasts minutes: one that lasts days is invalid, and would block all releases. */
const LONGEST_LOCK_SECONDS = 24 * 60 * 60;

const holderRule = ruleChecker({
  type: 'object',
  required: ['id', 'who', 'processes', 'process', 'until'],
  properties: {
    id: { type: 'string', maxLength: 100 },
    who: { type: 'string', maxLength: 500 },
    processes: { type: 'string', maxLength: 500 },
    process: { type: 'integer', minimum: 1, maximum: 2 ** 31 },
    until: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  },
});

/** @throws WorkError if the lock is invalid */
async function readHolder(registry: Registry, repository: Repository): Promise<LockHolder | undefined> {
  const name = repositoryOf(repository);
  const invalid = (reason: string): WorkError =>
    new WorkError({
      kind: 'invalid-lock',
      title: 'The release lock is not valid',
      reason,
      hint: `find out who wrote it; then remove it: scripts/run release clear --lock --registries ${name}`,
    });
  const artifact = await readArtifact(registry, repository, LOCK_TAG, LOCK_TYPE).catch((error: unknown) => {
    throw error instanceof WorkError && error.failure.kind === 'invalid-content'
      ? invalid(error.failure.reason)
      : error;
  });
  if (artifact === undefined) return undefined;
  const holder = artifact.content as LockHolder;
  const broken =
    holderRule(artifact.content) ??
    (holder.until > Date.now() / 1000 + LONGEST_LOCK_SECONDS
      ? `/until is ${holder.until}, more than a day from now`
      : undefined);
  if (broken === undefined) return holder;
  throw invalid(`${name}:${LOCK_TAG}: ${broken}.`);
}

/** Removes the lock of a repository, also that of another process. */
export const clearLock = (registry: Registry, repository: Repository): Promise<void> =>
  clearArtifact(registry, repository, LOCK_TAG);

const writeHolder = (registry: Registry, repository: Repository, content: LockHolder): Promise<void> =>
  putArtifact(registry, repository, LOCK_TAG, {
    type: LOCK_TYPE,
    annotations: { [ANNOTATION.title]: 'Release lock' },
    content,
  });

const heldBy = ({ who, until }: LockHolder, { registry, repository }: Repository): WorkError =>
  new WorkError({
    kind: 'release-held',
    title: 'Another release is running',
    reason: `${who} holds the release lock of ${registry}/${repository}.`,
    hint: `wait for it with --wait 20, or run this command again after ${new Date(until * 1000).toISOString()}, when the lock expires`,
  });
