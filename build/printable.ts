/** Control characters, and characters that change the direction of text. */
const CONTROL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

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
