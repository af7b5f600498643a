import './isolation.ts';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import type { Engine } from '../../build/engine/engine.ts';
import { requestEngine } from '../../build/engine/engine-api.ts';
import { startEngine, stopEngine } from './engine.ts';
import { SMALL_IMAGE } from './gateway.ts';
import { makeCheckout } from './make-checkout.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly engine: { readonly docker: string; readonly host: string };
    /** A docker-registry without authentication: `localhost:PORT`. */
    readonly registry: string;
    /** Kind of the base of the images. */
    readonly base: 'pinned' | 'bootstrap';
    /** Checkout of the small gateway. A test that changes or tags it makes its own. */
    readonly checkout: string;
    /** Output of `npm run image:build -- --json`. */
    readonly built: string;
    /** Whether the tests that are tagged nightly run too. */
    readonly nightly: boolean;
  }
}

const ROOT = join(import.meta.dirname, '../..');

interface Ready {
  readonly engine: Engine;
  readonly registry: TestRegistry;
  readonly base: 'pinned' | 'bootstrap';
  readonly checkout: string;
  readonly built: string;
}
/** Shared by all runs of this process (test/run-all.ts starts several), although each loads this file. */
interface Shared {
  readonly ready: Promise<Ready>;
  users: number;
}
const shared = globalThis as typeof globalThis & { openclawTests?: Shared };

/** Prepares the engine, a registry and two images once for all tests: the published gateway's, by the README's command, and a small one's. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  shared.openclawTests ??= { ready: prepare(), users: 0 };
  const tests = shared.openclawTests;
  tests.users += 1;
  const { engine, registry, base, checkout, built } = await tests.ready;
  project.provide('engine', { docker: engine.docker, host: engine.host });
  project.provide('registry', registry.address);
  project.provide('base', base);
  project.provide('checkout', checkout);
  project.provide('built', built);
  project.provide('nightly', project.vitest.config.tagsFilter === undefined);
  const stopWatching = watchEngine(project, engine.host);
  return async () => {
    stopWatching();
    tests.users -= 1;
    if (tests.users > 0) return;
    await registry.stop();
    await stopEngine();
    await rm(checkout, { recursive: true, force: true });
  };
}

async function prepare(): Promise<Ready> {
  const engine = await startEngine();
  // Podman's host has both images already: another engine built them.
  if (engine.docker === 'podman')
    return { engine, registry: await startRegistry(), base: 'pinned', checkout: '', built: '' };
  // Remove the image of an earlier test run, so that it is built.
  await $({ env: engine.environment, nothrow: true })`${engine.docker} image rm --force openclaw:local`;
  const checkout = await makeCheckout('new');
  const [registry, built] = await Promise.all([
    startRegistry(),
    build(),
    build('--source', checkout, '--tag', SMALL_IMAGE),
  ]);
  const { base } = JSON.parse(built) as { readonly base: { readonly kind: Ready['base'] } };
  return { engine, registry, base: base.kind, checkout, built };
}

const build = async (...args: readonly string[]): Promise<string> => {
  const started = performance.now();
  const run = $({ cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  const { stdout } = await run`npm run --silent image:build -- --json ${args}`;
  console.log(`built ${JSON.parse(stdout).names} in ${Math.round((performance.now() - started) / 1000)} s`);
  return stdout;
};

const WATCH_MILLISECONDS = 5000;

/** Ends the run if the engine stops answering. Otherwise each remaining test would wait for its time limit. */
function watchEngine(project: TestProject, host: string): () => void {
  let unanswered = 0;
  const timer = setInterval(async () => {
    unanswered = (await requestEngine(host, '/_ping'))?.status === 200 ? 0 : unanswered + 1;
    if (unanswered !== 3) return;
    console.error(`The tests' engine (${host}) has stopped answering; the end of its log:`);
    const log = join(cacheFolder('engine'), 'dockerd.log');
    console.error((await readFile(log, 'utf8').catch(() => '')).split('\n').slice(-20).join('\n'));
    await project.vitest.cancelCurrentRun('test-failure');
  }, WATCH_MILLISECONDS);
  return () => clearInterval(timer);
}
