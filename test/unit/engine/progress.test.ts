import { describe, expect, it } from 'vitest';
import { advance, type Progress, stageOf, stageTimes } from '../../../build/engine/progress.ts';

const NAME = '[linux/amd64 system 1/2] RUN apt-get install';
const vertex = (fields: object): string =>
  JSON.stringify({ vertexes: [{ digest: 'sha256:1', name: NAME, ...fields }] });
const follow = (...lines: readonly string[]): Progress =>
  lines.reduce<Progress>((progress, line) => advance(progress, line)?.progress ?? progress, new Map());

it.each([
  ['[linux/amd64 system 1/2] RUN apt-get', 'system'],
  ['[runtime 12/25] COPY --link', 'runtime'],
  ['[linux/arm64 baked-slack 2/2] RUN', 'baked-slack'],
  ['[linux/amd64 runtime  4/25] COPY', 'runtime'],
  ['[internal] load build definition', undefined],
  ['exporting to image', undefined],
])('%s belongs to %s', (name, stage) => {
  expect(stageOf(name)).toBe(stage);
});

describe('advance', () => {
  const started = '2026-11-22T08:00:00Z';
  const completed = '2026-11-22T08:00:05Z';

  it.each([
    ['waiting', {}],
    ['running', { started }],
    ['done', { started, completed }],
    ['cached', { started, completed, cached: true }],
    ['failed', { started, completed, error: 'exit code: 1' }],
  ])('recognises a step that is %s', (state, fields) => {
    expect(follow(vertex(fields)).get('sha256:1')).toMatchObject({ state, stage: 'system', name: NAME });
  });

  it("keeps the last lines of a step's output", () => {
    const log = (text: string): string =>
      JSON.stringify({ logs: [{ vertex: 'sha256:1', data: Buffer.from(text).toString('base64') }] });
    const many = Array.from({ length: 2000 }, (_, index) => `line ${index}`).join('\n');
    const step = follow(vertex({ started }), log('first\n\n'), log(many)).get('sha256:1');
    expect(step?.lines).toHaveLength(1000);
    expect(step?.lines.at(-1)).toBe('line 1999');
  });

  it.each(['', 'ERROR: failed to solve', '{"broken'])('ignores %j', (line) => {
    expect(advance(new Map(), line)).toBeUndefined();
  });
});

it('measures a stage from its first start to its last end, and recognises a cached stage', () => {
  const at = (second: number): string => new Date(Date.UTC(2026, 10, 22, 8, 0, second)).toISOString();
  const one = (digest: string, name: string, fields: object): string =>
    JSON.stringify({ vertexes: [{ digest, name, ...fields }] });
  const progress = follow(
    one('a', '[system 1/2] RUN x', { started: at(0), completed: at(4) }),
    one('b', '[system 2/2] RUN y', { started: at(6), completed: at(9) }),
    one('c', '[package 1/1] RUN z', { started: at(1), completed: at(1), cached: true }),
    one('d', 'exporting to image', { started: at(9), completed: at(10) }),
    one('e', '[internal] load', { started: at(0), completed: at(1) }),
  );
  expect(stageTimes(progress)).toEqual([
    { stage: 'system', seconds: 9, cached: false },
    { stage: 'export', seconds: 1, cached: false },
    { stage: 'package', seconds: 0, cached: true },
  ]);
});
