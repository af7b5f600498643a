import { chmod, chown, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openBrowser } from '../../browser.ts';
import { docker, ROOT, run } from '../../command.ts';
import { makeInstallation, type TestInstallation } from '../../installation.ts';

const NEWER = 'openclaw-image-test:stack-newer';

/** Where the newer one is pulled from. */
const pulled = (): string => `${inject('registry')}/openclaw:stack`;

let here: TestInstallation;
/** A server on the host, as a provider of models is one. */
let provider: Server;

const live = (): Promise<number> =>
  fetch(`http://127.0.0.1:${here.port}/healthz`).then(
    ({ status }) => status,
    () => 0,
  );
const settings = (more: Record<string, string> = {}): Record<string, string> => ({
  ...here.ports,
  OPENCLAW_SKIP_ONBOARDING: '1',
  ...more,
});
const exec = (...command: readonly string[]) => here.compose('exec', '-T', 'openclaw-gateway', ...command);
const plugin = async (id: string): Promise<string> => {
  const { stdout } = await exec('openclaw', 'plugins', 'list', '--json');
  const { plugins } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { plugins: { id: string; source: string }[] };
  return plugins.find((one) => one.id === id)?.source ?? '';
};
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
  await docker('image', 'rm', '--force', NEWER);
});

let token = '';

