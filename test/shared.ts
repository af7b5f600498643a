import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestProject } from 'vitest/node';
import { cacheFolder } from '../build/cache-folder.ts';
import { type Engine, findEngine } from '../build/engine/engine.ts';
import { askEngine } from '../build/engine/engine-api.ts';
import { makeCheckout } from './fixtures/make-checkout.ts';
import { GATEWAY, SMALL_IMAGE } from './gateway.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly engine: { readonly docker: string; readonly host: string };
    /** A docker-registry without authentication: `localhost:PORT`. */
    readonly registry: string;
    /** What images stand on here. */
    readonly base: 'pinned' | 'bootstrap';
    /** Of the small gateway; who changes it, or tags it, makes one of their own. */
    readonly checkout: string;
    /** What `npm run image:build -- --json` printed. */
    readonly built: string;
  }
}

const ROOT = join(import.meta.dirname, '..');

interface Ready {
  readonly engine: Engine;
  readonly registry: TestRegistry;
  readonly base: 'pinned' | 'bootstrap';
  readonly checkout: string;
}
/** What all lanes of this process share (test/run-all.ts starts several), however often this file is loaded. */
interface Shared {
  readonly ready: Promise<Ready>;
  /** What the README's own command printed. */
  readonly gateway: Promise<string>;
  users: number;
}
const shared = globalThis as typeof globalThis & { openclawTests?: Shared };

/**
 * The engine, a registry and two images, once for all tests: the published gateway's, and that of a small one, which is there minutes
 * before. Lanes that need no other wait for that alone.
 *
 * @param waitsForGateway until openclaw:local is there
 * @returns how to leave
 */
export async function enterShared(project: TestProject, waitsForGateway: boolean): Promise<() => Promise<void>> {
  shared.openclawTests ??= prepare();
  const tests = shared.openclawTests;
  tests.users += 1;
  const { engine, registry, base, checkout } = await tests.ready;
  project.provide('engine', { docker: engine.docker, host: engine.host });
  project.provide('registry', registry.address);
  project.provide('base', base);
  project.provide('checkout', checkout);
  if (waitsForGateway || GATEWAY === 'whole') project.provide('built', await tests.gateway);
  const stopWatching = watchEngine(project, engine.host);
  return async () => {
    stopWatching();
    tests.users -= 1;
    if (tests.users > 0) return;
    await tests.gateway;
    await registry.stop();
    await rm(checkout, { recursive: true, force: true });
  };
}

function prepare(): Shared {
  const engine = findEngine(undefined, (step) => console.log(step)).then((found) => {
    process.env['DOCKER_HOST'] = found.host;
    return found;
  });
  const gateway = engine.then(buildGateway);
  // Lanes that wait for it say so.
  gateway.catch(() => {});
  return { ready: getReady(engine), gateway, users: 0 };
}

async function getReady(found: Promise<Engine>): Promise<Ready> {
  const engine = await found;
  const checkout = await makeCheckout('new');
  const [registry, base] = await Promise.all([startRegistry(), buildSmall(checkout)]);
  return { engine, registry, base, checkout };
}

const build = async (...args: readonly string[]): Promise<string> => {
  const started = performance.now();
  const command = ['run', '--silent', 'image:build', '--', '--json', ...args];
  const { stdout } = await execa('npm', command, { cwd: ROOT, stderr: 'inherit' });
  console.log(`built ${JSON.parse(stdout).names} in ${Math.round((performance.now() - started) / 1000)} s`);
  return stdout;
};

async function buildGateway(engine: Engine): Promise<string> {
  // Built, and not found: an engine that ran the tests before has it.
  await execa(engine.docker, ['image', 'rm', '--force', 'openclaw:local'], { env: engine.environment, reject: false });
  return build();
}

async function buildSmall(checkout: string): Promise<Ready['base']> {
  const stdout = await build('--source', checkout, '--tag', SMALL_IMAGE);
  return (JSON.parse(stdout) as { readonly base: { readonly kind: Ready['base'] } }).base.kind;
}

const WATCH_MILLISECONDS = 5000;

/** Without its engine every test that is left would wait for its time limit: the run ends, and says why. */
function watchEngine(project: TestProject, host: string): () => void {
  let unanswered = 0;
  const timer = setInterval(async () => {
    unanswered = (await askEngine(host, '/_ping'))?.status === 200 ? 0 : unanswered + 1;
    if (unanswered !== 3) return;
    console.error(`The tests' engine (${host}) has stopped answering; the end of its log:`);
    const log = join(cacheFolder('engine'), 'dockerd.log');
    console.error((await readFile(log, 'utf8').catch(() => '')).split('\n').slice(-20).join('\n'));
    await project.vitest.cancelCurrentRun('test-failure');
  }, WATCH_MILLISECONDS);
  return () => clearInterval(timer);
}
