import './isolation.ts';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { $ } from 'zx';
import { type Engine, findEngine } from '../../build/engine/engine.ts';
import { requestEngine } from '../../build/engine/engine-api.ts';

const SCRIPT = join(import.meta.dirname, '../../scripts/engine');
const named = process.env['OPENCLAW_TEST_ENGINE'];
/** Has a file for each process that uses the engine, named after its id. */
const USERS = join(process.env['XDG_STATE_HOME'] ?? '', 'engine-users');

/** Whether the stack is tested on this host's Podman. */
const isPodman = named === 'podman';

/** Whether the engine belongs to the tests, so that a benchmark may empty its build cache. */
export const isOwnEngine = named === undefined || named === '';

/** Starts the engine of tests and benchmarks, and points DOCKER_HOST at it. */
export async function startEngine(): Promise<Engine> {
  if (isPodman) return startPodman();
  if (isOwnEngine) {
    await mkdir(USERS, { recursive: true });
    await writeFile(join(USERS, String(process.pid)), '');
    await stopIdleEngineOfUser();
    const { stderr } = await $`${SCRIPT} up`;
    if (stderr !== '') process.stderr.write(stderr);
  }
  process.env['DOCKER_HOST'] = isOwnEngine ? ownHost() : named;
  const engine = await findEngine(undefined);
  if (isOwnEngine && (await otherUsers()).length === 0) await removeContainers(engine);
  return engine;
}

/** Checks the health of all containers every second. Elsewhere systemd does, by a timer for each: Podman runs no process for it. */
const CHECK_HEALTH = 'while sleep 1; do podman ps --quiet | xargs --no-run-if-empty -n 1 podman healthcheck run; done';

/** Podman's own program is the client. Its API is served for the whole run, for Compose and doctor. */
async function startPodman(): Promise<Engine> {
  const path = String(await $`podman info --format {{.Host.RemoteSocket.Path}}`).trim();
  const host = `unix://${path.replace('unix://', '')}`;
  await mkdir(dirname(host.replace('unix://', '')), { recursive: true });
  podmanProcesses = [
    spawn('podman', ['system', 'service', '--time', '0', host], { stdio: 'ignore' }),
    spawn('bash', ['-c', CHECK_HEALTH], { stdio: 'ignore' }),
  ];
  while ((await requestEngine(host, '/_ping'))?.status !== 200) await sleep(100);
  return { source: 'CONTAINER_ENGINE=podman', host, docker: 'podman', environment: process.env };
}
let podmanProcesses: readonly ChildProcess[] = [];

/** Ids of other processes that use the engine. */
const otherUsers = async (): Promise<readonly string[]> =>
  (await readdir(USERS)).filter((pid) => pid !== String(process.pid) && existsSync(`/proc/${pid}`));

/** Removes what a killed run left: ClawDock, for example, finds an installation by its container. */
async function removeContainers({ docker, environment }: Engine): Promise<void> {
  const run = $({ env: environment });
  const ids = await run`${docker} ps --all --quiet`.lines();
  if (ids.length > 0) await run`${docker} rm --force --volumes ${ids}`;
}

/** Stops it when no other run uses it, so that the user's own private engine can start. */
export async function stopEngine(): Promise<void> {
  for (const child of podmanProcesses) child.kill();
  if (!isOwnEngine) return;
  await rm(join(USERS, String(process.pid)), { force: true });
  if ((await otherUsers()).length === 0) await $`${SCRIPT} down`;
}

const ownHost = (): string => `unix://${process.env['XDG_CACHE_HOME']}/openclaw-image/engine/docker.sock`;

/**
 * Two engines on one host overwrite each other's network rules. The user's private engine is stopped if it runs no container: the next
 * command that needs it starts it again.
 */
async function stopIdleEngineOfUser(): Promise<void> {
  const cache = process.env['OPENCLAW_TEST_USER_CACHE'] ?? '';
  const running = await requestEngine(`unix://${cache}/openclaw-image/engine/docker.sock`, '/containers/json');
  if (running?.status !== 200) return;
  if (running.body.trim() !== '[]') {
    throw new Error(`The private Docker Engine runs containers, and the tests need an engine of their own.
Stop it (scripts/engine down), or let the tests use it: OPENCLAW_TEST_ENGINE=unix://${cache}/openclaw-image/engine/docker.sock`);
  }
  process.stderr.write('stopping the idle private engine; the next command that needs it starts it again\n');
  await $({ env: { ...process.env, XDG_CACHE_HOME: cache } })`${SCRIPT} down`;
}