describe('scripts/docker/setup.sh, on a host without Node', () => {
  it('sets up from nothing: a gateway that answers on the port of the host', async () => {
    await writeFile(join(here.project, '.env'), '# mine\nMY_OWN_KEY="kept as it is"\r\n');
    const { exitCode, said } = await here.setup(settings());
    expect({ exitCode }, said).toEqual({ exitCode: 0 });
    expect(said).toContain(`http://127.0.0.1:${here.port}/`);
    expect(await live()).toBe(200);
    const ready = async () => (await fetch(`http://127.0.0.1:${here.port}/readyz`)).json();
    await expect.poll(ready, { timeout: 240_000, interval: 250 }).toMatchObject({ ready: true });
    const dotEnv = await here.dotEnv();
    token = dotEnv.get('OPENCLAW_GATEWAY_TOKEN') ?? '';
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(said).not.toContain(token);
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
    expect(JSON.parse(await readFile(join(here.config, 'openclaw.json'), 'utf8'))).toMatchObject({
      gateway: {
        mode: 'local',
        bind: 'lan',
        controlUi: { allowedOrigins: [`http://localhost:${here.port}`, `http://127.0.0.1:${here.port}`] },
      },
    });
  });

  it('runs both services with neither capability, and no way to new privileges', async () => {
    const status = 'cat /proc/1/status';
    const [gateway, cli] = await Promise.all([
      exec('sh', '-c', status),
      here.compose('run', '-T', '--rm', '--entrypoint', 'cat', 'openclaw-cli', '/proc/self/status'),
    ]);
    for (const { stdout } of [gateway, cli]) {
      // capabilities(7): CAP_NET_ADMIN is bit 12, CAP_NET_RAW bit 13.
      const bounds = Number.parseInt(/^CapBnd:\s*(\w+)$/m.exec(stdout)?.[1] ?? 'ffffffff', 16);
      expect(bounds & ((1 << 12) | (1 << 13))).toBe(0);
      expect(stdout).toMatch(/^NoNewPrivs:\s*1$/m);
      expect(stdout).toMatch(/^Uid:\s*1000\b/m);
    }
  });

  it('opens the Control UI in a browser: refuses another token, takes the right one', async () => {
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
      await page.getByText('Connected', { exact: true }).waitFor();
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

  it('answers the CLI, without a terminal, on 127.0.0.1', async () => {
    const probe = await here.cli('gateway', 'probe', '--timeout', '60000');
    expect(probe, probe.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('ws://127.0.0.1:18789') });
    expect(probe.stdout).toContain('Connect: ok');
  });

  it('reaches a server on the host by host.docker.internal', async () => {
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
    // Nothing is given: .env has it all.
    const { exitCode, said } = await here.setup({ OPENCLAW_IMAGE: here.image });
    expect({ exitCode }, said).toEqual({ exitCode: 0 });
    expect(said).not.toMatch(/wrote|Configuring/);
    expect(await state()).toEqual(before);
  });

  it('finds nothing wrong: image:doctor', async () => {
    const { exitCode, stdout, stderr } = await run(['doctor', '--project', here.project, '--json']);
    expect({ exitCode }, stdout + stderr).toEqual({ exitCode: 0 });
    expect(JSON.parse(stdout).findings).toContainEqual(
      expect.objectContaining({ name: 'ports', found: `${here.port}: the gateway's` }),
    );
  });
});

describe('scripts/docker/setup.sh, on a host with Node', () => {
  // Decisions are the same, and do not take a container each.
  beforeAll(() => here.giveNode());

  it('finds what was spoiled, and names what mends it: image:doctor', async () => {
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
    const { exitCode: mended } = await here.setup(settings());
    expect(mended).toBe(0);
    expect((await stat(spoiled)).uid).toBe(1000);
    expect((await run(['doctor', '--project', here.project])).exitCode).toBe(0);
  });

  it('keeps token, data and override through extra mounts, a home volume and a plugin laid over the compiled one', async () => {
    const source = join(here.folder, 'webhooks');
    const { stdout: name } = await docker('create', here.image);
    await docker('cp', `${name}:/app/dist/extensions/webhooks`, here.folder);
    await docker('rm', name);
    const media = join(here.folder, "it's $HOME");
    await mkdir(media);
    await writeFile(join(media, 'file'), 'from the host');
    await chmod(media, 0o755);
    await chmod(here.folder, 0o755);
    await writeFile(join(here.config, 'workspace/mine.txt'), 'my work');
    const override = 'services:\n  openclaw-gateway:\n    labels:\n      mine: "1"\n';
    await writeFile(join(here.project, 'docker-compose.override.yml'), override);
    const { exitCode, said } = await here.setup(
      settings({
        OPENCLAW_HOME_VOLUME: `openclaw-test-home-${here.port}`,
        OPENCLAW_EXTRA_MOUNTS: `${media}:/media/it:ro,${source}:/app/extensions/webhooks:ro`,
      }),
    );
    expect({ exitCode }, said).toEqual({ exitCode: 0 });
    expect((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN')).toBe(token);
    expect(await plugin('webhooks')).toMatch(/^\/app\/extensions\/webhooks\//);
    expect(await inspect('.Config.Labels.mine')).toBe('1');
    expect(await readFile(join(here.project, 'docker-compose.override.yml'), 'utf8')).toBe(override);
    const reads =
      'cat /media/it/file; touch /media/it/x 2>/dev/null || echo read-only; cat /home/node/.openclaw/workspace/mine.txt';
    const [gateway, cli] = await Promise.all([
      exec('sh', '-c', `${reads}; echo kept > /home/node/kept`),
      here.compose('run', '-T', '--rm', '--entrypoint', 'sh', 'openclaw-cli', '-c', reads),
    ]);
    for (const { stdout } of [gateway, cli]) expect(stdout).toBe('from the hostread-only\nmy work');
    expect((await stat(join(here.config, 'workspace/mine.txt'))).uid).toBe(0);
  });

  it('pulls a newer image where the gateway was killed, takes the compiled plugin when overlays are disabled, and keeps everything', async () => {
    const context = join(here.folder, 'newer');
    await mkdir(context);
    await writeFile(join(context, 'Dockerfile'), `FROM ${here.image}\nLABEL newer=1\n`);
    expect(await docker('build', '--quiet', '--tag', NEWER, context)).toMatchObject({ exitCode: 0 });
    await docker('tag', NEWER, pulled());
    expect(await docker('push', pulled())).toMatchObject({ exitCode: 0 });
    await docker('image', 'rm', pulled());
    const killed = await here.container();
    expect(await docker('kill', killed)).toMatchObject({ exitCode: 0 });
    const { exitCode, said } = await here.setup(
      { OPENCLAW_IMAGE: pulled(), OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS: 'yes' },
      { args: [] },
    );
    expect({ exitCode }, said).toEqual({ exitCode: 0 });
    expect(said).toContain(`Pulling ${pulled()}`);
    // A new one at once, and not the old one that starts again.
    expect(await here.container()).not.toBe(killed);
    expect(await inspect('.Config.Labels.newer')).toBe('1');
    expect(await plugin('webhooks')).toMatch(/^\/app\/dist\/extensions\/webhooks\//);
    expect((await exec('cat', '/home/node/kept', '/home/node/.openclaw/workspace/mine.txt')).stdout).toBe(
      'kept\nmy work',
    );
    expect((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN')).toBe(token);
    expect(await live()).toBe(200);
  });

  it('puts back what was there when the gateway cannot be started with what is asked for', async () => {
    const state = async () => ({
      dotEnv: await readFile(join(here.project, '.env'), 'utf8'),
      config: await readFile(join(here.config, 'openclaw.json'), 'utf8'),
    });
    const before = await state();
    // Bound to one address of the host: nothing answers on 127.0.0.1, and the port cannot be published all the same.
    const { stdout: address } = await docker(
      'network',
      'inspect',
      'bridge',
      '--format',
      '{{(index .IPAM.Config 0).Gateway}}',
    );
    const taken = createServer();
    await new Promise<void>((resolve) => void taken.listen(0, address, resolve));
    const { port } = taken.address() as AddressInfo;
    try {
      const { exitCode, said } = await here.setup({ OPENCLAW_IMAGE: pulled(), OPENCLAW_GATEWAY_PORT: String(port) });
      expect({ exitCode }, said).toEqual({ exitCode: 1 });
      expect(said).toMatch(/could not be started\n.*(?:in use|already allocated)[\s\S]*Putting back/);
    } finally {
      taken.close();
    }
    expect(await state()).toEqual(before);
    await expect.poll(live, { timeout: 240_000, interval: 500 }).toBe(200);
  });

  it('puts back the image that ran where a newer one of its name does not', async () => {
    const works = await inspect('.Image');
    const context = join(here.folder, 'broken');
    await mkdir(context);
    const lines = [`FROM ${NEWER}`, 'USER root', 'RUN rm /app/dist/index.js', 'USER node'];
    await writeFile(join(context, 'Dockerfile'), lines.join('\n'));
    expect(await docker('build', '--quiet', '--tag', pulled(), context)).toMatchObject({ exitCode: 0 });
    expect(await docker('push', pulled())).toMatchObject({ exitCode: 0 });
    await docker('tag', NEWER, pulled());
    const { exitCode, said } = await here.setup({ OPENCLAW_IMAGE: pulled() }, { args: [] });
    expect({ exitCode }, said).toEqual({ exitCode: 1 });
    expect(said).toMatch(/Cannot find module[\s\S]*The gateway does not answer[\s\S]*Putting back/);
    await expect.poll(live, { timeout: 240_000, interval: 500 }).toBe(200);
    expect(await inspect('.Image')).toBe(works);
    await docker('image', 'rm', '--force', pulled());
  });

  it('is reached by its own containers alone with OPENCLAW_GATEWAY_BIND=loopback', async () => {
    const { exitCode, said } = await here.setup(
      settings({ OPENCLAW_GATEWAY_BIND: 'loopback', OPENCLAW_HOME_VOLUME: '', OPENCLAW_EXTRA_MOUNTS: '' }),
    );
    expect({ exitCode }, said).toEqual({ exitCode: 0 });
    expect(said).toContain('only its own containers reach it');
    expect(await live()).toBe(0);
    const probe = await here.cli('gateway', 'probe', '--timeout', '60000');
    expect(probe.stdout, probe.stderr).toContain('Connect: ok');
    // Nothing is mounted any more: the overlay is gone, and .env does not name it.
    expect((await here.dotEnv()).has('COMPOSE_FILE')).toBe(false);
    await expect(stat(join(here.project, 'docker-compose.extra.yml'))).rejects.toThrow();
  });

  it('changes nothing where an image cannot be pulled', async () => {
    const before = await readFile(join(here.project, '.env'), 'utf8');
    const missing = `${inject('registry')}/openclaw:nowhere`;
    const { exitCode, said } = await here.setup({ OPENCLAW_IMAGE: missing }, { args: [] });
    expect({ exitCode }, said).toEqual({ exitCode: 1 });
    expect(said).toContain(`${missing} could not be pulled`);
    expect(await readFile(join(here.project, '.env'), 'utf8')).toBe(before);
  });

  it('goes down, and leaves the data', async () => {
    expect((await here.compose('down')).exitCode).toBe(0);
    expect(await here.container()).toBe('');
    expect(await readFile(join(here.config, 'workspace/mine.txt'), 'utf8')).toBe('my work');
  });
});
