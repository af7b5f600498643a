import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../build/cache-folder.ts';

const ROOT = join(import.meta.dirname, '..');

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
