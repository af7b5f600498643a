/** Control characters, and characters that change the direction of text. */
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;
/** The colors that this program uses: bold, dim, red, green, yellow. Others could hide text. Source: ECMA-48, SGR */
const COLOR = new RegExp(`(${String.fromCharCode(27)}\\[(?:0|1|2|22|31|32|33|39)m)`);

/**
 * Makes text from a registry, a record or a program safe to print: one line, without terminal sequences, and no command for the
 * runner of a GitHub workflow.
 *
 * The runner takes a line for a command if it begins with `::`, also after spaces, or if it contains `##[`.
 * Source: https://github.com/actions/runner, src/Runner.Common/ActionCommand.cs
 */
export const printable = (text: string): string =>
  text
    .replace(CONTROL, ' ')
    .replace(/^(\s*):+(?=:)/, '$1 ')
    .replaceAll('##[', '# #[');

/** The same for text that this program colored. */
export const printableColored = (text: string): string =>
  text
    .split(COLOR)
    .map((part) => (COLOR.test(part) ? part : printable(part)))
    .join('');
