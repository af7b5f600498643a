import { type Command, Option } from 'commander';
import type { OptionDefinition } from '../spec/option.ts';

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Adds a table of options to a command. The help lists their variables and defaults. */
export function addOptions(command: Command, options: Readonly<Record<string, OptionDefinition>>): Command {
  for (const definition of Object.values(options)) {
    const notes = [
      ...(definition.default !== undefined ? [`default: ${definition.default}`] : []),
      ...(definition.unset !== undefined ? [`default: ${definition.unset}`] : []),
      ...(definition.variables !== undefined ? [`or ${definition.variables.join(', ')}`] : []),
      ...(definition.repeatable === true ? ['repeatable'] : []),
    ];
    const option = new Option(
      definition.flags,
      `${definition.description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}`,
    );
    if (definition.repeatable === true) option.argParser(collect);
    command.addOption(option);
  }
  return command;
}
