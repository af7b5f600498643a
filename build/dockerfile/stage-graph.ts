import { type Copy, DockerfileParser, type From, type Instruction, type JSONInstruction } from 'dockerfile-ast';

/** An instruction of a stage, with its inputs. */
export interface ReadingInstruction {
  /** The text in the Dockerfile. */
  readonly text: string;
  /** Stages and named contexts that it reads: `COPY --from`, `RUN --mount=from`. */
  readonly stages: readonly string[];
  /** Paths of the build context that it reads. */
  readonly paths: readonly string[];
}

/** The inputs of a stage, which determine whether it runs again. */
export interface StageReads {
  readonly name: string;
  /** The stage, named context or image in its FROM. */
  readonly from: string;
  readonly instructions: readonly ReadingInstruction[];
  /** Values of the `ARG`s that the stage declares and that have a global value. */
  readonly arguments: Readonly<Record<string, string>>;
}

/**
 * Reads the stages that a build of the last stage needs, in the order of the file.
 *
 * Source: https://docs.docker.com/reference/dockerfile/
 * @param replaced names of stages that build contexts replace; their inputs are left out
 */
export function readStages(dockerfile: string, replaced: readonly string[]): readonly StageReads[] {
  const lines = dockerfile.split('\n');
  const globals = new Map<string, string>();
  const stages: {
    name: string;
    from: string;
    instructions: ReadingInstruction[];
    arguments: Record<string, string>;
  }[] = [];
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const keyword = instruction.getKeyword();
    const stage = stages.at(-1);
    if (keyword === 'FROM') {
      const from = instruction as From;
      const name = from.getBuildStage() ?? String(stages.length);
      stages.push({ name, from: expand(from.getImage() ?? '', globals), instructions: [], arguments: {} });
    } else if (keyword === 'ARG') {
      const [name = '', value] = (instruction.getRawArgumentsContent() ?? '').split(/=(.*)/s);
      if (stage === undefined) globals.set(name, expand((value ?? '').replace(/^"(.*)"$/s, '$1'), globals));
      else if (globals.has(name)) stage.arguments[name] = globals.get(name) ?? '';
    } else {
      const { start, end } = instruction.getRange();
      stage?.instructions.push({
        text: lines.slice(start.line, end.line + 1).join('\n'),
        ...readBy(instruction),
      });
    }
  }
  const last = stages.at(-1)?.name;
  const needed = new Set<string>(last === undefined ? [] : [last]);
  // A stage is defined before the stages that read it, so one pass from the end finds all of them.
  for (const { name, from, instructions } of stages.toReversed()) {
    if (!needed.has(name) || replaced.includes(name)) continue;
    for (const read of [from, ...instructions.flatMap((reading) => reading.stages)]) needed.add(read);
  }
  return stages.filter(({ name }) => needed.has(name) && !replaced.includes(name));
}

function readBy(instruction: Instruction): Omit<ReadingInstruction, 'text'> {
  const keyword = instruction.getKeyword();
  if (keyword === 'COPY' || keyword === 'ADD') {
    const copy = instruction as Copy;
    const from = copy
      .getFlags()
      .find((flag) => flag.getName() === 'from')
      ?.getValue();
    if (from !== undefined && from !== null) return { stages: [from], paths: [] };
    const paths = copy.getArguments().map((argument) => argument.getValue());
    // The parser takes the words of a here-document for paths. They are part of the instruction's text.
    return { stages: [], paths: paths[0]?.startsWith('<<') === true ? [] : paths.slice(0, -1) };
  }
  if (keyword !== 'RUN') return { stages: [], paths: [] };
  const mounts = (instruction as JSONInstruction)
    .getFlags()
    .map((flag) => new Map(flag.getOptions().map((option) => [option.getName(), option.getValue() ?? ''])));
  // A mount without `from` and `type` reads the build context.
  return {
    stages: [...new Set(mounts.flatMap((mount) => mount.get('from') ?? []))],
    paths: mounts.flatMap((mount) => (mount.has('from') || mount.has('type') ? [] : (mount.get('source') ?? []))),
  };
}

/** Expands `$NAME`, `${NAME}` and `${NAME:+word}` in FROM; the word may contain variables. */
function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text
    .replace(/\$\{(\w+):\+((?:[^{}]|\{[^{}]*\})*)\}/g, (_, name: string, word: string) =>
      (values.get(name) ?? '') === '' ? '' : expand(word, values),
    )
    .replace(
      /\$\{(\w+)\}|\$(\w+)/g,
      (_, braced: string | undefined, bare: string | undefined) => values.get(braced ?? bare ?? '') ?? '',
    );
}
