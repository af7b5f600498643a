import { defineConfig } from 'vitest/config';

// One engine, one registry and one gateway image serve all of them: see the file.
const onEngine = {
  globalSetup: ['test/shared-setup.ts'],
  fileParallelism: false,
  // For what hangs: on a busy machine a test may well take a few minutes.
  testTimeout: 900_000,
  hookTimeout: 900_000,
};

/** What runs side by side on it (test/run-all.ts): each has images, folders and containers of its own. */
const LANES = {
  // Journals of releases are one another's.
  releases: ['test/integration/{*release*,workflows,bootstrapped-base,build-failure,new-base}.test.ts'],
  stack: ['test/e2e/stack/*.test.ts', 'test/e2e/sandbox.test.ts', 'test/integration/another-engine.test.ts'],
};

const lane = (name: string, include: readonly string[], exclude: readonly string[] = []) => ({
  test: { ...onEngine, name, include: [...include], exclude: [...exclude] },
});

export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      lane('releases', LANES.releases),
      lane('stack', LANES.stack),
      lane('builds', ['test/{integration,e2e}/**/*.test.ts'], Object.values(LANES).flat()),
    ],
  },
});
