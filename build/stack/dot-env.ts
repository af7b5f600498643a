/**
 * The `.env` file of a Compose project, read and changed without touching what is not ours.
 * Grammar: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
 */
interface Line {
  /** Undefined for comments, empty lines and what nobody understands. */
  readonly key: string | undefined;
  readonly value: string;
  /** As it stands in the file, with its line end; a quoted value may span several lines. */
  readonly raw: string;
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:][ \t]*/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** @returns what the last line that sets the key says, quotes and comments taken away; interpolation is left as it stands */
export function readDotEnv(text: string): ReadonlyMap<string, string> {
  return new Map(linesOf(text).flatMap(({ key, value }) => (key === undefined ? [] : [[key, value]])));
}

/** Keys whose value Compose would interpolate: a `$` that stands bare or between double quotes, and is not escaped. */
export const interpolatedKeys = (text: string): ReadonlySet<string> =>
  new Set(
    linesOf(text).flatMap(({ key, raw }) =>
      key !== undefined && /^[^'#]*(?<!\\)\$[A-Za-z_{]/.test(raw.replace(ASSIGNMENT, '')) ? [key] : [],
    ),
  );

/** The values of a key in the order of the file: a key may stand there more than once. */
export const valuesOf = (text: string, wanted: string): readonly string[] =>
  linesOf(text).flatMap(({ key, value }) => (key === wanted ? [value] : []));

/**
 * Sets keys in place, appends those that are new, and takes away those that are `undefined`. Every other byte stays: order,
 * comments, quotes, line ends.
 *
 * @param text the file as it is; empty for none
 */
export function changeDotEnv(text: string, changes: ReadonlyMap<string, string | undefined>): string {
  const lines = linesOf(text);
  const end = /\r?\n/.exec(text)?.[0] ?? '\n';
  const kept = lines.flatMap(({ key, value, raw }, index) => {
    if (key === undefined || !changes.has(key)) return [raw];
    const wanted = changes.get(key);
    if (wanted === undefined) return [];
    // The last line of a key is the one that counts; the ones before it are old, and would be read by whoever takes the first.
    if (lines.slice(index + 1).some((later) => later.key === key)) return [];
    return [value === wanted ? raw : assignment(key, wanted) + (/\r?\n$/.exec(raw)?.[0] ?? '')];
  });
  const present = new Set(lines.map(({ key }) => key));
  const added = [...changes].flatMap(([key, value]) =>
    value === undefined || present.has(key) ? [] : [assignment(key, value) + end],
  );
  const before = kept.join('');
  return before + (added.length > 0 && before !== '' && !before.endsWith('\n') ? end : '') + added.join('');
}

/** Bare where that is safe for Compose and for a shell that sources the file; else quoted so that nothing is interpolated. */
function assignment(key: string, value: string): string {
  if (/^[A-Za-z0-9_./:@%+,=~-]+$/.test(value)) return `${key}=${value}`;
  if (!/['\\\n\r]/.test(value)) return `${key}='${value}'`;
  return `${key}="${value
    .replace(/[\\"$]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')}"`;
}

function linesOf(text: string): readonly Line[] {
  const lines: Line[] = [];
  for (let rest = text; rest !== ''; rest = rest.slice(lines.at(-1)?.raw.length)) lines.push(firstLine(rest));
  return lines;
}

function firstLine(text: string): Line {
  const whole = /^[^\n]*\n?/.exec(text)?.[0] ?? '';
  const [start, key] = ASSIGNMENT.exec(whole) ?? [];
  if (start === undefined || key === undefined) return { key: undefined, value: '', raw: whole };
  const quoted = quotedValue(text.slice(start.length));
  if (quoted !== undefined) {
    const after = /^[^\n]*\n?/.exec(text.slice(start.length + quoted.length))?.[0] ?? '';
    return { key, value: quoted.value, raw: text.slice(0, start.length + quoted.length) + after };
  }
  // A comment begins with a # after a space; a # within a word belongs to it.
  const value = whole
    .slice(start.length)
    .replace(/\r?\n$/, '')
    .replace(/(?:^|[ \t])#.*$/, '')
    .trim();
  return { key, value, raw: whole };
}

/** A value in quotes, which may hold line ends; undefined where none begins here, or none ends. */
function quotedValue(text: string): { readonly value: string; readonly length: number } | undefined {
  const [literal, single] = /^'((?:[^'\\]|\\.)*)'/s.exec(text) ?? [];
  if (literal !== undefined && single !== undefined)
    return { value: single.replaceAll("\\'", "'"), length: literal.length };
  const [escaped, double] = /^"((?:[^"\\]|\\.)*)"/s.exec(text) ?? [];
  if (escaped === undefined || double === undefined) return undefined;
  const value = double.replace(/\\(.)/gs, (_, character: string) => ESCAPES[character] ?? character);
  return { value, length: escaped.length };
}
