import type { Layer } from '../dockerfile/stage.ts';
import type { ReadingInstruction } from '../dockerfile/stage-graph.ts';
import type { BuildInputs } from './build-inputs.ts';

/**
 * The effect of the next build on a stage or a layer. `depends`: it runs only if a stage that it reads produces a different
 * result, which is known only after that stage has run.
 */
export type Expectation = 'cached' | 'runs' | 'depends';

export interface StageForecast {
  readonly name: string;
  readonly expectation: Expectation;
  /** Changes since the last build; empty for a cached stage. */
  readonly reasons: readonly string[];
}

export interface BuildForecast {
  /** Stages that run instructions, in the order of the Dockerfile. */
  readonly stages: readonly StageForecast[];
  /** Lowest first. */
  readonly layers: readonly StageForecast[];
}

/** Compares the inputs of two builds, stage by stage. Pure. */
export function explainBuild(layers: readonly Layer[], now: BuildInputs, before: BuildInputs): BuildForecast {
  const known = new Map<string, StageForecast>();
  for (const name of Object.keys(now.contexts)) known.set(name, explainContext(name, now, before));
  const earlier = new Map(before.stages.map((stage) => [stage.name, stage]));

  const readsOf = ({ stages, paths }: ReadingInstruction): Omit<StageForecast, 'name'> => {
    const changed = paths.flatMap((path) => changedFiles(path, now, before));
    const read = stages.flatMap((name) => known.get(name) ?? []);
    const certain = read.filter((entry) => entry.expectation === 'runs' && copiesOnly(entry.name));
    if (changed.length + certain.length > 0)
      return { expectation: 'runs', reasons: [...changed, ...certain.flatMap(({ reasons }) => reasons)] };
    const open = read.filter(({ expectation }) => expectation !== 'cached');
    return open.length === 0
      ? { expectation: 'cached', reasons: [] }
      : {
          expectation: 'depends',
          reasons: [`only if ${open.map(({ name }) => name).join(' or ')} produces a different result`],
        };
  };
  /** Whether a stage only copies: then a change of its inputs is a change of its result. */
  const copiesOnly = (name: string): boolean => {
    if (name === 'scratch') return true;
    const stage = now.stages.find((entry) => entry.name === name);
    // A build context is read as it is.
    if (stage === undefined) return now.contexts[name] !== undefined;
    return (
      copiesOnly(stage.from) &&
      stage.instructions.every(({ text, stages }) => text.startsWith('COPY ') && stages.every(copiesOnly))
    );
  };

  for (const { name, from, instructions, arguments: values } of now.stages) {
    const was = earlier.get(name);
    const parent = known.get(from);
    const reasons: string[] = [];
    if (was === undefined) reasons.push('is new since the last build');
    else {
      if (was.from !== from) reasons.push(`is based on ${from} instead of ${was.from}`);
      for (const argument of new Set([...Object.keys(was.arguments), ...Object.keys(values)])) {
        if (was.arguments[argument] !== values[argument])
          reasons.push(`${argument}: "${was.arguments[argument] ?? ''}" → "${values[argument] ?? ''}"`);
      }
      const texts = new Set(was.instructions.map(({ text }) => text));
      const other = instructions.find(({ text }) => !texts.has(text));
      if (other !== undefined || was.instructions.length !== instructions.length)
        reasons.push(`its instructions changed${other === undefined ? '' : `: ${firstLine(other.text)}`}`);
    }
    if (parent?.expectation === 'runs')
      reasons.push(...(parent.reasons.length > 0 ? parent.reasons : [`${from} runs`]));
    const reads = instructions.map(readsOf);
    reasons.push(...reads.flatMap((read) => (read.expectation === 'runs' ? read.reasons : [])));
    if (reasons.length > 0) {
      known.set(name, { name, expectation: 'runs', reasons: unique(reasons) });
      continue;
    }
    const open = [
      ...(parent?.expectation === 'depends' ? parent.reasons : []),
      ...reads.flatMap((read) => (read.expectation === 'depends' ? read.reasons : [])),
    ];
    known.set(name, { name, expectation: open.length > 0 ? 'depends' : 'cached', reasons: unique(open) });
  }

  const instructions = new Map(
    now.stages.flatMap((stage) => stage.instructions.map((entry) => [entry.text, entry] as const)),
  );
  const earlierTexts = new Set(before.stages.flatMap((stage) => stage.instructions.map(({ text }) => text)));
  return {
    stages: now.stages
      .filter((stage) => stage !== now.stages.at(-1) && stage.instructions.length > 0)
      .flatMap(({ name }) => known.get(name) ?? []),
    layers: layers.map(({ name, made }) => {
      if (made.by === 'stage') return { ...(known.get(made.stage) ?? NOTHING), name };
      const instruction = instructions.get(made.instruction);
      if (instruction === undefined) return { ...NOTHING, name };
      if (!earlierTexts.has(made.instruction))
        return { name, expectation: 'runs', reasons: ['is new since the last build'] };
      return { ...readsOf(instruction), name };
    }),
  };
}

/**
 * The stages that ran although nothing that they read had changed: the engine did not have their cache.
 *
 * @param executed names of the stages that ran
 */
export const uncachedStages = ({ stages }: BuildForecast, executed: readonly string[]): readonly string[] =>
  stages.flatMap(({ name, expectation }) => (expectation === 'cached' && executed.includes(name) ? [name] : []));

/** The stages that ran because of a change, each with the first one. @param executed names of the stages that ran */
export const changedStages = (
  { stages }: BuildForecast,
  executed: readonly string[],
): readonly { readonly stage: string; readonly reason: string }[] =>
  stages.flatMap(({ name, expectation, reasons: [reason] }) =>
    expectation === 'runs' && reason !== undefined && executed.includes(name) ? [{ stage: name, reason }] : [],
  );

const NOTHING = { expectation: 'cached', reasons: [] } as const;

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];

const firstLine = (text: string): string => {
  const line = text.split('\n', 1)[0] ?? '';
  return line.length > 60 ? `${line.slice(0, 59)}…` : line;
};

function explainContext(name: string, now: BuildInputs, before: BuildInputs): StageForecast {
  const has = now.contexts[name] ?? {};
  const had = before.contexts[name];
  if (had === undefined) return { name, expectation: 'runs', reasons: ['is new since the last build'] };
  const reasons = [
    ...Object.keys(has).flatMap((key) =>
      had[key] === undefined ? [`${key} is new`] : had[key] === has[key] ? [] : [`${key}: ${had[key]} → ${has[key]}`],
    ),
    ...Object.keys(had).flatMap((key) => (has[key] === undefined ? [`${key} was removed`] : [])),
  ];
  return { name, expectation: reasons.length > 0 ? 'runs' : 'cached', reasons };
}

/** @param path a file or a folder */
function changedFiles(path: string, now: BuildInputs, before: BuildInputs): readonly string[] {
  const inside = (file: string): boolean => file === path || file.startsWith(`${path}/`);
  const changed = Object.keys(now.files)
    .filter(inside)
    .flatMap((file) => {
      const had = before.files[file];
      if (had === undefined) return [`${file} is new`];
      return had.sha256 === now.files[file]?.sha256 ? [] : [`${file} changed`];
    });
  const gone = Object.keys(before.files)
    .filter((file) => inside(file) && now.files[file] === undefined)
    .map((file) => `${file} was removed`);
  return [...changed, ...gone];
}
