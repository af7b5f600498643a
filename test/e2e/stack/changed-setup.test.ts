import { chmod, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { docker } from '../../support/command.ts';
import { PLUGIN_OF, testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman, otherAddress } from '../../support/podman.ts';
import { setupOnTerminal } from '../../support/setup-on-terminal.ts';

const NEWER = 'openclaw-image-test:stack-newer';

/** The registry of the newer image. */
const pulled = (): string => `${inject('registry')}/openclaw:stack`;

let here: TestInstallation;
let token = '';

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
const plugin = PLUGIN_OF[testGateway()];
const sourceOfPlugin = async (): Promise<string> => {
  const { stdout } = await exec('openclaw', 'plugins', 'list', '--json');
  const { plugins } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { plugins: { id: string; source: string }[] };
  return plugins.find(({ id }) => id === plugin)?.source ?? '';
};
const inspect = async <T>(format: string): Promise<T> =>
  JSON.parse(
    (await docker('container', 'inspect', '--format', `{{json ${format}}}`, await here.container())).stdout,
  ) as T;

/** An image whose gateway does not start while `condition`, a JavaScript expression, is true. */
async function buildBroken(tag: string, condition = 'true'): Promise<void> {
  const context = await mkdtemp(join(here.folder, 'broken-'));
  await writeFile(join(context, 'Dockerfile'), `FROM ${here.image}\nCOPY index.js dist/index.js\n`);
  const refuses = `if (process.argv[2] === 'gateway' && (${condition})) throw new Error('it is broken');\n`;
  const imports = "import * as files from 'node:fs';\n";
  const { stdout } = await docker('run', '--rm', '--entrypoint', 'cat', here.image, 'dist/index.js');
  const [first, ...others] = stdout.split('\n');
  await writeFile(join(context, 'index.js'), `${first}\n${imports}${refuses}${others.join('\n')}\n`);
  await chmod(join(context, 'index.js'), 0o755);
  expect(await docker('build', '--quiet', '--tag', tag, context)).toMatchObject({ exitCode: 0 });
}

beforeAll(async () => {
  here = await makeInstallation('changed', 'with Node', testGateway());
  const { exitCode, output } = await here.setup(settings());
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  token = (await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN') ?? '';
  expect(token).toMatch(/^[0-9a-f]{64}$/);
  expect(output).not.toContain(token);
});
afterAll(async () => {
  await here.remove();
  await docker('image', 'rm', '--force', NEWER);
});

it('keeps token, data and override with extra mounts, a home volume and a plugin overlay', async () => {
  const source = join(here.folder, plugin);
  const { stdout: name } = await docker('create', here.image);
  await docker('cp', `${name}:/app/dist/extensions/${plugin}`, here.folder);
  await docker('rm', name);
  const media = join(here.folder, "it's $HOME");
  await mkdir(media);
  await writeFile(join(media, 'file'), 'from the host');
  await chmod(media, 0o755);
  await chmod(here.folder, 0o755);
  await writeFile(join(here.config, 'workspace/mine.txt'), 'my work');
  const override = 'services:\n  openclaw-gateway:\n    labels:\n      mine: "1"\n';
  await writeFile(join(here.project, 'docker-compose.override.yml'), override);
  const { exitCode, output } = await here.setup(
    settings({
      OPENCLAW_HOME_VOLUME: `openclaw-test-home-${here.port}`,
      OPENCLAW_EXTRA_MOUNTS: `${media}:/media/it:ro,${source}:/app/extensions/${plugin}:ro`,
    }),
  );
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN')).toBe(token);
  expect(await sourceOfPlugin()).toMatch(new RegExp(`^/app/extensions/${plugin}/`));
  expect(await inspect('.Config.Labels.mine')).toBe('1');
  expect(await readFile(join(here.project, 'docker-compose.override.yml'), 'utf8')).toBe(override);
  const reads =
    'cat /media/it/file; touch /media/it/x 2>/dev/null || echo read-only; cat /home/node/.openclaw/workspace/mine.txt';
  const [gateway, cli] = await Promise.all([
    exec('sh', '-c', `${reads}; echo kept > /home/node/kept`),
    here.compose('run', '-T', '--rm', '--entrypoint', 'sh', 'openclaw-cli', '-c', reads),
  ]);
  for (const { stdout } of [gateway, cli]) expect(stdout).toBe('from the hostread-only\nmy work');
  expect((await stat(join(here.config, 'workspace/mine.txt'))).uid).toBe(getuid?.());
});

it('starts no other image of a registry until the user says whose signature counts', async () => {
  const context = join(here.folder, 'newer');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), `FROM ${here.image}\nLABEL newer=1\n`);
  expect(await docker('build', '--quiet', '--tag', NEWER, context)).toMatchObject({ exitCode: 0 });
  await docker('tag', NEWER, pulled());
  expect(await docker('push', pulled())).toMatchObject({ exitCode: 0 });
  await docker('image', 'rm', pulled());
  const before = { container: await here.container(), dotEnv: await readFile(join(here.project, '.env'), 'utf8') };
  const refused = await here.setup({ OPENCLAW_IMAGE: pulled() }, { args: [] });
  expect({ exitCode: refused.exitCode }, refused.output).toEqual({ exitCode: 2 });
  expect(refused.output).toMatch(/OPENCLAW_IMAGE_TRUST: "" is not set, .*openclaw:stack\n.*=release;.*=unsigned/);
  const declined = await setupOnTerminal(here, [[/Accept this.*\[y\/N\]/, '\r']], { OPENCLAW_IMAGE: pulled() });
  expect({ exitCode: declined.exitCode }, declined.output).toEqual({ exitCode: 2 });
  const dotEnv = await readFile(join(here.project, '.env'), 'utf8');
  expect({ container: await here.container(), dotEnv }).toEqual(before);
  expect(await live()).toBe(200);
});

