import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Certificate authorities of a registry, where Docker looks for them; a rootless one looks below the user's settings.
 *
 * Source: https://docs.docker.com/engine/security/certificates/
 * @returns paths of PEM files
 */
export async function registryCertificates(registry: string): Promise<readonly string[]> {
  const settings = process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
  const folders = ['/etc/docker/certs.d', join(settings, 'docker/certs.d')].map((folder) => join(folder, registry));
  const found = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
  );
  return found.flat().filter((path) => path.endsWith('.crt'));
}
