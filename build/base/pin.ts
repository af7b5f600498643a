import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { parseReference, type Reference } from '../oci/reference.ts';

/** Files of dockerfiles/ that hold a pin each: of the gateway's base, and of the sandboxes'. */
export type PinFile = 'base.Dockerfile' | 'sandbox-base.Dockerfile';

export interface Pin {
  /** As FROM has it. */
  readonly from: string;
  readonly reference: Reference & { readonly digest: string };
}

/** Reads a pinned base from the Dockerfile in which Dependabot refreshes it. */
export const readPin = (file: PinFile = 'base.Dockerfile'): Pin =>
  parsePin(readFileSync(join(import.meta.dirname, '../../dockerfiles', file), 'utf8'), `dockerfiles/${file}`);

/** @param file its name, for errors */
export function parsePin(text: string, file: string): Pin {
  const [from, ...others] = DockerfileParser.parse(text).getFROMs();
  const image = from?.getImage();
  if (image === null || image === undefined || others.length > 0) throw new Error(`${file} must have exactly one FROM`);
  const reference = parseReference(image);
  const { digest } = reference;
  if (digest === undefined) throw new Error(`${file} must pin its base by digest: ${image}`);
  return { from: image, reference: { ...reference, digest } };
}
