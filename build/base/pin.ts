import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { parseReference, type Reference } from '../oci/reference.ts';

/** The Dockerfiles that pin the gateway's base and the sandboxes' base. */
export type PinFile = 'base.Dockerfile' | 'sandbox-base.Dockerfile';

export interface Pin {
  /** The text of FROM. */
  readonly from: string;
  readonly reference: Reference & { readonly digest: string };
}

/** Reads a pinned base from its Dockerfile, which Dependabot updates. */
export const readPin = (file: PinFile = 'base.Dockerfile'): Pin =>
  parsePin(readFileSync(join(import.meta.dirname, '../../dockerfiles', file), 'utf8'), `dockerfiles/${file}`);

/** @param file name of the file, for error messages */
export function parsePin(text: string, file: string): Pin {
  const [from, ...others] = DockerfileParser.parse(text).getFROMs();
  const image = from?.getImage();
  if (image === null || image === undefined || others.length > 0) throw new Error(`${file} must have exactly one FROM`);
  const reference = parseReference(image);
  const { digest } = reference;
  if (digest === undefined) throw new Error(`${file} must pin its base by digest: ${image}`);
  return { from: image, reference: { ...reference, digest } };
}
