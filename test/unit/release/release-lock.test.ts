import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { putArtifact, readArtifact } from '../../../build/oci/artifact.ts';
import type { Repository } from '../../../build/oci/reference.ts';
import { openRegistries, type Registry } from '../../../build/oci/registry.ts';
import { type LockHolder, takeLock } from '../../../build/release/release-lock.ts';
import { memoryRegistry, serve, type TestServer } from '../../support/http-server.ts';

const TYPE = 'application/vnd.openclaw.release.lock.v1+json';
let server: TestServer;
let registry: Registry;
let repository: Repository;
beforeEach(async () => {
  server = await serve(memoryRegistry());
  registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 2, onWait: () => {} } });
  repository = { registry: server.address, repository: 'openclaw' };
});
afterEach(() => server.stop());

const take = () => takeLock(registry, [repository], { minutes: -1, onWait: () => {} });
const holder = async (): Promise<LockHolder> =>
  (await readArtifact(registry, repository, 'release-lock', TYPE))?.content as LockHolder;
/** Writes a lock as another process would. */
const write = (change: Partial<LockHolder>, from: LockHolder) =>
  putArtifact(registry, repository, 'release-lock', { type: TYPE, annotations: {}, content: { ...from, ...change } });
const soon = (): number => Math.round(Date.now() / 1000) + 600;

it('is held by one process, and free after its release', async () => {
  const lock = await take();
  await lock.assertHeld();
  await expect(take()).rejects.toMatchObject({
    failure: { kind: 'release-held', reason: expect.stringContaining(`process ${process.pid}`) },
  });
  await lock.release();
  await (await take()).release();
});

it('is lost to a process that writes later', async () => {
  const lock = await take();
  await write({ id: 'other', who: 'someone@other, process 1' }, await holder());
  await expect(lock.assertHeld()).rejects.toMatchObject({
    failure: { reason: expect.stringContaining('someone@other, process 1') },
  });
  await lock.release();
  expect((await holder()).id).toBe('other');
});

it('of a dead process on this host is free at once', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  const lock = await take();
  await write({ id: 'dead', process: child.pid ?? 0, until: soon() }, await holder());
  await (await take()).release();
  await lock.release();
});

it('of another host is held until it expires', async () => {
  const lock = await take();
  const own = await holder();
  await write({ id: 'remote', processes: 'another boot', until: soon() }, own);
  await expect(take()).rejects.toMatchObject({ failure: { kind: 'release-held' } });
  await write({ id: 'remote', processes: 'another boot', until: Math.round(Date.now() / 1000) - 1 }, own);
  await (await take()).release();
  await lock.release();
});
