import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import { certificatesIn } from './spec/certificates.ts';

/** Trusted by `trustAuthorities` so far, for clients that have authorities of their own in place of the default ones. */
export const furtherAuthorities: string[] = [];

/**
 * Trusts further certificate authorities in all that this process asks from here on, beside those that it trusts already: a build's
 * steps get them as a secret, and what is resolved before them must be reachable too.
 *
 * @param file PEM, one or more
 */
export async function trustAuthorities(file: string): Promise<void> {
  const certificates = certificatesIn(await readFile(file, 'utf8'));
  furtherAuthorities.push(...certificates);
  // Node has it since 24.5; before that NODE_EXTRA_CA_CERTS says the same.
  tls.setDefaultCACertificates?.([...tls.getCACertificates('default'), ...certificates]);
}