it('pulls a newer image after a kill, loads the compiled plugin if overlays are disabled, and keeps everything', async () => {
  const killed = await here.container();
  expect(await docker('kill', killed)).toMatchObject({ exitCode: 0 });
  const { exitCode, output } = await setupOnTerminal(here, [[/Accept this.*\[y\/N\]/, 'y\r']], {
    OPENCLAW_IMAGE: pulled(),
    OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS: 'yes',
  });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(output).toContain(`Pulling ${pulled()}`);
  expect((await here.dotEnv()).get('OPENCLAW_IMAGE_TRUST')).toBe('unsigned');
  // The new container starts at once. The old one does not start again.
  expect(await here.container()).not.toBe(killed);
  expect(await inspect('.Config.Labels.newer')).toBe('1');
  expect(await sourceOfPlugin()).toMatch(new RegExp(`^/app/dist/extensions/${plugin}/`));
  expect((await exec('cat', '/home/node/kept', '/home/node/.openclaw/workspace/mine.txt')).stdout).toBe(
    'kept\nmy work',
  );
  expect((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN')).toBe(token);
  expect(await live()).toBe(200);
});

it('restores the previous installation if the gateway cannot start with the new settings', async () => {
  const state = async () => ({
    dotEnv: await readFile(join(here.project, '.env'), 'utf8'),
    config: await readFile(join(here.config, 'openclaw.json'), 'utf8'),
  });
  const before = await state();
  // Bound to one address of the host: nothing answers on 127.0.0.1, but the port cannot be published.
  const address = otherAddress();
  const taken = createServer();
  await new Promise<void>((resolve) => void taken.listen(0, address, resolve));
  const { port } = taken.address() as AddressInfo;
  try {
    const { exitCode, output } = await here.setup({ OPENCLAW_IMAGE: pulled(), OPENCLAW_GATEWAY_PORT: String(port) });
    expect({ exitCode }, output).toEqual({ exitCode: 1 });
    // Podman's Compose prints its steps first.
    const refused = onPodman()
      ? /could not be started\n[\s\S]*in use[\s\S]*Restoring the previous installation/
      : /could not be started\n.*(?:in use|already allocated)[\s\S]*Restoring the previous installation/;
    expect(output).toMatch(refused);
  } finally {
    taken.close();
  }
  expect(await state()).toEqual(before);
  await expect.poll(live, { timeout: 240_000, interval: 500 }).toBe(200);
});

it('restores the previous image if a newer image of the same name does not start', async () => {
  const works = await inspect('.Image');
  await buildBroken(pulled());
  expect(await docker('push', pulled())).toMatchObject({ exitCode: 0 });
  await docker('tag', NEWER, pulled());
  const rehearsed = await here.setup({ OPENCLAW_IMAGE: pulled() }, { args: [] });
  expect(rehearsed.exitCode, rehearsed.output).toBe(1);
  expect(rehearsed.output).toMatch(
    /it is broken[\s\S]*The new gateway [\s\S]*does not start[\s\S]*Nothing was changed/,
  );
  expect(await live()).toBe(200);
  const { exitCode, output } = await here.setup({ OPENCLAW_IMAGE: pulled() }, { args: ['--skip-rehearsal'] });
  expect({ exitCode }, output).toEqual({ exitCode: 1 });
  expect(output).toMatch(/it is broken[\s\S]*The gateway does not answer[\s\S]*Restoring the previous installation/);
  await expect.poll(live, { timeout: 240_000, interval: 500 }).toBe(200);
  expect(await inspect('.Image')).toBe(works);
  await docker('image', 'rm', '--force', pulled());
});

it('removes its container if a first run fails, and waits for a gateway that starts the second time', async () => {
  const other = await makeInstallation('failing', 'with Node', testGateway());
  try {
    await buildBroken(other.image);
    await writeFile(join(other.project, '.env'), '# mine\n');
    const { exitCode, output } = await other.setup({ ...other.ports, OPENCLAW_SKIP_ONBOARDING: '1' });
    expect({ exitCode }, output).toEqual({ exitCode: 1 });
    expect(output).toMatch(/it is broken[\s\S]*The gateway does not answer[\s\S]*Restoring the previous installation/);
    expect(await readFile(join(other.project, '.env'), 'utf8')).toBe('# mine\n');
    const ofProject = `label=com.docker.compose.project=${other.environment['COMPOSE_PROJECT_NAME']}`;
    expect((await docker('ps', '--all', '--quiet', '--filter', ofProject)).stdout).toBe('');
    // Setup accepts a gateway that Docker must start twice.
    const tried = '/home/node/.openclaw/tried';
    await buildBroken(other.image, `!files.existsSync('${tried}') && (files.writeFileSync('${tried}', ''), true)`);
    const again = await other.setup({ ...other.ports, OPENCLAW_SKIP_ONBOARDING: '1' });
    expect({ exitCode: again.exitCode }, again.output).toEqual({ exitCode: 0 });
    expect((await docker('inspect', '--format', '{{.RestartCount}}', await other.container())).stdout).toBe('1');
  } finally {
    await other.remove();
  }
});

it('allows only its own containers to connect with OPENCLAW_GATEWAY_BIND=loopback', async () => {
  const { exitCode, output } = await here.setup(
    settings({ OPENCLAW_GATEWAY_BIND: 'loopback', OPENCLAW_HOME_VOLUME: '', OPENCLAW_EXTRA_MOUNTS: '' }),
  );
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(output).toContain('Only its own containers can connect');
  expect(await live()).toBe(0);
  const probe = await here.cli('gateway', 'probe', '--timeout', '60000');
  expect(probe.stdout, probe.stderr).toContain('Connect: ok');
  // Nothing is mounted: the overlay does not exist, and .env does not name it.
  expect((await here.dotEnv()).has('COMPOSE_FILE')).toBe(false);
  await expect(stat(join(here.project, 'docker-compose.extra.yml'))).rejects.toThrow();
});

it('changes nothing if an image cannot be pulled', async () => {
  const before = await readFile(join(here.project, '.env'), 'utf8');
  const missing = `${inject('registry')}/openclaw:nowhere`;
  const { exitCode, output } = await here.setup({ OPENCLAW_IMAGE: missing }, { args: [] });
  expect({ exitCode }, output).toEqual({ exitCode: 1 });
  expect(output).toContain(`${missing} could not be pulled`);
  expect(await readFile(join(here.project, '.env'), 'utf8')).toBe(before);
});

it('goes down, and keeps the data', async () => {
  expect((await here.compose('down')).exitCode).toBe(0);
  expect(await here.container()).toBe('');
  expect(await readFile(join(here.config, 'workspace/mine.txt'), 'utf8')).toBe('my work');
});
