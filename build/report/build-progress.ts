import type { Progress, Step } from '../engine/progress.ts';
import { printable } from '../printable.ts';
import { seconds } from '../units.ts';
import { liveLines } from './live-stages.ts';
import { style } from './style.ts';

/** Reports long work while it runs. */
export interface ProgressView {
  readonly onStep: (step: string) => void;
  readonly onProgress: (progress: Progress, changed: readonly Step[]) => void;
  /** Prints a text that stays above the progress. */
  readonly print: (text: string) => void;
  readonly close: () => void;
}

export type ProgressMode = 'live' | 'plain' | 'silent';

export const progressMode = (json: boolean, stream: NodeJS.WriteStream = process.stderr): ProgressMode =>
  json
    ? 'silent'
    : stream.isTTY && process.env['CI'] === undefined && process.env['TERM'] !== 'dumb'
      ? 'live'
      : 'plain';

export async function progressView(
  mode: ProgressMode,
  stream: NodeJS.WriteStream = process.stderr,
): Promise<ProgressView> {
  switch (mode) {
    case 'silent':
      return { onStep: () => {}, onProgress: () => {}, print: () => {}, close: () => {} };
    case 'plain':
      return plainView(stream);
    case 'live':
      return liveView(stream);
  }
}

/** Steps that are not worth a line: reading contexts, and the merge that follows each COPY --link. */
const isReported = ({ name }: Step): boolean =>
  !/^\[(?:\S+ )?(?:internal|context )|\] LINK COPY |^resolving provenance/.test(name);

/** The first line of a step's name, shortened. */
function title({ name }: Step): string {
  const line = printable(name.split('\n')[0] ?? '');
  return line.length > 100 ? `${line.slice(0, 97)}...` : line;
}

const elapsed = ({ started, completed }: Step): number =>
  started === undefined ? 0 : ((completed ?? Date.now()) - started) / 1000;

/** After so many seconds without a line, a log says what still runs. */
const LONGEST_SILENCE_SECONDS = 60;

/**
 * For logs: one line when a step starts, one when it ends, and one for each minute in between. On GitHub, the lines of a build are a group
 * that is closed until somebody opens it. Source: GitHub, "Workflow commands", "Grouping log lines"
 */
function plainView(stream: NodeJS.WriteStream): ProgressView {
  const grouped = process.env['GITHUB_ACTIONS'] === 'true';
  let isOpen = false;
  const openGroup = (): void => {
    if (!grouped || isOpen) return;
    stream.write(`::group::${step.text.replaceAll('%', '%25')}\n`);
    isOpen = true;
  };
  const closeGroup = (): void => {
    if (isOpen) stream.write('::endgroup::\n');
    isOpen = false;
  };
  const reported = new Map<string, Step['state']>();
  let latest: Progress = new Map();
  let step = { text: '', started: Date.now() };
  const say = (text: string): void => {
    stream.write(`${text}\n`);
    timer.refresh();
  };
  const writeRunningSteps = (): void => {
    const running = [...latest.values()].filter((entry) => isReported(entry) && entry.state === 'running');
    for (const entry of running) {
      const last = entry.lines.at(-1);
      say(
        `~ ${title(entry)} (still running after ${seconds(elapsed(entry))})${last === undefined ? '' : `: ${printable(last).trim().slice(0, 100)}`}`,
      );
    }
    if (running.length === 0 && step.text !== '')
      say(`~ ${step.text} (still running after ${seconds((Date.now() - step.started) / 1000)})`);
    timer.refresh();
  };
  const timer = setTimeout(writeRunningSteps, LONGEST_SILENCE_SECONDS * 1000);
  timer.unref();
  return {
    onStep: (text) => {
      closeGroup();
      step = { text: printable(text), started: Date.now() };
      say(`- ${step.text}`);
    },
    onProgress: (progress, changed) => {
      latest = progress;
      for (const entry of changed) {
        if (!isReported(entry) || reported.get(entry.digest) === entry.state) continue;
        reported.set(entry.digest, entry.state);
        openGroup();
        if (entry.state === 'running') say(`> ${title(entry)}`);
        if (entry.state === 'done') say(`+ ${title(entry)} (${seconds(elapsed(entry))})`);
        if (entry.state === 'cached') say(`= ${title(entry)} (cached)`);
        if (entry.state === 'failed') say(`! ${title(entry)}`);
      }
    },
    print: (text) => {
      closeGroup();
      say(text);
    },
    close: () => {
      closeGroup();
      clearTimeout(timer);
    },
  };
}

/** For a terminal: a bar for each stage, redrawn in place. */
async function liveView(stream: NodeJS.WriteStream): Promise<ProgressView> {
  const { createLogUpdate } = await import('log-update');
  const update = createLogUpdate(stream);
  let step = '';
  let latest: Progress = new Map();
  const draw = (): void => {
    const size = { columns: stream.columns ?? 100, rows: stream.rows ?? 24 };
    update([style('bold', step.slice(0, size.columns - 1), stream), ...liveLines(latest, size, Date.now())].join('\n'));
  };
  const timer = setInterval(draw, 200);
  return {
    onStep: (text) => {
      step = printable(text);
      draw();
    },
    onProgress: (progress) => {
      latest = progress;
    },
    print: (text) => {
      update.clear();
      stream.write(`${text}\n`);
      draw();
    },
    close: () => {
      clearInterval(timer);
      update.clear();
      update.done();
    },
  };
}
