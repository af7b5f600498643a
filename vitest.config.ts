import './test/support/isolation.ts';
import { defineConfig } from 'vitest/config';

// One engine, one registry and two images serve all of these tests.
const onEngine = {
  globalSetup: ['test/support/shared-setup.ts'],
  fileParallelism: false,
  // Only a test that hangs takes so long: on a busy machine some take a few minutes.
  testTimeout: 900_000,
  hookTimeout: 900_000,
};

/** Tests with images, folders and containers of their own, which mostly wait for them: test/run-all.ts runs them beside the others. */
const ISOLATED = ['test/e2e/{browser,options,podman,podman-stack,sandbox,update}.test.ts', 'test/e2e/stack/*.test.ts'];

export default defineConfig({
  test: {
    reporters: ['default', './test/support/count-reporter.ts'],
    tags: [{ name: 'nightly', description: 'Takes minutes, and other tests cover a part of it.' }],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts', 'test/security/*.test.ts'], testTimeout: 60_000 } },
      {
        test: {
          ...onEngine,
          name: 'engine',
          include: ['test/{integration,e2e}/**/*.test.ts', 'test/security/engine/*.test.ts'],
          exclude: ISOLATED,
        },
      },
      { test: { ...onEngine, name: 'engine-isolated', include: ISOLATED } },
    ],
  },
});
