import type { OptionDefinition } from '../spec/option.ts';
import type { StackVariable } from '../stack/stack-variable.ts';
import type { Check } from '../verify/check.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``;

/** A Markdown table of a command's options. */
export function optionTable(options: Readonly<Record<string, OptionDefinition>>): string {
  const rows = Object.values(options).map(
    ({ flags, variables, description, default: value, unset, example, repeatable }) => {
      const notes = [
        description,
        ...(repeatable === true ? ['repeatable'] : []),
        ...(variables === undefined ? [] : [`or ${variables.join(', ')}`]),
      ];
      return `| ${code(flags)} | ${cell(notes.join('; '))} | ${cell(value ?? unset ?? '')} | ${example === undefined ? '' : code(example)} |`;
    },
  );
  return ['| option | meaning | default | example |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** A Markdown table of the contract: a line for each check. */
export function contractTable(checks: readonly Check[]): string {
  const rows = checks.map(
    ({ name, row, requires, why, fix }) =>
      `| ${code(name)} | ${row} | ${cell(requires)} | ${cell(why)} | ${cell(fix)} |`,
  );
  return ['| check | part | requires | why | fix |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

/** A Markdown table of the kinds of failures. */
export function failureTable(
  kinds: Readonly<Record<string, { readonly cause: string; readonly fix: string }>>,
): string {
  const rows = Object.entries(kinds).map(
    ([kind, { cause, fix }]) => `| ${code(kind)} | ${cell(cause)} | ${cell(fix)} |`,
  );
  return ['| kind | cause | fix |', '| --- | --- | --- |', ...rows].join('\n');
}

/** A Markdown table of setup's variables. */
export function variableTable(variables: readonly StackVariable[]): string {
  const rows = variables.map(
    ({ name, meaning, unset, example }) =>
      `| ${code(name)} | ${meaning.replaceAll('|', '\\|')} | ${unset === undefined ? '' : code(unset)} | ${example === undefined ? '' : code(example)} |`,
  );
  return ['| variable | meaning | unset | example |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** Replaces the text between `<!-- name -->` and `<!-- /name -->`. @throws Error if the text has no such section */
export function replaceSection(text: string, name: string, content: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from < 0 || to < from) throw new Error(`there is no ${open} … ${close}`);
  return `${text.slice(0, from + open.length)}\n${content}\n${text.slice(to)}`;
}
