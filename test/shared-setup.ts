import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestProject } from 'vitest/node';
import { cacheFolder } from '../build/cache-folder.ts';
import { findEngine } from '../build/engine/engine.ts';

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

/** The engine, a registry and the gateway's image, once for all tests; the image by the README's own command. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const engine = await findEngine(undefined, (step) => console.log(step));
  process.env['DOCKER_HOST'] = engine.host;
  const registry = await startRegistry();
  console.log('npm run image:build');
  const started = performance.now();
  const { stdout } = await execa('npm', ['run', '--silent', 'image:build', '--', '--json'], {
    cwd: ROOT,
    stderr: 'inherit',
  });
  console.log(`built in ${Math.round((performance.now() - started) / 1000)} s`);
  project.provide('engine', { docker: engine.docker, host: engine.host });
  project.provide('registry', registry.address);
  project.provide('built', stdout);
  return registry.stop;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** The real docker-registry, from Debian. @param htpasswd users, in the format of `htpasswd -B` */
export async function startRegistry(
  htpasswd?: string,
): Promise<{ readonly address: string; readonly stop: () => Promise<void> }> {
  const program = cacheFolder('test-tools');
  await execa(join(ROOT, 'scripts/debian-unpack'), ['bookworm', program, 'docker-registry']);
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-registry-'));
  const port = await freePort();
  const users = join(folder, 'htpasswd');
  if (htpasswd !== undefined) await writeFile(users, htpasswd);
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: `127.0.0.1:${port}` },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'test', path: users } } }),
  };
  await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
  const child = spawn(join(program, 'usr/bin/docker-registry'), ['serve', join(folder, 'config.yml')], {
    stdio: 'ignore',
  });
  const address = `localhost:${port}`;
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (
      await fetch(`http://${address}/v2/`).then(
        () => true,
        () => false,
      )
    )
      break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    address,
    stop: async () => {
      child.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
