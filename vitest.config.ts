import { defineConfig } from 'vitest/config';

/**
 * What runs side by side (test/run-all.ts): each has images, folders and containers of its own. One engine, one registry and two
 * images serve all of them (test/shared.ts); those that need the small gateway's alone do not wait for the other's.
 */
const LANES = {
  // In one: the journals and the images of a release have the same names in all of them.
  releases: { setup: 'engine', files: ['test/integration/{*release*,workflows}.test.ts'] },
  small: {
    setup: 'engine',
    files: [
      'test/integration/{another-engine,bootstrapped-base,build-failure,new-base,shell,verify}.test.ts',
      'test/e2e/{launcher,sandbox,source}.test.ts',
      'test/e2e/stack/{changed-setup,compose,interrupted-setup,refused-setup}.test.ts',
    ],
  },
  stack: { setup: 'gateway', files: ['test/e2e/stack/{clawdock,onboarding,sandbox-gate,setup}.test.ts'] },
} as const;

const lane = (
  name: string,
  setup: 'engine' | 'gateway',
  include: readonly string[],
  exclude: readonly string[] = [],
) => ({
  test: {
    name,
    globalSetup: [`test/${setup}-setup.ts`],
    include: [...include],
    exclude: [...exclude],
    fileParallelism: false,
    // For what hangs: on a busy machine a test may well take a few minutes.
    testTimeout: 900_000,
    hookTimeout: 900_000,
  },
});

export default defineConfig({
  test: {
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      ...Object.entries(LANES).map(([name, { setup, files }]) => lane(name, setup, files)),
      lane(
        'builds',
        'gateway',
        ['test/{integration,e2e}/**/*.test.ts'],
        Object.values(LANES).flatMap(({ files }) => files),
      ),
    ],
  },
});
