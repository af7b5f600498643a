import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestProject } from 'vitest/node';
import { cacheFolder } from '../build/cache-folder.ts';
import { type Engine, findEngine } from '../build/engine/engine.ts';
import { askEngine } from '../build/engine/engine-api.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    readonly engine: { readonly docker: string; readonly host: string };
    /** A docker-registry without authentication: `localhost:PORT`. */
    readonly registry: string;
    /** What `npm run image:build -- --json` printed. */
    readonly built: string;
  }
}

const ROOT = join(import.meta.dirname, '..');

/** What all runs of this process share (test/run-all.ts starts several), however often this file is loaded. */
interface Shared {
  readonly ready: Promise<Ready>;
  users: number;
}
interface Ready {
  readonly engine: Engine;
  readonly registry: TestRegistry;
  readonly built: string;
}
const shared = globalThis as typeof globalThis & { openclawTests?: Shared };

/** The engine, a registry and the gateway's image, once for all tests; the image by the README's own command. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  shared.openclawTests ??= { ready: prepare(), users: 0 };
  const tests = shared.openclawTests;
  tests.users += 1;
  const { engine, registry, built } = await tests.ready;
  project.provide('engine', { docker: engine.docker, host: engine.host });
  project.provide('registry', registry.address);
  project.provide('built', built);
  const stopWatching = watchEngine(project, engine.host);
  return async () => {
    stopWatching();
    tests.users -= 1;
    if (tests.users === 0) await registry.stop();
  };
}

async function prepare(): Promise<Ready> {
  const engine = await findEngine(undefined, (step) => console.log(step));
  process.env['DOCKER_HOST'] = engine.host;
  // Built, and not found: an engine that ran the tests before has it.
  await execa(engine.docker, ['image', 'rm', '--force', 'openclaw:local'], { env: engine.environment, reject: false });
  console.log('npm run image:build');
  const started = performance.now();
  const build = execa('npm', ['run', '--silent', 'image:build', '--', '--json'], { cwd: ROOT, stderr: 'inherit' });
  const [registry, { stdout }] = await Promise.all([startRegistry(), build]);
  console.log(`built in ${Math.round((performance.now() - started) / 1000)} s`);
  return { engine, registry, built: stdout };
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
