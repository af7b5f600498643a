// How long the gateway does not answer: an update from one published release to the next with scripts/docker/setup.sh, and a plain
// restart, in turn, on the same installation.
import '../support/isolation.ts';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { $, sleep } from 'zx';
import { startEngine, stopEngine } from '../support/engine.ts';
import { median, report, rounds, say } from './comparison.ts';
import { makeProjectFolder } from './project-folder.ts';

const ROUNDS = rounds ?? 3;
const FROM = '2026.9.5';
const TO = '2026.9.6';
const ROOT = join(import.meta.dirname, '../..');
const engine = await startEngine();
const imageOf = (version: string): string => `openclaw-image-bench:${version}`;
for (const version of [FROM, TO])
  await $({
    env: engine.environment,
  })`${join(ROOT, 'scripts/run')} build --package openclaw@${version} --tag ${imageOf(version)}`;

const { folder, project, port, environment } = await makeProjectFolder(engine.environment);
const setup = (more: Readonly<Record<string, string>>, ...options: readonly string[]) =>
  $({
    env: { ...environment, OPENCLAW_SKIP_ONBOARDING: '1', ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  })`${join(project, 'scripts/docker/setup.sh')} ${options}`;

const isLive = (): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** The longest time without an answer while something is done, in seconds. */
async function downtime(work: () => PromiseLike<unknown>): Promise<number> {
  let isDone = false;
  const done = Promise.resolve(work()).finally(() => {
    isDone = true;
  });
  let [lastAnswer, longest] = [performance.now(), 0];
  for (;;) {
    if (await isLive()) {
      longest = Math.max(longest, performance.now() - lastAnswer);
      lastAnswer = performance.now();
      if (isDone) break;
    }
    await sleep(50);
  }
  await done;
  return longest / 1000;
}

try {
  await setup({ OPENCLAW_IMAGE: imageOf(FROM) }, '--offline');
  const times: { readonly update: number; readonly restart: number }[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const restart = await downtime(
      () => $({ cwd: project, env: environment })`${engine.docker} compose restart openclaw-gateway`,
    );
    const update = await downtime(() => setup({ OPENCLAW_IMAGE: imageOf(TO) }, '--offline'));
    await setup({}, '--rollback');
    say(`round ${round + 1} of ${ROUNDS}: ${update.toFixed(1)} s, a restart ${restart.toFixed(1)} s`);
    times.push({ update, restart });
  }
  report({
    name: `downtime of an update from ${FROM} to ${TO} (median of ${ROUNDS})`,
    ours: { seconds: median(times.map(({ update }) => update)) },
    other: { seconds: median(times.map(({ restart }) => restart)) },
    goal: 'at most 15 s more than a plain restart',
  });
} finally {
  await $({ cwd: project, env: environment, nothrow: true })`${engine.docker} compose down --volumes --timeout 2`;
  await rm(folder, { recursive: true, force: true });
}
await stopEngine();
