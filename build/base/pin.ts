import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerfileParser } from 'dockerfile-ast';
import { parseReference, type Reference } from '../oci/reference.ts';

const PIN_FILE = join(import.meta.dirname, '../../dockerfiles/base.Dockerfile');

export interface Pin {
  /** As FROM has it. */
  readonly from: string;
  readonly reference: Reference & { readonly digest: string };
}

/** Reads the pinned base from the one Dockerfile that Dependabot refreshes. */
export function readPin(text: string = readFileSync(PIN_FILE, 'utf8')): Pin {
  const [from, ...others] = DockerfileParser.parse(text).getFROMs();
  const image = from?.getImage();
  if (image === null || image === undefined || others.length > 0)
    throw new Error(`${PIN_FILE} must have exactly one FROM`);
  const reference = parseReference(image);
  const { digest } = reference;
  if (digest === undefined) throw new Error(`${PIN_FILE} must pin its base by digest: ${image}`);
  return { from: image, reference: { ...reference, digest } };
}
