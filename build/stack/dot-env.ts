/**
 * Reads and changes the `.env` file of a Compose project without changing other lines.
 * Grammar: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/#env-file-syntax
 */
interface Line {
  /** Undefined for comments, empty lines and invalid lines. */
  readonly key: string | undefined;
  readonly value: string;
  /** The text in the file, with its line end; a quoted value may span several lines. */
  readonly raw: string;
}

// A byte order mark may come first.
const ASSIGNMENT = /^\uFEFF?[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*[=:][ \t]*/;
/** Characters after a backslash in double quotes. Before any other, the backslash stays. Source: compose-go, dotenv/parser.go, expandEscapes */
const ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
  ...{ '"': '"', '\\': '\\', $: '$' },
};

/** @returns the last value of each key, without quotes and comments; variables are not expanded */
export function readDotEnv(text: string): ReadonlyMap<string, string> {
  return new Map(linesOf(text).flatMap(({ key, value }) => (key === undefined ? [] : [[key, value]])));
}

/** Nothing is expanded in single quotes, and in comments. */
const isInterpolated = (text: string): boolean =>
  !text.startsWith("'") && /(?<!\\)\$[A-Za-z_{]/.test(text.startsWith('"') ? text : text.replace(/ #.*/s, ''));

/** Keys whose value Compose would expand: it contains an unescaped `$` outside of single quotes. */
export const interpolatedKeys = (text: string): ReadonlySet<string> =>
  new Set(
    linesOf(text).flatMap(({ key, raw }) =>
      key !== undefined && isInterpolated(raw.replace(ASSIGNMENT, '')) ? [key] : [],
    ),
  );

/** All values of a key, in the order of the file. */
export const valuesOf = (text: string, name: string): readonly string[] =>
  linesOf(text).flatMap(({ key, value }) => (key === name ? [value] : []));

/**
 * Sets keys in place, appends new keys, and removes keys whose value is `undefined`. All other bytes stay: order, comments,
 * quotes, line ends.
 *
 * @param text current contents; empty if there is no file
 */
export function changeDotEnv(text: string, changes: ReadonlyMap<string, string | undefined>): string {
  const lines = linesOf(text);
  const end = /\r?\n/.exec(text)?.[0] ?? '\n';
  const kept = lines.flatMap(({ key, value, raw }, index) => {
    if (key === undefined || !changes.has(key)) return [raw];
    const newValue = changes.get(key);
    if (newValue === undefined) return [];
    // Compose uses the last line of a key. Remove earlier ones, because other programs may use the first.
    if (lines.slice(index + 1).some((later) => later.key === key)) return [];
    // Compose would give a kept value with $ another meaning.
    const isKept = value === newValue && !isInterpolated(raw.replace(ASSIGNMENT, ''));
    return [isKept ? raw : assignment(key, newValue) + (/\r?\n$/.exec(raw)?.[0] ?? '')];
  });
  const present = new Set(lines.map(({ key }) => key));
  const added = [...changes].flatMap(([key, value]) =>
    value === undefined || present.has(key) ? [] : [assignment(key, value) + end],
  );
  const before = kept.join('');
  return before + (added.length > 0 && before !== '' && !before.endsWith('\n') ? end : '') + added.join('');
}

/** Unquoted if that is safe for Compose and for a shell; else quoted so that nothing is expanded. */
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
  // A comment begins with # after a space; after anything else, # belongs to the value. Source: compose-go, dotenv/parser.go
  const value = whole
    .slice(start.length)
    .replace(/\r?\n$/, '')
    .replace(/ #.*$/, '')
    .trim();
  return { key, value, raw: whole };
}

/** Parses a quoted value, which may contain line ends; undefined if the text does not begin with one. */
function quotedValue(text: string): { readonly value: string; readonly length: number } | undefined {
  const [literal, single] = /^'((?:[^'\\]|\\.)*)'/s.exec(text) ?? [];
  if (literal !== undefined && single !== undefined)
    return { value: single.replaceAll("\\'", "'"), length: literal.length };
  const [escaped, double] = /^"((?:[^"\\]|\\.)*)"/s.exec(text) ?? [];
  if (escaped === undefined || double === undefined) return undefined;
  const value = double.replace(/\\(.)/gs, (_, character: string) => ESCAPES[character] ?? `\\${character}`);
  return { value, length: escaped.length };
}
