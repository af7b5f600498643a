// From a loaded image to a gateway that answers: scripts/docker/setup.sh against the guide's manual flow, the same commands in a
// plain script, in turn. Onboarding is skipped on both sides: it asks, and would take as long on both.
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { findEngine } from '../../build/engine/engine.ts';
import { freePort } from '../free-port.ts';
import { median, report, rounds, say } from './comparison.ts';

const ROUNDS = rounds ?? 5;
const ROOT = join(import.meta.dirname, '../..');
const engine = await findEngine(undefined, say);
const { exitCode } = await execa(engine.docker, ['image', 'inspect', 'openclaw:local'], {
  env: engine.environment,
  reject: false,
});
if (exitCode !== 0) throw new Error('openclaw:local is not there: npm run image:build');

/** The guide's "Manual flow", with what it leaves to the reader: folders that belong to uid 1000, and a token. */
const MANUAL = `set -eu
mkdir -p "$OPENCLAW_CONFIG_DIR" "$OPENCLAW_WORKSPACE_DIR" "$OPENCLAW_AUTH_PROFILE_SECRET_DIR"
chown -R 1000:1000 "$OPENCLAW_CONFIG_DIR" "$OPENCLAW_AUTH_PROFILE_SECRET_DIR"
printf 'OPENCLAW_GATEWAY_TOKEN=%s\\n' "$TOKEN" > .env
docker compose run -T --rm --no-deps --entrypoint node openclaw-gateway dist/index.js config set --batch-json "$BATCH" < /dev/null
docker compose up -d openclaw-gateway
`;

/** One installation from nothing, until /healthz answers; seconds. */
async function time(
  start: (project: string, environment: Record<string, string>) => Promise<unknown>,
): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-bench-'));
  const project = join(folder, 'openclaw-image');
  await mkdir(project);
  await cp(join(ROOT, 'docker-compose.yml'), join(project, 'docker-compose.yml'));
  for (const name of ['build', 'scripts', 'dockerfiles']) await symlink(join(ROOT, name), join(project, name));
  const port = await freePort();
  const environment = {
    ...(engine.environment as Record<string, string>),
    COMPOSE_PROJECT_NAME: `openclaw-bench-${port}`,
    COMPOSE_PROGRESS: 'quiet',
    OPENCLAW_CONFIG_DIR: join(folder, 'config'),
    OPENCLAW_WORKSPACE_DIR: join(folder, 'config/workspace'),
    OPENCLAW_AUTH_PROFILE_SECRET_DIR: join(folder, 'secrets'),
    OPENCLAW_GATEWAY_PORT: String(port),
    OPENCLAW_BRIDGE_PORT: String(await freePort()),
  };
  try {
    const before = performance.now();
    await start(project, environment);
    const live = () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await live())) await new Promise((resolve) => setTimeout(resolve, 50));
    return (performance.now() - before) / 1000;
  } finally {
    await execa(engine.docker, ['compose', 'down', '--timeout', '2'], { cwd: project, env: environment });
    await rm(folder, { recursive: true, force: true });
  }
}

const ours = () =>
  time((project, environment) =>
    execa(join(project, 'scripts/docker/setup.sh'), ['--offline'], {
      env: { ...environment, OPENCLAW_SKIP_ONBOARDING: '1' },
      stdin: 'ignore',
    }),
  );
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
    await execa('bash', [script], {
      cwd: project,
      env: { ...environment, TOKEN: randomBytes(32).toString('hex'), BATCH: JSON.stringify(batch) },
    });
  });

const times: { readonly ours: number; readonly manual: number }[] = [];
for (let round = 0; round < ROUNDS; round += 1) {
  // Each begins every other round: the second finds files of the image in memory that the first had to read.
  const [first, second] = round % 2 === 0 ? [ours, manual] : [manual, ours];
  const [one, other] = [await first(), await second()];
  const pair = round % 2 === 0 ? { ours: one, manual: other } : { ours: other, manual: one };
  say(`round ${round + 1} of ${ROUNDS}: ${pair.ours.toFixed(1)} s, by hand ${pair.manual.toFixed(1)} s`);
  times.push(pair);
}
report({
  name: `setup (median of ${ROUNDS})`,
  ours: { seconds: median(times.map((pair) => pair.ours)) },
  other: { seconds: median(times.map((pair) => pair.manual)) },
  goal: 'at most 10 % slower than the manual flow',
});
