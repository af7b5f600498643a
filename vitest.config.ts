import { defineConfig } from 'vitest/config';

// One engine, one registry and one gateway image serve all of them: see the file.
const onEngine = {
  globalSetup: ['test/shared-setup.ts'],
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 900_000,
};

export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        test: {
          ...onEngine,
          name: 'engine',
          include: ['test/integration/**/*.test.ts', 'test/e2e/*.test.ts'],
        },
      },
      // Mostly waits for gateways to start, and has images and folders of its own.
      { test: { ...onEngine, name: 'stack', include: ['test/e2e/stack/*.test.ts'] } },
    ],
  },
});
