/** BuildKit's solve status, one JSON object per line: the output of `buildx build --progress=rawjson`. */
interface SolveStatus {
  readonly vertexes?: readonly RawVertex[];
  readonly logs?: readonly { readonly vertex: string; readonly data: string }[];
  readonly statuses?: readonly {
    readonly vertex: string;
    readonly id: string;
    readonly current?: number;
    readonly total?: number;
  }[];
}

interface RawVertex {
  readonly digest: string;
  readonly name: string;
  readonly started?: string;
  readonly completed?: string;
  readonly cached?: boolean;
  readonly error?: string;
}

/** One step of a build. */
export interface Step {
  readonly digest: string;
  /** `[linux/amd64 system 1/2] RUN apt-get …`. */
  readonly name: string;
  /** `system`; undefined for steps outside of stages: exporting, loading contexts. */
  readonly stage: string | undefined;
  readonly state: 'waiting' | 'running' | 'done' | 'cached' | 'failed';
  /** Milliseconds since 1970. */
  readonly started: number | undefined;
  readonly completed: number | undefined;
  readonly error: string | undefined;
  /** The last lines of its output. */
  readonly lines: readonly string[];
}

/** The state of a build. Steps are in the order in which BuildKit first reported them. */
export type Progress = ReadonlyMap<string, Step>;

/** A compiler prints its first error long before its last line. */
const MOST_LINES = 1000;

/** `[linux/arm64 system 2/3] RUN …` → `system`; in a bake with several targets `[browser linux/arm64 system 2/3]`; `[internal] …` → undefined. */
export function stageOf(name: string): string | undefined {
  return /^\[(?:[^\]]+ )?([a-z0-9._@/-]+) +\d+\/\d+\]/i.exec(name)?.[1];
}

const milliseconds = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Date.parse(time);

/**
 * Applies one line of BuildKit's output to the state of a build.
 *
 * @param line a line of `--progress=rawjson`
 * @returns the new state and the steps that changed; undefined if the line is not a status
 */
export function advance(
  progress: Progress,
  line: string,
): { readonly progress: Progress; readonly changed: readonly Step[] } | undefined {
  const status = parse(line);
  if (status === undefined) return undefined;
  const next = new Map(progress);
  const changed = new Set<string>();
  for (const vertex of status.vertexes ?? []) {
    const before = next.get(vertex.digest);
    next.set(vertex.digest, {
      digest: vertex.digest,
      name: vertex.name,
      stage: stageOf(vertex.name),
      state: stateOf(vertex),
      // BuildKit may report a shared step again: keep the first start.
      started: before?.started ?? milliseconds(vertex.started),
      completed: milliseconds(vertex.completed),
      error: vertex.error === '' ? undefined : vertex.error,
      lines: before?.lines ?? [],
    });
    changed.add(vertex.digest);
  }
  for (const { vertex, data } of status.logs ?? []) {
    const step = next.get(vertex);
    if (step === undefined) continue;
    const lines = Buffer.from(data, 'base64')
      .toString('utf8')
      .split(/\r?\n/)
      .filter((text) => text.trim() !== '');
    next.set(vertex, { ...step, lines: [...step.lines, ...lines].slice(-MOST_LINES) });
    changed.add(vertex);
  }
  return { progress: next, changed: [...changed].flatMap((digest) => next.get(digest) ?? []) };
}

function parse(line: string): SolveStatus | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as SolveStatus;
  } catch {
    return undefined;
  }
}

function stateOf(vertex: RawVertex): Step['state'] {
  if (vertex.error !== undefined && vertex.error !== '') return 'failed';
  if (vertex.cached === true) return 'cached';
  if (vertex.completed !== undefined) return 'done';
  return vertex.started === undefined ? 'waiting' : 'running';
}

export interface StageTime {
  readonly stage: string;
  /** From the start of its first step to the end of its last one, in seconds. Stages run in parallel, so the sum exceeds the build time. */
  readonly seconds: number;
  readonly cached: boolean;
}

/** The time of each stage, in order of start; `export` covers the steps after the last stage. */
export function stageTimes(progress: Progress): readonly StageTime[] {
  const stages = new Map<string, { from: number; to: number; cached: boolean }>();
  for (const step of progress.values()) {
    const stage = step.stage ?? (/^(?:\[\S+\] )?exporting/.test(step.name) ? 'export' : undefined);
    if (stage === undefined || step.started === undefined) continue;
    const time = stages.get(stage) ?? { from: Number.POSITIVE_INFINITY, to: 0, cached: true };
    const real = step.state !== 'cached';
    stages.set(stage, {
      from: real ? Math.min(time.from, step.started) : time.from,
      to: real ? Math.max(time.to, step.completed ?? step.started) : time.to,
      cached: time.cached && !real,
    });
  }
  return [...stages]
    .sort(([, a], [, b]) => Number(a.cached) - Number(b.cached) || a.from - b.from)
    .map(([stage, { from, to, cached }]) => ({ stage, seconds: cached ? 0 : Math.max(0, (to - from) / 1000), cached }));
}
