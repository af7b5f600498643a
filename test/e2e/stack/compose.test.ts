import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerConfigFolder } from '../../../build/engine/engine.ts';
import { extraOverlay, sandboxOverlay } from '../../../build/stack/compose-overlay.ts';
import { changeDotEnv, readDotEnv } from '../../../build/stack/dot-env.ts';
import { STACK_VARIABLES } from '../../../build/stack/stack-variable.ts';
import { ROOT } from '../../support/command.ts';
import { composeProgram } from '../../support/podman.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-compose-'));
  await cp(join(ROOT, 'docker-compose.yml'), join(folder, 'docker-compose.yml'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Service {
  readonly image: string;
  readonly environment: Readonly<Record<string, string | null>>;
  readonly volumes: readonly { readonly type: string; readonly source: string; readonly target: string }[];
  readonly ports?: readonly { readonly published: string; readonly target: number }[];
  readonly [key: string]: unknown;
}
interface Config {
  readonly services: Readonly<Record<'openclaw-folders' | 'openclaw-gateway' | 'openclaw-cli', Service>>;
}

/** The configuration that Compose reads from the file, with only these variables. */
async function composed(environment: Readonly<Record<string, string>>, ...files: readonly string[]): Promise<Config> {
  const [compose, ...first] = composeProgram();
  const named = ['docker-compose.yml', ...files].flatMap((file) => ['--file', file]);
  const { stdout } = await execa(compose, [...first, ...named, '--profile', 'cli', 'config', '--format', 'json'], {
    cwd: folder,
    env: { PATH: process.env['PATH'], DOCKER_CONFIG: dockerConfigFolder(), ...environment },
    extendEnv: false,
  });
  // Compose prints $ as $$, so that the output can be read again.
  return JSON.parse(stdout.replaceAll('$$', '$')) as Config;
}

describe('docker-compose.yml', () => {
  it('passes the Compose linter', async () => {
    const { exitCode, all } = await execa('node_modules/.bin/dclint', ['--max-warnings', '0', 'docker-compose.yml'], {
      cwd: ROOT,
      reject: false,
      all: true,
    });
    expect({ exitCode }, all).toEqual({ exitCode: 0 });
  });

  it('is read without a warning, also without any variable', async () => {
    const [compose, ...first] = composeProgram();
    const { exitCode, stderr } = await execa(compose, [...first, 'config', '--quiet'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], DOCKER_CONFIG: dockerConfigFolder() },
      extendEnv: false,
      reject: false,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  it('has a source for every volume without any variable, even HOME', async () => {
    const { services } = await composed({});
    for (const service of Object.values(services))
      expect(service.volumes.map(({ type, source, target }) => [type, source, target])).toEqual([
        ['bind', '/tmp/.openclaw', '/home/node/.openclaw'],
        ['bind', '/tmp/.openclaw/workspace', '/home/node/.openclaw/workspace'],
        ['bind', '/tmp/.openclaw-auth-profile-secrets', '/home/node/.config/openclaw'],
      ]);
  });

  it('has two hardened services from one image, and the CLI in the network of the gateway', async () => {
    const { services } = await composed({ OPENCLAW_IMAGE: 'mine:1' });
    expect(Object.keys(services).sort()).toEqual(['openclaw-cli', 'openclaw-folders', 'openclaw-gateway']);
    for (const service of [services['openclaw-cli'], services['openclaw-gateway']])
      expect(service).toMatchObject({
        image: 'mine:1',
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: 4096,
        logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '5' } },
      });
    expect(services['openclaw-cli']).toMatchObject({ network_mode: 'service:openclaw-gateway' });
    expect(services['openclaw-folders']).toMatchObject({
      image: 'mine:1',
      network_mode: 'none',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(services['openclaw-gateway']).toMatchObject({
      restart: 'unless-stopped',
      extra_hosts: ['host.docker.internal=host-gateway'],
      healthcheck: { test: expect.arrayContaining([expect.stringContaining('/healthz')]) },
    });
  });

  it("passes on every variable of the gateway, but not the host's paths and ports", async () => {
    const given = {
      OPENCLAW_CONFIG_DIR: '/srv/c',
      OPENCLAW_WORKSPACE_DIR: '/srv/w',
      OPENCLAW_AUTH_PROFILE_SECRET_DIR: '/srv/s',
      OPENCLAW_GATEWAY_PORT: '28789',
      OPENCLAW_BRIDGE_PORT: '28790',
      OPENCLAW_GATEWAY_BIND: 'loopback',
      OPENCLAW_GATEWAY_TOKEN: 'T',
      OPENCLAW_TZ: 'Asia/Taipei',
      OPENCLAW_DISABLE_BONJOUR: '0',
      OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS: '1',
      OPENCLAW_OTEL_PRELOADED: '1',
      ...Object.fromEntries(
        STACK_VARIABLES.filter(({ name }) => name.startsWith('OTEL_')).map(({ name }) => [name, `of ${name}`]),
      ),
    };
    const gateway = (await composed(given)).services['openclaw-gateway'];
    for (const [name, value] of Object.entries(given).filter(([name]) =>
      /^OTEL_|TOKEN|BONJOUR|OVERLAYS|PRELOADED/.test(name),
    ))
      expect(gateway.environment[name], name).toBe(value);
    expect(gateway.environment).toMatchObject({
      TZ: 'Asia/Taipei',
      OPENCLAW_CONFIG_DIR: '/home/node/.openclaw',
      OPENCLAW_CONFIG_PATH: '/home/node/.openclaw/openclaw.json',
      OPENCLAW_GATEWAY_PORT: '18789',
    });
    expect(gateway.command).toEqual(expect.arrayContaining(['--bind', 'loopback', '--port', '18789']));
    expect(gateway.ports?.map(({ published, target }) => [published, target])).toEqual([
      ['28790', 18790],
      ['28789', 18789],
    ]);
    const published = (await composed({ OPENCLAW_HOST_ADDRESS: '127.0.0.1' })).services['openclaw-gateway'].ports;
    expect(published).toMatchObject([
      { host_ip: '127.0.0.1', target: 18790 },
      { host_ip: '127.0.0.1', target: 18789 },
    ]);
    const labelled = (await composed({ OPENCLAW_SELINUX_LABEL: 'z' })).services['openclaw-gateway'].volumes;
    for (const volume of labelled) expect(volume).toMatchObject({ bind: { selinux: 'z' } });
    const bare = (await composed({})).services['openclaw-gateway'];
    expect(bare.environment).toMatchObject({ OPENCLAW_DISABLE_BONJOUR: '1', TZ: 'UTC' });
    expect(Object.values(bare.environment).filter((value) => value === null).length).toBeGreaterThan(10);
  });

  it('keeps all paths in the containers, whatever .env says of them', async () => {
    const paths = ['OPENCLAW_CONFIG_PATH', 'OPENCLAW_STATE_DIR', 'OPENCLAW_HOME', 'HOME', 'OPENCLAW_PROFILE'].concat(
      ...['OPENCLAW_AGENT_DIR', 'OPENCLAW_OAUTH_DIR', 'OPENCLAW_BUNDLED_PLUGINS_DIR', 'PI_CODING_AGENT_DIR'],
      ...['XDG_CACHE_HOME', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'XDG_STATE_HOME'],
    );
    await writeFile(join(folder, '.env'), paths.map((name) => `${name}=/srv/elsewhere\n`).join(''));
    const { services } = await composed({});
    for (const service of ['openclaw-cli', 'openclaw-gateway'] as const)
      for (const name of paths) expect(services[service].environment[name], name).toMatch(/^(?:\/home\/node.*)?$/);
    await rm(join(folder, '.env'));
  });

  it('passes on other variables of .env, such as API keys', async () => {
    await writeFile(join(folder, '.env'), 'ANTHROPIC_API_KEY=sk-1\nOPENCLAW_CONFIG_DIR=/srv/c\n');
    const { services } = await composed({});
    expect(services['openclaw-folders'].environment ?? {}).toEqual({});
    for (const { environment } of [services['openclaw-cli'], services['openclaw-gateway']])
      expect(environment).toMatchObject({ ANTHROPIC_API_KEY: 'sk-1', OPENCLAW_CONFIG_DIR: '/home/node/.openclaw' });
    await rm(join(folder, '.env'));
  });
});

describe('.env', () => {
  const LINES = [
    '\uFEFFFIRST=first',
    'HASH=#abc',
    'AFTER_SPACE= # b',
    'COMMENT=abc # c',
    'TAB=abc\t# c',
    'UNKNOWN="a\\x"',
    'QUOTED="a\\"b\\\\c" # d',
    "SINGLE='a # b'",
    'export EXPORTED = x',
    'COLON: yes',
    'TWICE=1',
    'TWICE=2',
  ];

  it('is read as Compose reads it, by setup with and without Node', async () => {
    const text = LINES.join('\n');
    await writeFile(join(folder, '.env.lines'), text);
    await writeFile(join(folder, 'lines.yml'), 'services:\n  x:\n    image: x\n    env_file: .env.lines\n');
    const [compose, ...first] = composeProgram();
    const { stdout } = await execa(compose, [...first, '--file', 'lines.yml', 'config', '--format', 'json'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], DOCKER_CONFIG: dockerConfigFolder() },
      extendEnv: false,
    });
    const expected = JSON.parse(stdout.replaceAll('$$', '$')).services.x.environment as Record<string, string>;
    expect(Object.keys(expected)).toHaveLength(LINES.length - 1);
    expect(Object.fromEntries(readDotEnv(text))).toEqual(expected);
    const shell = await mkdtemp(join(folder, 'shell-'));
    await writeFile(join(shell, '.env'), text);
    for (const [name, value] of Object.entries(expected)) {
      const line = `. "$1"; root=$2; in_env_file "$3"`;
      const script = join(ROOT, 'scripts/docker/setup/dot-env.sh');
      const read = await execa('bash', ['-c', line, 'bash', script, shell, name], { stripFinalNewline: false });
      expect([name, read.stdout]).toEqual([name, value]);
    }
  });
});

describe('the files that setup writes', () => {
  const ODD = [
    'a b',
    "it's",
    'say "x"',
    '$HOME',
    '${HOME}',
    '$$',
    '`id`',
    '#1',
    'a # b',
    '\\n',
    'x\\',
    "'",
    '{a: b}',
    '!x',
    '*a',
    'é資料',
    '%s',
  ];

  it('are read by Compose with the intended values: .env', async () => {
    const values = new Map(ODD.map((value, index) => [`ODD_${index}`, value]));
    await writeFile(join(folder, '.env'), changeDotEnv('', values));
    const { environment } = (await composed({ HOME: '/home/me' })).services['openclaw-gateway'];
    for (const [name, value] of values) expect(environment[name], value).toBe(value);
    await rm(join(folder, '.env'));
  });

  it('are read by Compose with the intended values: overlays', async () => {
    const mounts = ODD.filter((value) => !value.includes(':')).map((value, index) => ({
      source: `/srv/${value}`,
      target: `/t${index}/${value}`,
      access: 'ro' as const,
      label: undefined,
    }));
    await writeFile(join(folder, 'extra.yml'), extraOverlay('home_1', mounts) ?? '');
    await writeFile(join(folder, 'sandbox.yml'), sandboxOverlay('/run/$USER "x"/docker.sock', 998));
    const { services } = await composed({ HOME: '/home/me' }, 'extra.yml', 'sandbox.yml');
    const paths = ({ volumes }: Service): readonly string[] =>
      volumes.filter(({ target }) => target.startsWith('/t')).map(({ source, target }) => `${source} ${target}`);
    const expected = mounts.map(({ source, target }) => `${source} ${target}`);
    expect(paths(services['openclaw-gateway'])).toEqual(expected);
    expect(paths(services['openclaw-cli'])).toEqual(expected);
    expect(services['openclaw-gateway']).toMatchObject({ group_add: ['998'] });
    expect(JSON.stringify(services['openclaw-cli'])).not.toContain('docker.sock');
  });

  it('are safe even if a value is a whole document', async () => {
    const evil = '/x"\n  evil:\n    image: "evil';
    await writeFile(
      join(folder, 'extra.yml'),
      extraOverlay(undefined, [{ source: evil, target: '/t', access: 'rw', label: undefined }]) ?? '',
    );
    expect(await readFile(join(folder, 'extra.yml'), 'utf8')).not.toContain('\n  evil');
    expect(Object.keys((await composed({}, 'extra.yml')).services).sort()).toEqual([
      ...['openclaw-cli', 'openclaw-folders', 'openclaw-gateway'],
    ]);
  });
});
