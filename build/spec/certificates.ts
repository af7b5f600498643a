import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';

/** The certificates of a PEM file, one a text. */
export const certificatesIn = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

/** BuildKit takes no larger secret. Source: buildkit, session/secrets/secretsprovider, store.go */
const MOST_SECRET_BYTES = 500 * 1024;

/** Why a file is of no use as certificate authorities; undefined where it is. */
export function whyNoAuthorities(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return 'there is no such file';
  if (!status.isFile()) return 'is no file';
  if (status.size > MOST_SECRET_BYTES) return `is larger than a build secret may be (${MOST_SECRET_BYTES} bytes)`;
  try {
    const certificates = certificatesIn(readFileSync(path, 'utf8'));
    for (const one of certificates) new X509Certificate(one);
    return certificates.length === 0 ? 'holds no certificate in PEM' : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES'
      ? 'may not be read'
      : 'holds a certificate that is damaged';
  }
}
