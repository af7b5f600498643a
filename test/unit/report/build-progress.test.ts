import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { expect, it, vi } from 'vitest';
import type { Step } from '../../../build/engine/progress.ts';
import { progressView } from '../../../build/report/build-progress.ts';

const step: Step = {
  digest: 'a',
  name: '[dependencies 2/2] RUN npm ci',
  stage: 'dependencies',
  state: 'running',
  started: Date.now(),
  completed: undefined,
  error: undefined,
  lines: ['added 1 package'],
};

/** The parts of a terminal that a view uses: columns and output. */
const terminal = () => Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 40 });

it('continues to draw running steps after a text above them', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const stream = terminal();
  let shown = '';
  stream.on('data', (text: Buffer) => {
    shown += stripVTControlCharacters(text.toString());
  });
  const view = await progressView('live', stream as unknown as NodeJS.WriteStream);
  view.onStep('building openclaw:local');
  view.print('the base is a bootstrapped one');
  view.onProgress(new Map([['a', step]]), [step]);
  vi.advanceTimersByTime(1000);
  expect(shown).toMatch(/█+░+ {2}dependencies +\d+\.\d s {2}added 1 package/);
  view.close();
  const closed = shown;
  vi.advanceTimersByTime(1000);
  expect(shown).toBe(closed);
  vi.useRealTimers();
  expect(shown).toMatch(/the base is a bootstrapped one[\s\S]*dependencies[\s\S]*added 1 package/);
});

/** A view for logs. `shown` returns what it has printed since the last call. */
async function plainLog() {
  const stream = new PassThrough();
  const view = await progressView('plain', stream as unknown as NodeJS.WriteStream);
  return { view, shown: () => ((stream.read() ?? '') as Buffer | string).toString() };
}

it('says in a log every minute what still runs', async () => {
  // These tests run on GitHub too.
  vi.stubEnv('GITHUB_ACTIONS', '');
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  const { view, shown } = await plainLog();
  view.onStep('locking dependencies');
  vi.advanceTimersByTime(61_000);
  expect(shown()).toBe('- locking dependencies\n~ locking dependencies (still running after 60.0 s)\n');
  view.onProgress(new Map([['a', { ...step, started: Date.now() }]]), [step]);
  vi.advanceTimersByTime(121_000);
  expect(shown()).toBe(
    [
      '> [dependencies 2/2] RUN npm ci',
      '~ [dependencies 2/2] RUN npm ci (still running after 60.0 s): added 1 package',
      '~ [dependencies 2/2] RUN npm ci (still running after 2 min 0 s): added 1 package\n',
    ].join('\n'),
  );
  view.close();
  vi.advanceTimersByTime(120_000);
  vi.useRealTimers();
  vi.unstubAllEnvs();
  expect(shown()).toBe('');
});

it('groups the lines of a build on GitHub', async () => {
  vi.stubEnv('GITHUB_ACTIONS', 'true');
  const { view, shown } = await plainLog();
  view.onStep('building openclaw:100%');
  view.onProgress(new Map([['a', step]]), [step]);
  view.onStep('reading it back');
  view.close();
  vi.unstubAllEnvs();
  expect(
    shown()
      .split('\n')
      .filter((line) => line !== ''),
  ).toEqual([
    '- building openclaw:100%',
    '::group::building openclaw:100%25',
    '> [dependencies 2/2] RUN npm ci',
    '::endgroup::',
    '- reading it back',
  ]);
});
