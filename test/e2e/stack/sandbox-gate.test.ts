import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { which } from 'zx';
import { configWrites } from '../../../build/stack/gateway-config.ts';
import { docker, inImage } from '../../support/command.ts';
import { testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman } from '../../support/podman.ts';

// The tests' real engine and its socket: the gateway gets the socket, and loses it again.
const WITH_CLI = 'localhost/openclaw-image-test:gate-cli';
const SANDBOX = 'localhost/openclaw-image-test:gate-sandbox';

let here: TestInstallation;
const socket = (): string => inject('engine').host.replace('unix://', '');
const overlay = (): string => join(here.project, 'docker-compose.sandbox.yml');
const mode = async (): Promise<unknown> =>
  JSON.parse(await readFile(join(here.config, 'openclaw.json'), 'utf8')).agents?.defaults?.sandbox?.mode;
const mounted = async (): Promise<boolean> =>
  (await docker('container', 'inspect', '--format', '{{json .Mounts}}', await here.container())).stdout.includes(
    '/var/run/docker.sock',
  );
const setup = (more: Record<string, string> = {}) =>
  here.setup({ OPENCLAW_IMAGE: WITH_CLI, OPENCLAW_SANDBOX: '1', OPENCLAW_DOCKER_SOCKET: socket(), ...more });

beforeAll(async () => {
  here = await makeInstallation('gate', 'with Node', testGateway());
  const context = join(here.folder, 'context');
  await mkdir(context);
  await docker('image', 'tag', here.image, SANDBOX);
  // Mounts the host's Docker CLI instead of building with --docker-cli, which test/e2e/source.test.ts covers.
  await writeFile(join(context, 'Dockerfile'), `FROM ${here.image}\nCOPY docker /usr/local/bin/docker\n`);
  await writeFile(
    join(context, 'docker'),
    await readFile(onPodman() ? await which('docker') : inject('engine').docker),
  );
  await chmod(join(context, 'docker'), 0o755);
  expect(await docker('build', '--quiet', '--tag', WITH_CLI, context)).toMatchObject({ exitCode: 0 });
  await mkdir(here.config, { recursive: true });
  await writeFile(
    join(here.config, 'openclaw.json'),
    JSON.stringify({ agents: { defaults: { sandbox: { docker: { image: SANDBOX } } } } }),
  );
});
afterAll(async () => {
  await here.remove();
  await docker('image', 'rm', '--force', WITH_CLI, SANDBOX);
});

it('mounts the socket if all checks pass, and the user node can use the engine', async () => {
  const { exitCode, output } = await setup({
    OPENCLAW_SKIP_ONBOARDING: '1',
    ...here.ports,
  });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(output).not.toContain('OFF');
  expect(await mode()).toBe('non-main');
  const version = await here.compose(
    'exec',
    '-T',
    'openclaw-gateway',
    'docker',
    'version',
    '--format',
    '{{.Server.Version}}',
  );
  expect(version.stdout, version.stderr).toMatch(/^\d+\./);
  expect((await here.compose('exec', '-T', 'openclaw-gateway', 'id', '-u')).stdout).toBe('1000');
  // The container of the CLI does not need it.
  const cli = await here.compose(
    'run',
    '-T',
    '--rm',
    '--entrypoint',
    'sh',
    'openclaw-cli',
    '-c',
    'test -e /var/run/docker.sock || echo none',
  );
  expect(cli.stdout).toBe('none');
});

it('writes a configuration that the published gateway accepts', async () => {
  const settings = { bind: 'lan', port: 18789, token: 'sesame', sandbox: 'on' } as const;
  const writes = JSON.stringify(configWrites({ gateway: { auth: { token: 'another' } } }, settings));
  expect(writes).not.toContain("'");
  const line = `node dist/index.js config set --batch-json '${writes}' && cat /home/node/.openclaw/openclaw.json`;
  const { exitCode, stdout, stderr } = await inImage('openclaw:local', line);
  expect({ exitCode }, stdout + stderr).toEqual({ exitCode: 0 });
  expect(JSON.parse(stdout.slice(stdout.indexOf('\n{')))).toMatchObject({
    gateway: { mode: 'local', bind: 'lan', auth: { token: { source: 'env', id: 'OPENCLAW_GATEWAY_TOKEN' } } },
    agents: { defaults: { sandbox: { mode: 'non-main', scope: 'agent' } } },
  });
});

it('removes the socket if the image has no docker command, sets the mode to off, and starts the gateway', async () => {
  const { exitCode, output } = await setup({ OPENCLAW_IMAGE: here.image });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(output).toContain('The sandbox is OFF, and the gateway cannot use the engine. The check "docker-cli" failed.');
  expect(await mode()).toBe('off');
  await expect(stat(overlay())).rejects.toThrow();
  expect(await mounted()).toBe(false);
  expect((await fetch(`http://127.0.0.1:${here.port}/healthz`)).status).toBe(200);
});

it('names each other failed check, and mounts nothing', { tags: ['nightly'] }, async () => {
  const locked = join(here.folder, 'locked.sock');
  const nobody = createServer();
  await new Promise<void>((resolve) => void nobody.listen(locked, resolve));
  await chmod(locked, 0o600);
  const config = join(here.config, 'openclaw.json');
  const before = await readFile(config, 'utf8');
  const configured = (change: object) => async () => {
    const parsed = JSON.parse(before);
    Object.assign(parsed.agents.defaults.sandbox.docker, change);
    await writeFile(config, JSON.stringify(parsed));
  };
  const cases: readonly (readonly [failed: string, more: Record<string, string>, spoil?: () => Promise<void>])[] = [
    ['socket', { OPENCLAW_DOCKER_SOCKET: join(here.folder, 'context/docker') }],
    ['socket-access', { OPENCLAW_DOCKER_SOCKET: locked }],
    ['sandbox-image', {}, configured({ image: 'openclaw-image-test:never-built' })],
    ['no-socket-for-agents', {}, configured({ binds: [`${socket()}:/engine.sock`] })],
  ];
  try {
    for (const [failed, more, spoil] of cases) {
      // A running gateway also writes its configuration, at any time.
      await here.compose('kill');
      await spoil?.();
      // An overlay of an earlier run must not remain.
      await writeFile(overlay(), 'services: {}\n');
      const { exitCode, output } = await setup(more);
      expect({ exitCode }, output).toEqual({ exitCode: 0 });
      expect(output).toContain(`The check "${failed}" failed.`);
      await expect(stat(overlay())).rejects.toThrow();
      expect(await mode()).toBe('off');
      expect(await mounted()).toBe(false);
      await writeFile(config, before);
    }
  } finally {
    nobody.close();
  }
});
