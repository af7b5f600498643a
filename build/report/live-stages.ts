import type { Progress, Step } from '../engine/progress.ts';
import { printable } from '../printable.ts';
import { seconds } from '../units.ts';

/** Titles of stages, in words that people use. A stage without an entry has its name. */
const TITLES: Readonly<Record<string, string>> = {
  base: 'base image',
  'browser-download': 'Chromium',
  'build-info': 'version and commit',
  canvas: 'canvas bundle',
  'control-ui': 'Control UI',
  dependencies: 'dependencies',
  'docker-cli': 'Docker CLI',
  docs: 'documentation',
  extensions: 'plugins of the checkout',
  files: 'health check',
  gateway: "gateway's package",
  'gateway-dependencies': 'list of dependencies',
  installed: 'dependencies for the build',
  'installed-files': "gateway's files",
  manifests: 'package manifests',
  package: "gateway's install scripts",
  'packages-with-pip': 'Python packages',
  plugins: 'dependencies of plugins',
  pnpm: 'pnpm',
  runtime: 'image',
  server: 'server',
  skills: 'skills',
  'smoke-test': 'test of the image',
  store: 'downloads',
  system: 'system packages',
  'system-with-apt': 'extra system packages',
  toolchain: 'build tools',
  unpacked: "gateway's layers",
  'with-server': 'image without documents and Control UI',
  'with-python-and-browser-debian': 'browser',
  'with-python-and-browser-playwright': 'browser',
};
/** The steps after the last stage. */
const EXPORT = 'writing the image';

interface LiveStage {
  readonly title: string;
  /** From 0 to 1. */
  readonly done: number;
  readonly isRunning: boolean;
  /** Seconds since the start of its first step, until now or the end of its last one. */
  readonly seconds: number;
  /** The last line of its output. */
  readonly line: string;
}

/** The stages that run or ran, in the order of their start. Cached stages are left out. @param now milliseconds since 1970 */
export function liveStages(progress: Progress, now: number): readonly LiveStage[] {
  const stages = new Map<string, Step[]>();
  for (const step of progress.values()) {
    const title = titleOf(step);
    // COPY --link is two steps: the second merges the layer.
    if (title === undefined || step.name.includes('] LINK ')) continue;
    stages.set(title, [...(stages.get(title) ?? []), step]);
  }
  return [...stages]
    .flatMap(([title, steps]) => {
      const executed = steps.filter(({ state }) => state === 'running' || state === 'done' || state === 'failed');
      if (executed.length === 0) return [];
      const started = Math.min(...executed.map((step) => step.started ?? now));
      const isRunning = executed.some(({ state }) => state === 'running');
      const ended = isRunning ? now : Math.max(...executed.map((step) => step.completed ?? now));
      const line = executed.findLast(({ state, lines }) => state === 'running' && lines.length > 0)?.lines.at(-1) ?? '';
      const done = Math.min(1, steps.reduce((sum, step) => sum + shareOf(step), 0) / stepsOf(steps));
      return [
        { started, stage: { title, done: isRunning ? done : 1, isRunning, seconds: (ended - started) / 1000, line } },
      ];
    })
    .sort((a, b) => a.started - b.started)
    .map(({ stage }) => stage);
}

function titleOf({ name, stage }: Step): string | undefined {
  if (/^(?:\[\S+\] )?exporting/.test(name)) return EXPORT;
  return stage === undefined ? undefined : (TITLES[stage] ?? printable(stage));
}

const shareOf = ({ state }: Step): number => ({ done: 1, cached: 1, failed: 1, running: 0.5, waiting: 0 })[state];

/** The number of steps of a stage, on all platforms: BuildKit names the last one before it starts, `[linux/amd64 server 2/6]`. */
function stepsOf(steps: readonly Step[]): number {
  const totals = new Map<string, number>();
  for (const { name } of steps) {
    const [, platform = '', total] = /^\[(.*?) +\d+\/(\d+)\]/.exec(name) ?? [];
    totals.set(platform, Number(total ?? steps.length));
  }
  return [...totals.values()].reduce((sum, total) => sum + total, 0);
}

const TITLE_COLUMNS = 26;
const TIME_COLUMNS = 10;

/**
 * A line for each stage: a bar, its title, its time, and the last line of its output. The oldest finished stages give way.
 *
 * @param size of the terminal, in characters
 * @param now milliseconds since 1970
 */
export function liveLines(
  progress: Progress,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  now: number,
): readonly string[] {
  const stages = liveStages(progress, now);
  const surplus = stages.length - Math.max(1, rows - 3);
  const finished = stages.filter(({ isRunning }) => !isRunning).slice(0, Math.max(0, surplus));
  const width = columns >= 120 ? 20 : 10;
  return stages
    .filter((stage) => !finished.includes(stage))
    .map(({ title, done, seconds: time, line }) => {
      const full = Math.round(done * width);
      const head = `  ${'█'.repeat(full)}${'░'.repeat(width - full)}  ${title.slice(0, TITLE_COLUMNS).padEnd(TITLE_COLUMNS)}${seconds(time).padStart(TIME_COLUMNS)}`;
      return `${head}  ${printable(line).trim()}`.slice(0, columns - 1).trimEnd();
    });
}
