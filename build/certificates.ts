import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';

/** The certificates of a PEM file, one per string. */
export const certificatesIn = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** BuildKit's limit for a secret. Source: buildkit, session/secrets/secretsprovider, store.go */
const MOST_SECRET_BYTES = 500 * 1024;

/** Explains why a file cannot be used for certificate authorities; undefined if it can. */
export function certificateProblem(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 'does not exist';
  if (!status.isFile()) return 'is not a file';
  if (status.size > MOST_SECRET_BYTES) return `is larger than a build secret may be (${MOST_SECRET_BYTES} bytes)`;
  try {
    const certificates = certificatesIn(readFileSync(path, 'utf8'));
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates.length === 0 ? 'contains no PEM certificate' : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? 'cannot be read by this user'
      : 'contains a damaged certificate';
  }
}

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
