/** What is wrong with a value, and what to write instead. */
export interface Complaint {
  readonly reason: string;
  readonly wayOut: string;
}

/** Control and format characters, line and paragraph ends, and what bytes that are no UTF-8 become. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{FFFD}]/u;
const SHOWN_CHARACTERS = 200;
/** Linux: PATH_MAX and NAME_MAX, in bytes. */
const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;

export const unprintable = (text: string): Complaint | undefined =>
  UNPRINTABLE.test(text)
    ? {
        reason: 'has a line end, a tab or another character that does not print',
        wayOut: 'write it in printable characters',
      }
    : undefined;

/** A value as it may stand in a line of a message: what does not print as its number, and a long one by its beginning. */
export function printable(value: string): string {
  const shown = [...value.slice(0, SHOWN_CHARACTERS)].map((character) =>
    UNPRINTABLE.test(character) ? `\\u{${character.codePointAt(0)?.toString(16)}}` : character,
  );
  return shown.slice(0, SHOWN_CHARACTERS).join('') + (value.length > SHOWN_CHARACTERS ? '…' : '');
}

/**
 * Why a text can be no path for a mount. Everything else, spaces, quotes and `$` too, is taken literally.
 *
 * @param what the part of the value that is meant: `its source`; empty for the value itself
 */
export function pathComplaint(path: string, what = 'it'): Complaint | undefined {
  const hidden = unprintable(path);
  if (hidden !== undefined) return hidden;
  if (path.startsWith('~'))
    return { reason: `${what} begins with ~, which only a shell expands`, wayOut: 'write the folder out: /home/you/…' };
  if (!path.startsWith('/'))
    return { reason: `${what} is no absolute path`, wayOut: 'begin it with /, as in "$PWD/folder"' };
  if (path.split('/').includes('..'))
    return { reason: `${what} leads through '..'`, wayOut: 'write where it leads to' };
  if (path.includes(':'))
    return { reason: `${what} has a colon, which separates the parts of a mount`, wayOut: 'use a path without one' };
  if (Buffer.byteLength(path) > LONGEST_PATH || path.split('/').some((name) => Buffer.byteLength(name) > LONGEST_NAME))
    return {
      reason: `${what} is longer than a path can be (${LONGEST_PATH} bytes, ${LONGEST_NAME} a name)`,
      wayOut: 'use a shorter one',
    };
  return undefined;
}
