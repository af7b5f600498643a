import { chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../../support/browser.ts';
import { docker, ROOT, run } from '../../support/command.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { setupOnTerminal, WIZARD } from '../../support/setup-on-terminal.ts';

let here: TestInstallation;
/** A server on the host, like a provider of models. */
let provider: Server;

const live = (): Promise<number> =>
  fetch(`http://127.0.0.1:${here.port}/healthz`).then(
    ({ status }) => status,
    () => 0,
  );
const exec = (...command: readonly string[]) => here.compose('exec', '-T', 'openclaw-gateway', ...command);
const inspect = async <T>(format: string): Promise<T> =>
  JSON.parse(
    (await docker('container', 'inspect', '--format', `{{json ${format}}}`, await here.container())).stdout,
  ) as T;

beforeAll(async () => {
  here = await makeInstallation('setup', 'without Node');
  provider = createServer((_, response) => response.end('a model'));
  await new Promise<void>((resolve) => void provider.listen(0, '0.0.0.0', resolve));
});
afterAll(async () => {
  provider.close();
  await here.remove();
});

let token = '';

describe('scripts/docker/setup.sh, on a host without Node', () => {
  it('sets up from nothing with questions on a terminal, and the gateway answers on the port of the host', async () => {
    await writeFile(join(here.project, '.env'), '# mine\nMY_OWN_KEY="kept as it is"\r\n');
    const { exitCode, output } = await setupOnTerminal(here, WIZARD, {}, '--offline');
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    expect(output).toContain(`http://127.0.0.1:${here.port}/`);
    expect(await live()).toBe(200);
    const ready = async () => (await fetch(`http://127.0.0.1:${here.port}/readyz`)).json();
    await expect.poll(ready, { timeout: 240_000, interval: 250 }).toMatchObject({ ready: true });
    const dotEnv = await here.dotEnv();
    token = dotEnv.get('OPENCLAW_GATEWAY_TOKEN') ?? '';
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(await readFile(join(here.project, '.env'), 'utf8')).toMatch(/^# mine\nMY_OWN_KEY="kept as it is"\r\n/);
    expect((await stat(join(here.project, '.env'))).mode & 0o777).toBe(0o600);
    for (const path of [
      '',
      'identity',
      'agents/main/agent',
      'agents/main/sessions',
      'workspace',
      '../.openclaw-auth-profile-secrets',
    ])
      expect((await stat(join(here.config, path))).uid, path).toBe(1000);
  });

  it('writes the configuration of the answers', async () => {
    const written = JSON.parse(await readFile(join(here.config, 'openclaw.json'), 'utf8'));
    expect(written).toMatchObject({
      wizard: { lastRunCommand: 'onboard' },
      agents: { entries: { main: {} } },
      gateway: {
        mode: 'local',
        // QuickStart alone would bind to the container only.
        bind: 'lan',
        controlUi: { allowedOrigins: [`http://localhost:${here.port}`, `http://127.0.0.1:${here.port}`] },
      },
    });
    const inConfig = written.gateway.auth.token;
    expect([token, 'object']).toContain(typeof inConfig === 'object' ? 'object' : inConfig);
  });

  it('runs both services without these capabilities and without new privileges', async () => {
    const status = 'cat /proc/1/status';
    const [gateway, cli] = await Promise.all([
      exec('sh', '-c', status),
      here.compose('run', '-T', '--rm', '--entrypoint', 'cat', 'openclaw-cli', '/proc/self/status'),
    ]);
    for (const { stdout } of [gateway, cli]) {
      // capabilities(7): the bounding set has no capability, which a program with a set-user-id bit could gain.
      const bounds = Number.parseInt(/^CapBnd:\s*(\w+)$/m.exec(stdout)?.[1] ?? 'ffffffff', 16);
      expect(bounds).toBe(0);
      expect(stdout).toMatch(/^NoNewPrivs:\s*1$/m);
      expect(stdout).toMatch(/^Uid:\s*1000\b/m);
    }
  });

  it('opens the Control UI in a browser: refuses another token, accepts the right one', async () => {
    const { page, close } = await openBrowser();
    page.setDefaultTimeout(240_000);
    try {
      await page.goto(`http://127.0.0.1:${here.port}/`);
      const connect = async (secret: string): Promise<void> => {
        await page.fill('#login-gate-credential', secret);
        await page.getByRole('button', { name: 'Connect', exact: true }).first().click();
      };
      await connect('not-the-token');
      await page.getByText('rejected the supplied Gateway secret').waitFor();
      await connect(token);
      // A page that was slow to start reloads itself, with this parameter, and then shows the status to screen readers only.
      const status = page.getByText('Connected', { exact: true });
      const reloaded = page.waitForURL(/openclaw_mount_recovery/).then(() => status.waitFor({ state: 'attached' }));
      await Promise.any([status.waitFor(), reloaded]);
      const screenshot = join(ROOT, process.env['OPENCLAW_TEST_ARTIFACTS'] ?? 'test-artifacts', 'control-ui.png');
      await mkdir(join(screenshot, '..'), { recursive: true });
      await page.screenshot({ path: screenshot });
      expect((await stat(screenshot)).size).toBeGreaterThan(10_000);
    } finally {
      await close();
    }
    const { stdout } = await here.cli('devices', 'list', '--json');
    expect(JSON.parse(stdout).paired).toHaveLength(1);
  });

  it('answers the CLI on 127.0.0.1, without a terminal', async () => {
    const probe = await here.cli('gateway', 'probe', '--timeout', '60000');
    expect(probe, probe.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('ws://127.0.0.1:18789') });
    expect(probe.stdout).toContain('Connect: ok');
  });

  it('can connect to a server on the host by host.docker.internal', async () => {
    const { port } = provider.address() as AddressInfo;
    const ask = `fetch('http://host.docker.internal:${port}').then((r) => r.text()).then(console.log)`;
    expect((await exec('node', '-e', ask)).stdout).toBe('a model');
  });

  it('changes nothing when it runs again', async () => {
    const state = async () => ({
      container: await here.container(),
      started: await inspect('.State.StartedAt'),
      dotEnv: await readFile(join(here.project, '.env'), 'utf8'),
      written: (await stat(join(here.project, '.env'))).mtimeMs,
      config: await readFile(join(here.config, 'openclaw.json'), 'utf8'),
    });
    const before = await state();
    // No variable is given: .env has all values.
    const { exitCode, output } = await here.setup({ OPENCLAW_IMAGE: here.image });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    expect(output).not.toContain(token);
    expect(output).toContain('Onboarding was completed earlier');
    expect(output).not.toMatch(/wrote|Configuring/);
    expect(await state()).toEqual(before);
  });

  it('has no problem: image:doctor', async () => {
    const { exitCode, stdout, stderr } = await run(['doctor', '--project', here.project, '--json']);
    expect({ exitCode }, stdout + stderr).toEqual({ exitCode: 0 });
    expect(JSON.parse(stdout).results).toContainEqual(
      expect.objectContaining({ name: 'ports', status: 'passed', found: `${here.port}: used by the gateway` }),
    );
  });

  it('finds each damage, and prints the fix: image:doctor', async () => {
    // The host's Node gives the same decisions, and starts no container for each.
    await here.giveNode();
    const spoiled = join(here.config, 'identity/spoiled');
    await writeFile(spoiled, '');
    await chown(spoiled, 0, 0);
    const path = join(here.project, '.env');
    const before = await readFile(path, 'utf8');
    await writeFile(path, `${before}OPENCLAW_TZ=Asia/Taipei\n`);
    await writeFile(join(here.project, 'docker-compose.extra.yml'), 'services: {}\n');
    const { exitCode, stdout } = await run(['doctor', '--project', here.project, '--json']);
    expect(exitCode).toBe(1);
    const wrong = (
      JSON.parse(stdout).findings as { name: string; outcome: string; found: string; mend: string }[]
    ).filter(({ outcome }) => outcome !== 'fine');
    expect(wrong.map(({ name }) => name)).toEqual(['ownership', 'environment', 'overlays', 'overlays']);
    expect(wrong[0]?.found).toContain('1 files and folders');
    expect(wrong[1]).toMatchObject({
      found: expect.stringContaining('TZ'),
      mend: expect.stringContaining('compose up'),
    });
    await writeFile(path, before);
    const { exitCode: repaired } = await here.setup();
    expect(repaired).toBe(0);
    expect((await stat(spoiled)).uid).toBe(1000);
    expect((await run(['doctor', '--project', here.project])).exitCode).toBe(0);
  });

  it('goes down, and keeps the data', async () => {
    expect((await here.compose('down')).exitCode).toBe(0);
    expect(await here.container()).toBe('');
    expect((await stat(join(here.config, 'openclaw.json'))).uid).toBe(1000);
  });
});
