import { readFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/**
 * Trusts further certificate authorities in all that this process asks from here on, beside those that it trusts already: a build's
 * steps get them as a secret, and what is resolved before them must be reachable too.
 *
 * @param file PEM, one or more
 */
export async function trustAuthorities(file: string): Promise<void> {
  const certificates = (await readFile(file, 'utf8')).match(
    /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g,
  );
  // Node has it since 24.5; before that NODE_EXTRA_CA_CERTS says the same.
  setDefaultCACertificates?.([...getCACertificates('default'), ...(certificates ?? [])]);
}
