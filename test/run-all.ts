import './support/isolation.ts';
import { argv } from 'node:process';
import { type SerializedError, startVitest, type TestModule } from 'vitest/node';
import { countLine, failureLines } from './support/count-reporter.ts';

// Three runs at the same time: unit tests need no engine, so they start while it is prepared; isolated tests mostly wait for
// containers, and the others mostly build. A fourth would not end sooner: two busy processors are slower than two that sometimes wait.
// Arguments select files; --nightly also runs the tests with that tag.
const PROJECTS = ['unit', 'engine', 'engine-isolated'] as const;

const files = argv.slice(2).filter((argument) => argument !== '--nightly');
const tagsFilter = argv.includes('--nightly') ? {} : { tagsFilter: ['!nightly'] };
const ended: TestModule[] = [];
const unhandled: SerializedError[] = [];
const collect = {
  onTestRunEnd: (modules: readonly TestModule[], errors: readonly SerializedError[]) => {
    ended.push(...modules);
    unhandled.push(...errors);
  },
};
const runs = await Promise.all(
  PROJECTS.map((project) =>
    startVitest('test', files, {
      run: true,
      project: [project],
      reporters: ['default', collect],
      passWithNoTests: true,
      ...tagsFilter,
    }),
  ),
);
await Promise.all(runs.map((run) => run.close()));
const outside = unhandled.map(({ message, stack }) => `FAILED outside of a test: ${message}\n  ${stack ?? ''}`);
console.log([...failureLines(ended), ...outside, countLine(ended)].join('\n\n'));
