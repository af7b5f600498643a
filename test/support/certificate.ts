import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docker } from './command.ts';
import { SMALL_IMAGE } from './gateway.ts';

/**
 * Makes a certificate authority, and a certificate for a server. Uses the OpenSSL of the image.
 *
 * @param address IP address of the server
 * @param parent folder for a new folder with the files
 * @returns paths: the authority alone, the authority with those that this host trusts, and the server's key and certificate
 */
export async function makeCertificate(address: string, parent: string) {
  const folder = await mkdtemp(join(parent, 'ca-'));
  await writeFile(join(folder, 'san'), `subjectAltName=IP:${address}\nbasicConstraints=CA:FALSE\n`);
  const line = `set -e; cd /ca
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj '/CN=A company that inspects' -addext keyUsage=critical,keyCertSign
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj '/CN=index'
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem
chmod a+r *`;
  const { exitCode, stderr } = await docker(
    'run',
    '--rm',
    '--user',
    '0',
    '--volume',
    `${folder}:/ca`,
    '--entrypoint',
    'sh',
    SMALL_IMAGE,
    '-c',
    line,
  );
  if (exitCode !== 0) throw new Error(stderr);
  const known = process.env['NODE_EXTRA_CA_CERTS'] ?? process.env['SSL_CERT_FILE'];
  const bundle = `${known === undefined ? '' : await readFile(known, 'utf8')}\n${await readFile(join(folder, 'ca.pem'), 'utf8')}`;
  await writeFile(join(folder, 'bundle.pem'), bundle);
  return {
    ca: join(folder, 'ca.pem'),
    bundle: join(folder, 'bundle.pem'),
    key: await readFile(join(folder, 'server.key')),
    cert: await readFile(join(folder, 'server.pem')),
  };
}

/** The address at which a container reaches this host. */
export async function hostAddress(): Promise<string> {
  const { stdout } = await docker('network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}');
  return stdout.trim();
}
