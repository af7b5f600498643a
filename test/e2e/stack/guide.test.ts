import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, run } from '../../support/command.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman } from '../../support/podman.ts';

// The commands of the gateway's guide for Docker, in its order, as people type them. Not here: what needs a service on the internet
// (logging in to WhatsApp, plugins from a registry) or what other files test (builds, the wizard, ClawDock, sandboxes).

let here: TestInstallation;

/** Runs a line of shell in the project's folder. With Podman, people type another name for Compose. */
async function type(typed: string, at = here) {
  const line = onPodman() ? typed.replaceAll('docker compose', 'scripts/docker/podman-compose.sh') : typed;
  const { COMPOSE_PROJECT_NAME: _, ...environment } = at.environment;
  const { exitCode, all } = await execa('bash', ['-c', line], {
    cwd: at.project,
    env: { ...environment, PATH: `${environment['PATH']}:/usr/bin:/bin` },
    extendEnv: false,
    reject: false,
    all: true,
    stdin: 'ignore',
  });
  return { exitCode, output: all };
}

async function works(line: string, output: string | RegExp, at = here): Promise<void> {
  const answer = await type(line, at);
  expect(answer.exitCode, `${line}\n${answer.output}`).toBe(0);
  expect(answer.output).toMatch(output);
}

describe('with the setup script', () => {
  beforeAll(async () => {
    here = await makeInstallation('guide', 'with Node', 'whole');
  });
  afterAll(() => here.remove());

  it('sets up a published image with telemetry, and prints commands that work', async () => {
    const { exitCode, output = '' } = await here.setup({
      ...here.ports,
      OPENCLAW_SKIP_ONBOARDING: '1',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel-collector:4318',
      OTEL_SERVICE_NAME: 'openclaw-gateway',
    });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    // Setup has waited for the end of the start.
    expect((await fetch(`http://127.0.0.1:${here.port}/startupz`)).status).toBe(200);
    const dashboard = /^ {2}dashboard +(.*)$/m.exec(output)?.[1] ?? '';
    await works(dashboard, `Dashboard URL: http://127.0.0.1:${here.port}/`);
    await works('docker compose exec openclaw-gateway env', /OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/otel-collector:4318/);
  });

  it.skipIf(onPodman())('names the way for a plugin that only a checkout has: diagnostics-otel', async () => {
    const { exitCode, stderr } = await run(['build', '--extensions', 'diagnostics-otel', '--dry-run']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('"diagnostics-otel" is a plugin that openclaw@');
    expect(stderr).toContain('OPENCLAW_SOURCE=DIR');
  });

  it('answers probes without a login', async () => {
    await works(`curl -fsS http://127.0.0.1:${here.port}/healthz`, /"status":"live"/);
    const ready = async () => (await fetch(`http://127.0.0.1:${here.port}/readyz`)).status;
    await expect.poll(ready, { timeout: 240_000, interval: 500 }).toBe(200);
  });

  it.each([
    ['docker compose run -T --rm openclaw-cli gateway probe --timeout 60000', /Connect: ok/],
    ['docker compose run -T --rm openclaw-cli devices list --json', /"pending"/],
    [
      `docker compose run --rm openclaw-cli config set --batch-json '[{"path":"gateway.mode","value":"local"},{"path":"gateway.bind","value":"lan"}]'`,
      /No change|gateway/,
    ],
    [
      'docker compose run -T --rm openclaw-cli devices list --url ws://127.0.0.1:18789 --token "$(sed -n s/^OPENCLAW_GATEWAY_TOKEN=//p .env)"',
      /./,
    ],
    [
      String.raw`printf '%s\n' 'services:' '  openclaw-cli:' '    cap_drop: !reset []' > docker-compose.cli-no-dropped-caps.local.yml &&
         docker compose -f docker-compose.yml -f docker-compose.cli-no-dropped-caps.local.yml run --rm openclaw-cli plugins list`,
      /plugins/i,
    ],
    [
      'docker compose run --rm openclaw-cli channels add --channel telegram --token "1:not-a-token"',
      /Added Telegram account/,
    ],
  ])('%s', (line, output) => works(line, output));

  it('names the mistake in openclaw.json with the command of its hint, which needs no running gateway', async () => {
    const path = join(here.config, 'openclaw.json');
    const config = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(
      path,
      `// mine\n${JSON.stringify({ ...config, gateway: { ...config.gateway, mode: 'remote', port: 'many' } })}`,
    );
    const { exitCode, output = '' } = await here.setup({ OPENCLAW_SKIP_ONBOARDING: '1' });
    expect({ exitCode }, output).toEqual({ exitCode: 1 });
    expect(output).toContain('saved openclaw.json as openclaw.json.saved');
    expect(await readFile(join(here.config, 'openclaw.json.saved'), 'utf8')).toMatch(/^\/\/ mine\n/);
    const hint = /Hint: to find a mistake in openclaw\.json: (.*); then run setup again/.exec(output)?.[1] ?? '';
    await type('docker compose stop openclaw-gateway');
    await works(hint, /Config invalid|gateway\.port/);
    await writeFile(path, JSON.stringify(config));
  });
});

describe('by hand', () => {
  let manual: TestInstallation;
  beforeAll(async () => {
    manual = await makeInstallation('manual', 'with Node', 'whole');
    await mkdir(join(manual.folder, 'notes'));
    await manual.writeDotEnv();
  });
  afterAll(() => manual.remove());

  it('has the Dockerfile that `docker build -f Dockerfile .` reads', async () => {
    expect(await realpath(join(ROOT, 'Dockerfile'))).toBe(join(ROOT, 'dockerfiles/package.Dockerfile'));
  });

  it('ends with a healthy gateway', async () => {
    await works('docker compose up openclaw-folders', '', manual);
    const run = 'docker compose run --rm --no-deps --entrypoint node openclaw-gateway dist/index.js';
    await works(
      `${run} onboard --mode local --no-install-daemon --non-interactive --accept-risk --auth-choice skip --skip-health`,
      /openclaw\.json/,
      manual,
    );
    const origins = `["http://localhost:${manual.port}","http://127.0.0.1:${manual.port}"]`;
    await works(
      `${run} config set --batch-json '[{"path":"gateway.mode","value":"local"},{"path":"gateway.bind","value":"lan"},{"path":"gateway.controlUi.allowedOrigins","value":${origins}}]'`,
      /gateway/,
      manual,
    );
    await works('docker compose up -d openclaw-gateway', '', manual);
    const live = () =>
      fetch(`http://127.0.0.1:${manual.port}/healthz`).then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(live, { timeout: 240_000, interval: 500 }).toBe(200);
  });
});
