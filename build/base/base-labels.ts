import { ANNOTATION } from '../oci/annotations.ts';
import { type DigestReference, InvalidReferenceError, isDigest, parseReference } from '../oci/reference.ts';

/**
 * The base that an image's labels name. Anybody may have written them.
 *
 * @returns undefined if they name none, or not by digest
 */
export function baseOf(labels: Readonly<Record<string, string>>): DigestReference | undefined {
  const { [ANNOTATION.baseName]: name = '', [ANNOTATION.baseDigest]: digest = '' } = labels;
  try {
    return isDigest(digest) ? { ...parseReference(name), digest } : undefined;
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined;
    throw error;
  }
}

/** The parts of a run base's name, which is its tag and its version: `base-24-20260401` → `base-24`, `20260401`. */
export function parseRunBaseName(text: string): { readonly line: string; readonly date: string } | undefined {
  const [, line, date] = /^(base-[1-9]\d)-(\d{8})$/.exec(text) ?? [];
  return line === undefined || date === undefined ? undefined : { line, date };
}

/**
 * The name of a run base: an image of Node with Debian's packages of a day, on which gateway images are built.
 *
 * @returns undefined for any other image
 */
export function runBaseName(labels: Readonly<Record<string, string>>): string | undefined {
  const { [ANNOTATION.version]: version = '' } = labels;
  return parseRunBaseName(version) === undefined ? undefined : version;
}
