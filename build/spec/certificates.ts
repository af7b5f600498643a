import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

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
    for (const one of certificates) new X509Certificate(one);
    return certificates.length === 0 ? 'contains no PEM certificate' : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? 'cannot be read by this user'
      : 'contains a damaged certificate';
  }
}
