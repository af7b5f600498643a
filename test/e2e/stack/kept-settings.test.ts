import { appendFile, cp, lstat, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../../support/command.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';

// Users have written these in openclaw.json before setup runs. The real gateway says which secret it accepts.

const SECRET = 'a-secret-of-the-user-0123456789';
let here: TestInstallation;

beforeAll(async () => {
  here = await makeInstallation('kept', 'with Node', 'whole');
  await setup(here.ports);
  await appendFile(join(here.project, '.env'), `MY_TOKEN=${SECRET}\n`);
});
afterAll(() => here.remove());

/** Runs a setup that must succeed. @returns what it printed */
async function setup(variables: Readonly<Record<string, string>> = {}): Promise<string> {
  const { exitCode, output = '' } = await here.setup({ OPENCLAW_SKIP_ONBOARDING: '1', ...variables });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  return output;
}

/** Runs `clawdock-token`. @returns the token. The helpers are a copy: those beside the tests would use the project of the tests. */
async function tokenOfClawdock(): Promise<string> {
  const helpers = join(here.home, 'clawdock-helpers.sh');
  await cp(join(ROOT, 'scripts/clawdock/clawdock-helpers.sh'), helpers);
  const env = { ...here.environment, PATH: `${here.environment['PATH']}:/usr/bin:/bin` };
  const line = `source '${helpers}'; clawdock-token`;
  return (await execa('bash', ['--norc', '--noprofile', '-c', line], { cwd: here.project, env, extendEnv: false }))
    .stdout;
}

type Auth = Readonly<Record<string, unknown>>;
const path = (): string => join(here.config, 'openclaw.json');
const auth = async (): Promise<Auth> => JSON.parse(await readFile(path(), 'utf8')).gateway.auth;
async function writeAuth(value: Auth): Promise<void> {
  const config = JSON.parse(await readFile(path(), 'utf8'));
  await writeFile(path(), JSON.stringify({ ...config, gateway: { ...config.gateway, auth: value } }));
}

/** Whether the gateway accepts a secret: 401 is its answer to a wrong one. */
const accepts = async (secret: string): Promise<boolean> => {
  const { status } = await fetch(`http://127.0.0.1:${here.port}/tools/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: '{}',
  });
  return status !== 401;
};

describe('setup keeps the secret that the gateway accepts, and says where it is', () => {
  it.each<[string, Auth, string]>([
    ['a variable of the user', { mode: 'token', token: '${MY_TOKEN}' }, 'MY_TOKEN'],
    [
      'a secret reference',
      { mode: 'token', token: { source: 'env', provider: 'default', id: 'MY_TOKEN' } },
      'MY_TOKEN',
    ],
    ['a password', { mode: 'password', password: SECRET }, 'the password: gateway.auth.password in openclaw.json'],
  ])('%s', async (_, value, place) => {
    await writeAuth(value);
    const output = await setup();
    expect(output).toContain(place);
    expect(output).not.toContain(SECRET);
    expect(await auth()).toMatchObject(value);
    expect(await accepts(SECRET)).toBe(true);
    expect(await accepts('another-secret')).toBe(false);
  });
});

it('names a token that a Compose file of the user sets', async () => {
  const other = `other-${SECRET}`;
  const override = join(here.project, 'docker-compose.override.yml');
  await writeFile(
    override,
    `services:\n  openclaw-gateway:\n    environment:\n      OPENCLAW_GATEWAY_TOKEN: ${other}\n`,
  );
  await writeAuth({ mode: 'token' });
  const output = await setup();
  expect(output).toContain('token       the OPENCLAW_GATEWAY_TOKEN of your Compose files; paste it');
  expect(output).not.toContain(other);
  expect(await accepts(other)).toBe(true);
  expect(await tokenOfClawdock()).toBe(other);
  await rm(override);
  expect(await setup()).toContain(`token       OPENCLAW_GATEWAY_TOKEN in ${here.project}/.env; paste it`);
  expect(await accepts(other)).toBe(false);
});

describe('an openclaw.json that is a link', () => {
  const link = async (target: string): Promise<void> => {
    await rename(path(), join(here.config, 'settings.json'));
    await symlink(target, path());
  };
  const unlink = async (): Promise<void> => {
    await rm(path());
    await rename(join(here.config, 'settings.json'), path());
  };

  it('to another link in its folder stays, also after a setup that fails', async () => {
    const profile = join(here.config, 'profiles/current.json');
    const areLinks = async () =>
      Promise.all([path(), profile].map(async (file) => (await lstat(file)).isSymbolicLink()));
    await mkdir(join(here.config, 'profiles'));
    await symlink('../settings.json', profile);
    await link('profiles/current.json');
    const before = await readFile(path(), 'utf8');
    const override = join(here.project, 'docker-compose.override.yml');
    // The container ends at once, after setup has written the new origin.
    await writeFile(override, 'services:\n  openclaw-gateway:\n    command: ["false"]\n');
    const { exitCode, output } = await here.setup({
      OPENCLAW_SKIP_ONBOARDING: '1',
      OPENCLAW_ALLOWED_ORIGINS: 'https://claw.example.org',
    });
    expect({ exitCode }, output).toEqual({ exitCode: 1 });
    expect(output).toContain('wrote openclaw.json');
    expect(await areLinks()).toEqual([true, true]);
    expect(await readFile(path(), 'utf8')).toBe(before);
    await rm(override);
    expect(await setup({ OPENCLAW_ALLOWED_ORIGINS: 'https://claw.example.org' })).toContain('The gateway is running');
    expect(await areLinks()).toEqual([true, true]);
    expect(await readFile(join(here.config, 'settings.json'), 'utf8')).toContain('https://claw.example.org');
    await unlink();
    await setup({ OPENCLAW_ALLOWED_ORIGINS: '' });
  });

  it('to another folder is refused: the gateway could not read it', async () => {
    await link('../settings.json');
    const { exitCode, output } = await here.setup({ OPENCLAW_SKIP_ONBOARDING: '1' });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain(
      `"${path()}" is a link to ../settings.json, which the gateway cannot follow in its container`,
    );
    await unlink();
  });
});

it('starts a gateway whose proxy logs people in, without a token', async () => {
  const before = JSON.parse(await readFile(path(), 'utf8'));
  const auth = { mode: 'trusted-proxy', trustedProxy: { userHeader: 'x-forwarded-user' } };
  const changed = { ...before.gateway, auth, trustedProxies: ['172.16.0.0/12'] };
  await writeFile(path(), JSON.stringify({ ...before, gateway: changed }));
  const output = await setup();
  expect(output).toContain('your proxy logs people in');
  expect((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN')).toBe('');
  await writeFile(path(), JSON.stringify(before));
  await setup();
});

it('asks a gateway with a certificate over https', async () => {
  const before = JSON.parse(await readFile(path(), 'utf8'));
  await writeFile(path(), JSON.stringify({ ...before, gateway: { ...before.gateway, tls: { enabled: true } } }));
  const output = await setup();
  expect(output).toContain(`The gateway is running: https://127.0.0.1:${here.port}/`);
  const { gateway } = JSON.parse(await readFile(path(), 'utf8'));
  const { allowedOrigins } = gateway.controlUi;
  expect(allowedOrigins).toEqual([`https://localhost:${here.port}`, `https://127.0.0.1:${here.port}`]);
  await writeFile(path(), JSON.stringify(before));
  await setup();
});

it('prints no address for a gateway that listens on Tailscale only', async () => {
  const output = await setup({ OPENCLAW_GATEWAY_BIND: 'tailnet' });
  expect(output).toContain(`http://127.0.0.1:${here.port}/ does not answer on this host`);
  expect(output).not.toContain('The gateway is running: http');
  expect(output).toContain('on its address in your tailnet only');
});
