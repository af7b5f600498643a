import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { putArtifact, readArtifact } from '../oci/artifact.ts';
import type { Repository } from '../oci/reference.ts';
import type { Registry } from '../oci/registry.ts';
import { WorkError } from '../problem.ts';

/** Who is releasing. */
export interface LockHolder {
  readonly id: string;
  /** For people: `someone@builder-3, process 4711`, or the run of a workflow. */
  readonly who: string;
  readonly host: string;
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

/**
 * Takes the lock: a tag of the repository that says who holds it.
 *
 * Registries overwrite tags without asking, so the lock is written, and read again once other writers must have been seen;
 * whoever wrote last has it, and everybody else finds that out before the first tag. That wait goes on beside the build.
 * @throws WorkError that names the holder
 */
export async function takeLock(registry: Registry, repository: Repository): Promise<ReleaseLock> {
  const id = randomBytes(8).toString('hex');
  const before = await readHolder(registry, repository);
  if (before !== undefined && isAlive(before)) throw heldBy(before, repository);
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
  const renewing = setInterval(() => {
    void assertHeld()
      .then(() => write(deadline()))
      // Found out again, and said, before the next tag.
      .catch(() => {});
  }, RENEWED_EVERY_MINUTES * 60_000);
  renewing.unref();
  return {
    assertHeld,
    release: async () => {
      clearInterval(renewing);
      const now = await readHolder(registry, repository).catch(() => undefined);
      if (now?.id === id) await write(0);
    },
  };
}

const deadline = (): number => Math.round(Date.now() / 1000) + MINUTES * 60;

function holder(id: string): LockHolder {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = process.env;
  const who =
    run === undefined
      ? `${userInfo().username}@${hostname()}, process ${process.pid}`
      : `${server}/${repository}/actions/runs/${run}`;
  return { id, who, host: hostname(), process: process.pid, until: 0 };
}

/** A process of this host that is gone holds nothing; of another host's only the time is known. */
function isAlive({ until, host, process: pid }: LockHolder): boolean {
  if (until * 1000 < Date.now()) return false;
  if (host !== hostname()) return true;
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
