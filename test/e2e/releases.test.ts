// @module-tag nightly
import { expect, it } from 'vitest';
import { $ } from 'zx';
import { engine } from '../support/command.ts';
import { tryRelease } from '../support/try-release.ts';

/** One release of each layout of the package, the oldest last. docs/compatibility.md has all of them. */
const LAYOUTS = [
  // Its install script deletes files.
  '2026.8.1',
  // Packed with files that only their owner may read.
  '2026.7.1-2',
  // The line extended-stable.
  '2026.6.35',
  // An install script writes a file that only its owner may read.
  '2026.5.28',
  // An install script installs the dependencies of plugins.
  '2026.4.12',
  // A dependency comes from git.
  '2026.3.13',
  // Without /healthz.
  '2026.2.26',
  '2026.1.29',
] as const;

const newest = async (): Promise<readonly string[]> => {
  const { stdout } = await $({ quiet: true })`npm view openclaw versions --json`;
  const stable = (JSON.parse(stdout) as readonly string[]).filter((version) => !/-[a-z]/.test(version));
  return stable.slice(-5);
};

async function assertWorks(version: string): Promise<void> {
  const { builds, verifies, healthz, controlUi, plugins, note } = await tryRelease(engine(), version);
  expect(builds, note).toBe(true);
  const [passed, all] = verifies ?? [0, -1];
  expect(passed, note).toBe(all);
  expect({ healthz, controlUi }, note).toEqual({ healthz: true, controlUi: true });
  expect(plugins).toBeGreaterThan(20);
}

it.each(LAYOUTS)('%s builds, satisfies the contract, and starts', assertWorks);

it('so do the newest five', async () => {
  for (const version of await newest()) await assertWorks(version);
});
