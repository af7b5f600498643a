// From a loaded image to a gateway that answers: scripts/docker/setup.sh, and the guide's manual commands in a script, in turn.
// Both skip onboarding, which asks questions and takes equally long.
import '../support/isolation.ts';
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $, sleep } from 'zx';
import { startEngine, stopEngine } from '../support/engine.ts';
import { median, report, rounds, say } from './comparison.ts';
import { makeProjectFolder } from './project-folder.ts';

const ROUNDS = rounds ?? 5;
const ROOT = join(import.meta.dirname, '../..');
const engine = await startEngine();
await $({ env: engine.environment })`${join(ROOT, 'scripts/run')} build`;

/** The guide's section "Manual flow", and the steps that it leaves to the reader: folders of uid 1000, and a token. */
const MANUAL = `set -eu
mkdir -p "$OPENCLAW_CONFIG_DIR" "$OPENCLAW_WORKSPACE_DIR" "$OPENCLAW_AUTH_PROFILE_SECRET_DIR"
chown -R 1000:1000 "$OPENCLAW_CONFIG_DIR" "$OPENCLAW_AUTH_PROFILE_SECRET_DIR"
printf 'OPENCLAW_GATEWAY_TOKEN=%s\\n' "$TOKEN" > .env
docker compose run -T --rm --no-deps --entrypoint node openclaw-gateway dist/index.js config set --batch-json "$BATCH" < /dev/null
docker compose up -d openclaw-gateway
`;

/** One installation from nothing, until /healthz answers; seconds. */
async function time(
  start: (project: string, environment: Record<string, string>) => PromiseLike<unknown>,
): Promise<number> {
  const { folder, project, port, environment } = await makeProjectFolder(engine.environment);
  try {
    const before = performance.now();
    const ended = Promise.resolve(start(project, environment));
    // A failure is reported at the end, when the gateway did not answer.
    let failed = false;
    ended.catch(() => {
      failed = true;
    });
    const live = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!failed && !(await live())) await sleep(50);
    const seconds = (performance.now() - before) / 1000;
    await ended;
    return seconds;
  } finally {
    await $({ cwd: project, env: environment })`${engine.docker} compose down --timeout 2`;
    await rm(folder, { recursive: true, force: true });
  }
}

const ours = () =>
  time((project, environment) => {
    const env = { ...environment, OPENCLAW_SKIP_ONBOARDING: '1' };
    return $({ env, stdio: ['ignore', 'pipe', 'pipe'] })`${join(project, 'scripts/docker/setup.sh')} --offline`;
  });
const manual = () =>
  time(async (project, environment) => {
    const port = environment['OPENCLAW_GATEWAY_PORT'];
    const batch = [
      { path: 'gateway.mode', value: 'local' },
      { path: 'gateway.bind', value: 'lan' },
      { path: 'gateway.controlUi.allowedOrigins', value: [`http://localhost:${port}`, `http://127.0.0.1:${port}`] },
    ];
    const script = join(project, 'manual.sh');
    await writeFile(script, MANUAL);
    const env = { ...environment, TOKEN: randomBytes(32).toString('hex'), BATCH: JSON.stringify(batch) };
    await $({ cwd: project, env })`bash ${script}`;
  });

const times: { readonly ours: number; readonly manual: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  // They take turns in going first: the second one finds the image's files in memory.
  const [first, second] = round % 2 === 0 ? [ours, manual] : [manual, ours];
  const durations = [await first(), await second()] as const;
  const [oursSeconds, manualSeconds] = round % 2 === 0 ? durations : [durations[1], durations[0]];
  const pair = { ours: oursSeconds, manual: manualSeconds };
  say(`round ${round + 1} of ${ROUNDS}: ${pair.ours.toFixed(1)} s, by hand ${pair.manual.toFixed(1)} s`);
  times.push(pair);
}
report({
  name: `setup (median of ${ROUNDS})`,
  ours: { seconds: median(times.map((pair) => pair.ours)) },
  other: { seconds: median(times.map((pair) => pair.manual)) },
  goal: 'at most 10 % slower than the manual flow',
});

/** The health check of this image's releases until November 2026. */
const NODE_CHECK = `node -e "fetch('http://127.0.0.1:18789/healthz').then((r)=>process.exit(r.ok?0:1)).catch(()=>process.exit(1))"`;

/** Processor seconds of a container, with its health checks, until Docker calls it healthy. */
async function processorSeconds(options: readonly string[]): Promise<number> {
  const docker = $({ env: engine.environment });
  const token = `OPENCLAW_GATEWAY_TOKEN=${randomBytes(32).toString('hex')}`;
  const intervals = ['--health-start-period', '5m', '--health-start-interval', '2s', '--health-interval', '30s'];
  const { stdout } = await docker`${engine.docker} run --detach --env ${token} ${intervals} ${options} openclaw:local`;
  const id = stdout.trim();
  try {
    const isHealthy = async (): Promise<boolean> =>
      String(await docker`${engine.docker} inspect --format {{.State.Health.Status}} ${id}`).trim() === 'healthy';
    while (!(await isHealthy())) await sleep(100);
    // Version 2 of control groups, in microseconds; version 1, in nanoseconds.
    const read = 'cat /sys/fs/cgroup/cpu.stat 2>/dev/null || cat /sys/fs/cgroup/cpuacct/cpuacct.usage';
    const stat = String(await docker`${engine.docker} exec ${id} sh -c ${read}`);
    const microseconds = /^usage_usec (\d+)$/m.exec(stat)?.[1];
    return microseconds === undefined ? Number(stat) / 1e9 : Number(microseconds) / 1e6;
  } finally {
    await docker`${engine.docker} rm --force ${id}`;
  }
}

const loads: { readonly curl: number; readonly node: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1)
  loads.push({ curl: await processorSeconds([]), node: await processorSeconds(['--health-cmd', NODE_CHECK]) });
report({
  name: `processor seconds until healthy (median of ${ROUNDS}): our health check, and one that starts Node`,
  ours: { seconds: median(loads.map(({ curl }) => curl)) },
  other: { seconds: median(loads.map(({ node }) => node)) },
  goal: 'fewer',
});
await stopEngine();
