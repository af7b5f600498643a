import { describe, expect, it } from 'vitest';
import { type Step, stageOf } from '../../../build/engine/progress.ts';
import { liveLines, liveStages } from '../../../build/report/live-stages.ts';

const NOW = 100_000;

/** Steps from their names: `done: [server 1/2] COPY src`. */
const progressOf = (...names: readonly string[]) =>
  new Map(
    names.map((text, index) => {
      const [state = '', name = ''] = text.split(/: (.*)/s);
      const isDone = state === 'done';
      const step: Step = {
        ...{ digest: String(index), name, stage: stageOf(name), state: state as Step['state'], error: undefined },
        started: state === 'waiting' || state === 'cached' ? undefined : index * 1000,
        completed: isDone ? index * 1000 + 500 : undefined,
        lines: state === 'running' ? [`line of ${index}`] : [],
      };
      return [step.digest, step];
    }),
  );

describe('the stages of a running build', () => {
  it('are named as people call them, in the order of their start, without cached ones', () => {
    const progress = progressOf(
      'cached: [linux/amd64 system 1/1] RUN apt-get install',
      'running: [linux/amd64 server 2/2] RUN pnpm run build',
      'done: [linux/amd64 docs 1/1] RUN cp docs',
      'running: exporting to image',
    );
    expect(liveStages(progress, NOW).map(({ title }) => title)).toEqual([
      'server',
      'documentation',
      'writing the image',
    ]);
  });

  it.each<[string, readonly string[], number]>([
    ['the first of two steps runs', ['running: [server 1/2] COPY src', 'waiting: [server 2/2] RUN build'], 0.25],
    ['one of two steps is done', ['done: [server 1/2] COPY src', 'running: [server 2/2] RUN build'], 0.75],
    ['a later step is not known yet', ['running: [server 1/4] COPY src'], 0.125],
    [
      'two platforms',
      ['done: [linux/amd64 server 1/1] RUN build', 'running: [linux/arm64 server 1/1] RUN build'],
      0.75,
    ],
  ])('are done in part: %s', (_, steps, done) => {
    expect(liveStages(progressOf(...steps), NOW)[0]?.done).toBe(done);
  });

  it.each([80, 160])('fit into %i columns', (columns) => {
    const long = `running: [${'x'.repeat(80)} 1/1] RUN ${'y'.repeat(200)}`;
    const lines = liveLines(progressOf(long, 'done: [server 1/1] RUN build'), { columns, rows: 24 }, NOW);
    expect(lines.filter((line) => line.length >= columns)).toEqual([]);
    expect(lines[1]).toMatch(/^ {2}█+ {2}server +0\.5 s$/);
  });

  it('leave out the oldest finished ones on a low terminal', () => {
    const finished = Array.from({ length: 30 }, (_, index) => `done: [stage-${index} 1/1] RUN a`);
    const lines = liveLines(progressOf(...finished, 'running: [server 1/1] RUN b'), { columns: 80, rows: 10 }, NOW);
    expect(lines).toHaveLength(7);
    expect(lines[0]).toContain('stage-24');
    expect(lines.at(-1)).toContain('server');
  });

  it('show no control characters of a build', () => {
    const progress = progressOf('running: [server 1/1] RUN a');
    const [digest, step] = [...progress][0] ?? ['', undefined];
    if (step !== undefined) progress.set(digest, { ...step, lines: ['\u001b[2Jwiped\u0007'] });
    expect(liveLines(progress, { columns: 80, rows: 24 }, NOW).join('')).not.toMatch(/\p{Cc}/u);
  });
});
