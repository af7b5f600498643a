import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { homeFolder } from '../home-folder.ts';

/**
 * The certificate authorities of a registry, from the folders of Docker and of rootless Docker.
 *
 * Source: https://docs.docker.com/engine/security/certificates/
 * @returns paths of PEM files
 */
export async function registryCertificates(registry: string): Promise<readonly string[]> {
  const settings = process.env['XDG_CONFIG_HOME'] || join(homeFolder(), '.config');
  const folders = ['/etc/docker/certs.d', join(settings, 'docker/certs.d')].map((folder) => join(folder, registry));
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
  );
  return files.flat().filter((path) => path.endsWith('.crt'));
}
