import { Command, Option } from 'commander';
import { RequestError } from '../problem.ts';
import { BUILD_OPTIONS, type OptionDefinition } from '../spec/option.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** Makes a command with a table of options. The help lists their variables and defaults. @param help printed after the options */
export function defineCommand({
  name,
  description,
  options,
  help = '',
  run,
}: {
  readonly name: string;
  readonly description: string;
  readonly options: Readonly<Record<string, OptionDefinition>>;
  readonly help?: string;
  readonly run: Parameters<Command['action']>[0];
}): Command {
  const command = new Command(name).description(description).addHelpText('after', help).action(run);
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

/** The variables that name certificate authorities, for builds that no other variable affects. */
export const caVariables = (): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(BUILD_OPTIONS.ca.variables.map((variable) => [variable, process.env[variable]]));

/** The certificate authorities of `--ca` or its variables, for commands with no other build option. @throws RequestError if the file is missing */
export function parseCa(given: string | undefined): string | undefined {
  const { spec, problems } = parseImageSpec(given === undefined ? {} : { ca: given }, caVariables());
  if (problems.length > 0) throw new RequestError(problems);
  return spec.ca;
}
