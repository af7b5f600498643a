import { defineConfig } from 'vitest/config';

// One engine, one registry and one gateway image serve all of them: see the file.
const onEngine = {
  globalSetup: ['test/shared-setup.ts'],
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 900_000,
};

/** Has images, folders and containers of its own, and waits more than it builds: it runs beside the others (test/run-all.ts). */
const STACK = ['test/e2e/stack/*.test.ts', 'test/e2e/sandbox.test.ts', 'test/e2e/browser.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          ...onEngine,
          name: 'engine',
          include: ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts'],
          exclude: STACK,
        },
      },
      { test: { ...onEngine, name: 'stack', include: STACK } },
    ],
  },
});
