import { chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker } from '../../support/command.ts';
import { testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman } from '../../support/podman.ts';

/** The owner of a path of the data on the host. Without root, Podman gives it another number there, so this reads it in the container. */
async function owner({ config, container }: TestInstallation, path = ''): Promise<string> {
  if (onPodman() && getuid?.() !== 0) {
    const inside = join('/home/node/.openclaw', path);
    return (await docker('exec', await container(), 'stat', '-c', '%u:%g', inside)).stdout.trim();
  }
  const { uid, gid } = await stat(join(config, path));
  return `${uid}:${gid}`;
}
const user = async (container: string): Promise<string> =>
  (await docker('exec', container, 'sh', '-c', 'echo "$(id -u):$(id -g)"')).stdout.trim();

describe('docker compose up without setup', () => {
  let here: TestInstallation;
  beforeAll(async () => {
    here = await makeInstallation('bare', 'with Node', testGateway());
  });
  afterAll(async () => {
    // Without .env, Compose names the project after its folder.
    await here.compose('down', '--timeout', '2');
    await here.remove();
  });

  it('ends with a healthy gateway, although Docker creates its folders for root, and starts nothing else', async () => {
    const up = await here.compose('up', '--detach', '--wait');
    expect(up.exitCode, up.stderr).toBe(0);
    // Nobody gave a token, and without one the published gateway does not listen for other hosts.
    const { stdout: made } = await here.compose('exec', '-T', 'openclaw-gateway', 'cat', '/home/node/.openclaw/.env');
    expect(made).toMatch(/^OPENCLAW_GATEWAY_TOKEN=[0-9a-f]{64}$/);
    const { stdout: mode } = await here.compose(
      'exec',
      '-T',
      'openclaw-gateway',
      'stat',
      '-c',
      '%a %u',
      '/home/node/.openclaw/.env',
    );
    expect(mode).toBe('600 1000');
    const { stdout } = await here.compose('ps', '--format', '{{.Service}} {{.Health}}');
    expect(stdout).toBe('openclaw-gateway healthy');
    expect(await owner(here)).toBe('1000:1000');
    expect(await owner(here, 'workspace')).toBe('1000:1000');
  });

  it.each([
    ['logins of providers', '{"auth":{"profiles":{}}}', true],
    ['a mode without a token', '{"gateway":{"auth":{"mode":"token"}}}', true],
    ['a password', '{"gateway":{"auth":{"password":"x"}}}', false],
    ['a proxy', '{"gateway":{"auth":{"mode":"trusted-proxy"}}}', false],
    ['an included file', '{"gateway":{"$include":"./gateway.json"}}', false],
    ['a token in a variable', '{"env":{"vars":{"OPENCLAW_GATEWAY_TOKEN":"x"}}}', false],
    ['a login and comments', '{ // mine\n "gateway": {"auth": {"token": "x"}} }', false],
    ['comments, and no login', '{ // mine\n "gateway": {} }', true],
  ])('makes a token if openclaw.json has %s and no login: %s, %s', async (_, config, makes) => {
    await here.compose('stop', '--timeout', '2');
    // With rootless Podman, the folder belongs to a number that this user cannot touch outside of a container.
    const inFolder = (line: string) =>
      docker(
        ...['run', '--rm', '--user', '0', '--network', 'none', '--volume', `${here.config}:/config`],
        ...['--entrypoint', 'sh', here.image, '-c', `cd /config && ${line}`, 'sh', config],
      );
    expect(await inFolder('rm -f .env && printf %s "$1" >openclaw.json')).toMatchObject({ exitCode: 0 });
    const { exitCode, stderr } = await here.compose('up', 'openclaw-folders');
    expect(exitCode, stderr).toBe(0);
    expect((await inFolder('ls -A')).stdout.split('\n').includes('.env')).toBe(makes);
  });
});

// Only root can give the data to another user.
describe.skipIf(getuid?.() !== 0)('docker compose up with data of root', () => {
  let here: TestInstallation;
  beforeAll(async () => {
    here = await makeInstallation('of-root', 'with Node', testGateway());
  });
  afterAll(() => here.remove());

  it('starts no gateway that could not write, and says who must own the folder', async () => {
    await mkdir(here.config, { mode: 0o700 });
    await writeFile(join(here.config, 'openclaw.json'), '{"gateway":{"mode":"local"}}');
    // With a configuration and without a token, the published gateway listens for its own host only.
    await here.writeDotEnv({ PUID: '1500', PGID: '1600', OPENCLAW_GATEWAY_BIND: 'loopback' });
    const up = await here.compose('up', '--detach', 'openclaw-gateway');
    expect(up.exitCode).not.toBe(0);
    const { stdout } = await here.compose('logs', '--no-log-prefix', 'openclaw-folders');
    expect(stdout).toContain('The gateway runs as 1500:1600 and cannot write to /home/node/.openclaw');
    expect(stdout).toContain('chown -R 1500:1600');
    await chown(here.config, 1500, 1600);
    await chown(join(here.config, 'openclaw.json'), 1500, 1600);
    expect((await here.compose('up', '--detach', '--wait', 'openclaw-gateway')).exitCode).toBe(0);
    expect(await user(await here.container())).toBe('1500:1600');
  });
});

describe.each([
  ['OPENCLAW_UID and OPENCLAW_GID', { OPENCLAW_UID: '99', OPENCLAW_GID: '100' }, '99:100'],
  ['PUID and PGID, with empty newer variables', { PUID: '1500', PGID: '1600', OPENCLAW_UID: '' }, '1500:1600'],
  ["a user of OpenShift's", { OPENCLAW_UID: '1000950000', OPENCLAW_GID: '0' }, '1000950000:0'],
])('%s', (_, variables, expected) => {
  let here: TestInstallation;
  beforeAll(async () => {
    here = await makeInstallation(`user-${expected.replace(':', '-')}`, 'with Node', testGateway());
  });
  afterAll(() => here.remove());

  it('are the user of the gateway, and its data is given to them', async () => {
    const { exitCode, output } = await here.setup({ ...variables, ...here.ports, OPENCLAW_SKIP_ONBOARDING: '1' });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    expect(await user(await here.container())).toBe(expected);
    for (const folder of ['', 'identity', 'workspace']) expect(await owner(here, folder)).toBe(expected);
    // A later setup without the variables keeps them.
    expect((await here.dotEnv()).get('OPENCLAW_UID')).toBe(expected.split(':')[0]);
  });
});
