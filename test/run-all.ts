import { type SerializedError, startVitest, type TestModule } from 'vitest/node';
import { countLine, failureLines } from './count-reporter.ts';

// Side by side: what needs no engine begins while that is set up; of the others one mostly waits for containers to start, and one
// mostly builds. They share the engine and its images (test/shared-setup.ts) and nothing else. More of them would not end sooner: two
// processors that are never idle get less done than two that now and then are. What stands on the command line selects files.
const RUNS = ['unit', 'engine', 'apart'] as const;

const files = process.argv.slice(2);
const ended: TestModule[] = [];
const unhandled: SerializedError[] = [];
const collect = {
  onTestRunEnd: (modules: readonly TestModule[], errors: readonly SerializedError[]) => {
    ended.push(...modules);
    unhandled.push(...errors);
  },
};
const runs = await Promise.all(
  RUNS.map((project) =>
    startVitest('test', files, {
      run: true,
      project: [project],
      reporters: ['default', collect],
      passWithNoTests: true,
    }),
  ),
);
await Promise.all(runs.map((run) => run.close()));
const outside = unhandled.map(({ message, stack }) => `FAILED outside of a test: ${message}\n  ${stack ?? ''}`);
console.log([...failureLines(ended), ...outside, countLine(ended)].join('\n\n'));
