import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import { certificatesIn } from './spec/certificates.ts';

/**
 * Adds certificate authorities to those that this process trusts. Build steps get them as a secret; requests that resolve the inputs
 * of a build need them too.
 *
 * @param file PEM file with one or more certificates
 */
export async function trustCertificates(file: string): Promise<void> {
  const certificates = certificatesIn(await readFile(file, 'utf8'));
  // Available since Node 24.5. Before, NODE_EXTRA_CA_CERTS has the same effect.
  tls.setDefaultCACertificates?.([...tls.getCACertificates('default'), ...certificates]);
}
