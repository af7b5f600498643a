/** Parses `openclaw.json`, which is JSON5: comments, trailing commas, unquoted keys, single quotes. Never evaluates it. */
export class RelaxedJsonError extends Error {
  override readonly name = 'RelaxedJsonError';
}

const SPACE = /(?:\s|\uFEFF|\/\/[^\n\r\u2028\u2029]*|\/\*[\s\S]*?\*\/)*/uy;
const PUNCTUATION = /[{}[\]:,]/y;
const STRING = /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y;
const WORD = /[^\s{}[\]:,"'/]+/uy;
const WORDS: Readonly<Record<string, unknown>> = { true: true, false: false, null: null, Infinity, NaN };
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', 0: '\0' };

/** @throws RelaxedJsonError with the line if the text is not valid JSON5 */
export function parseRelaxedJson(text: string): unknown {
  let at = 0;
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const token = pattern.exec(text)?.[0];
    if (token !== undefined) at += token.length;
    return token;
  };
  const fail = (): never => {
    throw new RelaxedJsonError(`unexpected text in line ${text.slice(0, at).split('\n').length}`);
  };
  const next = (): string => {
    take(SPACE);
    return take(PUNCTUATION) ?? take(STRING) ?? take(WORD) ?? fail();
  };
  /** Reads the members of a list or an object; a trailing comma is allowed. */
  const members = (end: string, member: (token: string) => void): void => {
    for (let token = next(); token !== end; ) {
      member(token);
      token = next();
      if (token === ',') token = next();
      else if (token !== end) fail();
    }
  };
  const value = (token: string): unknown => {
    if (token === '[') {
      const list: unknown[] = [];
      members(']', (first) => void list.push(value(first)));
      return list;
    }
    if (token === '{') {
      const entries: [string, unknown][] = [];
      members('}', (key) => {
        if (/^[{}[\]:,]$/.test(key) || next() !== ':') fail();
        entries.push([/^["']/.test(key) ? unquoted(key) : key, value(next())]);
      });
      // Object.fromEntries accepts the key __proto__; an assignment would change the prototype.
      return Object.fromEntries(entries);
    }
    if (/^["']/.test(token)) return unquoted(token);
    if (Object.hasOwn(WORDS, token)) return WORDS[token];
    return /^[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/.test(token)
      ? Number(token.replace(/^[+]/, ''))
      : fail();
  };
  const result = value(next());
  take(SPACE);
  return at === text.length ? result : fail();
}

const unquoted = (token: string): string =>
  token
    .slice(1, -1)
    .replace(
      /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))/g,
      (_, unicode?: string, byte?: string, other = '') =>
        unicode !== undefined || byte !== undefined
          ? String.fromCharCode(Number.parseInt(unicode ?? byte ?? '', 16))
          : /[\n\r\u2028\u2029]/.test(other)
            ? ''
            : (ESCAPES[other] ?? other),
    );
