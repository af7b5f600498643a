import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, uptime, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { putArtifact, readArtifact } from '../oci/artifact.ts';
import type { Repository } from '../oci/reference.ts';
import { nameOf, type Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';

/** Who is releasing. */
export interface LockHolder {
  readonly id: string;
  /** For people: `someone@builder-3, process 4711`, or the run of a workflow. */
  readonly who: string;
  /** Of the process numbers: a boot of a host, and a namespace on it. */
  readonly processes: string;
  readonly process: number;
  /** Seconds since 1970; after that the lock counts as left behind. */
  readonly until: number;
}

/** Holds the repository for one release. */
export interface ReleaseLock {
  /** @throws WorkError where somebody else has it now: asked before anything is tagged */
  readonly assertHeld: () => Promise<void>;
  readonly release: () => Promise<void>;
}

const LOCK_TAG = 'release-lock';
const LOCK_TYPE = 'application/vnd.openclaw.release.lock.v1+json';
const MINUTES = 15;
const RENEWED_EVERY_MINUTES = 5;
/** A registry has no "write unless": who wrote last is known after so long as a write takes. */
const SETTLED_AFTER_SECONDS = 1;

/** How long another release is waited for. */
export interface LockPatience {
  readonly minutes: number;
  readonly onWait: (who: string) => void;
}

const LOOK_AGAIN_SECONDS = 10;

/**
 * Takes the lock: a tag of the repository that says who holds it.
 *
 * Registries overwrite tags without asking, so the lock is written, and read again once other writers must have been seen;
 * whoever wrote last has it, and everybody else finds that out before the first tag. Of several, the first decides.
 * @param repositories of the release; their locks are taken in one order, whoever asks
 * @throws WorkError that names the holder
 */
export async function takeLock(
  registry: Registry,
  repositories: readonly Repository[],
  patience: LockPatience,
): Promise<ReleaseLock> {
  const taken: ReleaseLock[] = [];
  const release = async (): Promise<void> => {
    for (const lock of taken) await lock.release();
  };
  const sorted = [...repositories].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
  try {
    for (const repository of sorted) {
      const lock = await takeOne(registry, repository, patience);
      taken.push(lock);
      // Who loses the first touches no other: of two that take them crosswise neither would go on.
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
  { minutes, onWait }: LockPatience,
): Promise<ReleaseLock> {
  const id = randomBytes(8).toString('hex');
  const until = Date.now() + minutes * 60_000;
  let before = await readHolder(registry, repository);
  while (before !== undefined && isAlive(before)) {
    if (Date.now() > until) throw heldBy(before, repository);
    onWait(before.who);
    await sleep(LOOK_AGAIN_SECONDS * 1000);
    before = await readHolder(registry, repository);
  }
  const write = (until: number): Promise<string> => writeHolder(registry, repository, { ...holder(id), until });
  const asked = performance.now();
  await write(deadline());
  const written = performance.now();
  // Slower than others wait: one of them may have looked before this was there.
  const settled = written + Math.max(SETTLED_AFTER_SECONDS * 1000, written - asked);
  const assertHeld = async (): Promise<void> => {
    const left = settled - performance.now();
    if (left > 0) await sleep(left);
    const now = await readHolder(registry, repository);
    if (now?.id !== id) throw heldBy(now ?? before ?? { ...holder(id), who: 'nobody' }, repository);
  };
  let renewal: Promise<unknown> = Promise.resolve();
  const renewing = setInterval(() => {
    // What goes wrong here is found out again, and said, before the next tag.
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
      // Where it cannot be given back it ends by itself; what was done is done.
      if (now?.id === id) await write(0).catch(() => {});
    },
  };
}

/** Names of hosts are not their own: all runners of a workflow may have one. */
function ownProcesses(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    // No Linux: the time of the boot, to ten seconds.
    return `${hostname()} ${Math.round((Date.now() / 1000 - uptime()) / 10)}`;
  }
}

const deadline = (): number => Math.round(Date.now() / 1000) + MINUTES * 60;

function holder(id: string): LockHolder {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
  const who =
    run === undefined
      ? `${userInfo().username}@${hostname()}, process ${process.pid}`
      : `${server}/${repository}/actions/runs/${run}`;
  return { id, who, processes: ownProcesses(), process: process.pid, until: 0 };
}

/** A process of this host that is gone holds nothing; of another host's only the time is known. */
function isAlive({ until, processes, process: pid }: LockHolder): boolean {
  if (until * 1000 < Date.now()) return false;
  if (processes !== ownProcesses()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readHolder(registry: Registry, repository: Repository): Promise<LockHolder | undefined> {
  const found = await readArtifact(registry, repository, LOCK_TAG, LOCK_TYPE);
  return found?.content as LockHolder | undefined;
}

const writeHolder = (registry: Registry, repository: Repository, content: LockHolder): Promise<string> =>
  putArtifact(registry, repository, LOCK_TAG, {
    type: LOCK_TYPE,
    annotations: { 'org.opencontainers.image.title': 'Who is releasing' },
    content,
  });

const heldBy = ({ who, until }: LockHolder, { registry, repository }: Repository): WorkError =>
  new WorkError({
    kind: 'release-held',
    title: 'Another release is going on',
    reason: `${who} is releasing to ${registry}/${repository}`,
    wayOut: `wait until it has ended, at the latest ${new Date(until * 1000).toISOString()}, and run this again: it goes on where it was`,
  });
