import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import { freePort } from './free-port.ts';

const ROOT = join(import.meta.dirname, '../..');

export interface RegistryOptions {
  /** Users and passwords, in the format of `htpasswd -B`. */
  readonly htpasswd?: string;
  /** Certificate and key, for TLS. */
  /** Whether clients may delete images. */
  readonly deletes?: true;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
}

export interface TestRegistry {
  /** `localhost:5000`; `127.0.0.1:5000` with TLS. */
  readonly address: string;
  /** Deletes all tags of a repository, and keeps the images. */
  readonly forgetTags: (repository: string) => Promise<void>;
  readonly forgetRepository: (repository: string) => Promise<void>;
  /** Loses all layers and configs of a repository but one, and keeps tags and manifests. */
  readonly forgetBlobs: (repository: string, kept: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts the real docker-registry, from Debian. */
export async function startRegistry({ htpasswd, tls, deletes }: RegistryOptions = {}): Promise<TestRegistry> {
  const program = cacheFolder('test-tools');
  await $`${join(ROOT, 'scripts/debian-unpack')} forky ${program} docker-registry`;
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-registry-'));
  const port = await freePort();
  const file = async (name: string, content: string | Buffer): Promise<string> => {
    await writeFile(join(folder, name), content);
    return join(folder, name);
  };
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: {
      filesystem: { rootdirectory: join(folder, 'data') },
      ...(deletes === true ? { delete: { enabled: true } } : {}),
    },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(tls === undefined
        ? {}
        : { tls: { certificate: await file('cert.pem', tls.cert), key: await file('key.pem', tls.key) } }),
    },
    ...(htpasswd === undefined
      ? {}
      : { auth: { htpasswd: { realm: 'test', path: await file('htpasswd', htpasswd) } } }),
  };
  const settings = await file('config.yml', JSON.stringify(config));
  const child = spawn(join(program, 'usr/bin/docker-registry'), ['serve', settings], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 100 && !(await listens(port)); attempt += 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
  const repositories = join(folder, 'data/docker/registry/v2/repositories');
  return {
    address: `${tls === undefined ? 'localhost' : '127.0.0.1'}:${port}`,
    forgetTags: (repository) => rm(join(repositories, repository, '_manifests/tags'), { recursive: true, force: true }),
    forgetRepository: (repository) => rm(join(repositories, repository), { recursive: true, force: true }),
    forgetBlobs: async (repository, kept) => {
      const blobs = join(repositories, repository, '_layers/sha256');
      for (const name of await readdir(blobs))
        if (`sha256:${name}` !== kept) await rm(join(blobs, name), { recursive: true });
    },
    stop: async () => {
      child.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
