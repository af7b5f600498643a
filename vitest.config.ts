import { defineConfig } from 'vitest/config';
import { THOROUGH } from './test/thorough.ts';

// One engine, one registry and two images serve all of them: see the file.
const onEngine = {
  globalSetup: ['test/shared-setup.ts'],
  fileParallelism: false,
  // For what hangs: on a busy machine a test may well take a few minutes.
  testTimeout: 900_000,
  hookTimeout: 900_000,
};

/** These have images, folders and containers of their own, and mostly wait for them: they run beside the others (test/run-all.ts). */
const APART = ['test/e2e/{browser,options,sandbox}.test.ts', 'test/e2e/stack/*.test.ts'];

/** What takes minutes, and is told in part by others: not in every run. */
const LEFT_OUT = THOROUGH ? [] : ['test/integration/{joined,small}-release.test.ts', 'test/e2e/{bake,browser}.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          ...onEngine,
          name: 'engine',
          include: ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          exclude: [...APART, ...LEFT_OUT],
        },
      },
      { test: { ...onEngine, name: 'apart', include: APART, exclude: LEFT_OUT } },
    ],
  },
});
