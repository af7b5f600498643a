/** A problem with a value, and how to solve it. */
export interface ValueProblem {
  readonly reason: string;
  readonly hint: string;
}

/** Control and format characters, line and paragraph separators, and the replacement character of invalid UTF-8. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\u{FFFD}]/u;
const SHOWN_CHARACTERS = 200;
/** Linux: PATH_MAX and NAME_MAX, in bytes. */
const LONGEST_PATH = 4095;
const LONGEST_NAME = 255;

export const unprintable = (text: string): ValueProblem | undefined =>
  UNPRINTABLE.test(text)
    ? {
        reason: 'contains a line end, a tab or another unprintable character',
        hint: 'use printable characters only',
      }
    : undefined;

/** Makes a value safe for a message: unprintable characters are escaped, and a long value is cut. */
export function shownValue(value: string): string {
  const shown = [...value.slice(0, SHOWN_CHARACTERS)].map((character) =>
    UNPRINTABLE.test(character) ? `\\u{${character.codePointAt(0)?.toString(16)}}` : character,
  );
  return shown.slice(0, SHOWN_CHARACTERS).join('') + (value.length > SHOWN_CHARACTERS ? '…' : '');
}

/**
 * Checks the path of a mount. Spaces, quotes and `$` are allowed, and taken literally.
 *
 * @param what the part of the value, for the message: `source`; undefined for the value itself
 */
export function pathProblem(path: string, what?: string): ValueProblem | undefined {
  const hidden = unprintable(path);
  if (hidden !== undefined) return hidden;
  const has = what === undefined ? 'is' : `has a ${what} that is`;
  if (path.startsWith('~'))
    return { reason: `${has} not expanded: only a shell expands ~`, hint: 'write the full path: /home/you/…' };
  if (!path.startsWith('/'))
    return { reason: `${has} not an absolute path`, hint: 'begin it with /, as in "$PWD/folder"' };
  if (path.split('/').includes('..'))
    return { reason: `${has} relative: it contains '..'`, hint: 'write the resolved path' };
  if (path.includes(':'))
    return { reason: `${has} not usable in a mount: it contains a colon`, hint: 'use a path without a colon' };
  if (Buffer.byteLength(path) > LONGEST_PATH || path.split('/').some((name) => Buffer.byteLength(name) > LONGEST_NAME))
    return {
      reason: `${has} too long (a path may have ${LONGEST_PATH} bytes, a name ${LONGEST_NAME})`,
      hint: 'use a shorter path',
    };
  return undefined;
}
