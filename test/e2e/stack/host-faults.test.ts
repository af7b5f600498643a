import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { getuid } from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { $ } from 'zx';
import { docker } from '../../support/command.ts';
import { freePort } from '../../support/free-port.ts';
import { testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman, writtenIn } from '../../support/podman.ts';

const QUICK = { OPENCLAW_SKIP_ONBOARDING: '1' };
let here: TestInstallation;
/** Not set up. */
let fresh: TestInstallation;
let container = '';
let dotEnv = '';

beforeAll(async () => {
  [here, fresh] = await Promise.all([
    makeInstallation('faults', 'with Node', testGateway()),
    makeInstallation('fresh', 'with Node', testGateway()),
  ]);
  const { exitCode, output } = await here.setup({ ...QUICK, ...here.ports });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  container = await here.container();
  dotEnv = await readFile(join(here.project, '.env'), 'utf8');
});
afterAll(() => Promise.all([here.remove(), fresh.remove()]));

/** Runs a setup that must fail. @returns what it printed */
async function failure(exit: number, environment: Readonly<Record<string, string>>, at = here): Promise<string> {
  const { exitCode, output = '' } = await at.setup({ ...QUICK, ...environment });
  expect({ exitCode }, output).toEqual({ exitCode: exit });
  return output;
}

const remains = async (): Promise<readonly string[]> =>
  (await readdir(here.project)).filter((name) => name.includes('.setup'));

async function isUnchanged(): Promise<void> {
  expect(await readFile(join(here.project, '.env'), 'utf8')).toBe(dotEnv);
  expect(await here.container()).toBe(container);
  expect(await remains()).toEqual([]);
}

describe('a Compose file that Compose does not accept is named before anything is written', () => {
  it.each([
    [
      'an unknown key',
      'services:\n  openclaw-gateway:\n    portz: []\n',
      // Debian's Compose, with Podman, is older.
      onPodman() ? 'Additional property portz is not allowed' : "additional properties 'portz' not allowed",
    ],
    ['a mistake in the YAML', 'services:\n  openclaw-gateway:\n    ports: [\n  a\n', 'yaml: line'],
    [
      'a service that does not exist',
      'services:\n  openclaw-gateway:\n    depends_on: [absent]\n',
      'depends on undefined service "absent"',
    ],
  ])('%s', async (_, override, reason) => {
    const path = join(here.project, 'docker-compose.override.yml');
    await writeFile(path, override);
    const output = await failure(2, { OPENCLAW_TZ: 'Asia/Taipei' });
    expect(output).toContain(`${here.project}: "docker-compose.override.yml" is not accepted by Compose: `);
    expect(output).toContain(reason);
    expect(output).not.toContain('.setup.lock');
    await isUnchanged();
    await rename(path, join(fresh.project, 'docker-compose.override.yml'));
    expect(await failure(2, fresh.ports, fresh)).toContain(reason);
    expect(await writtenIn(fresh.home)).toEqual([]);
    expect(existsSync(join(fresh.project, '.env'))).toBe(false);
    await rm(join(fresh.project, 'docker-compose.override.yml'));
  });

  it('a line in .env', async () => {
    await writeFile(join(fresh.project, '.env'), 'A=1\nnot a key\n');
    const output = await failure(2, fresh.ports, fresh);
    expect(output).toContain('".env" is not accepted by Compose: ');
    expect(output).toContain('a mistake in line 2');
    expect(output).not.toContain('not a key');
    await rm(join(fresh.project, '.env'));
  });
});

const isRoot = getuid?.() === 0;

const FULL_DISKS = [
  {
    name: 'a full disk',
    isPossible: async () => isRoot,
    mount: async (folder: string) => {
      await $`mount -t tmpfs -o size=64k tmpfs ${folder}`;
      return folder;
    },
    reason: 'No space left on device.\n  Hint: make free space',
  },
  {
    name: 'a quota that is used up',
    // Debian's package btrfs-progs. The other file systems of Linux need quotas in the kernel, which few machines for tests have.
    isPossible: async () => isRoot && (await $({ nothrow: true })`mkfs.btrfs --version`.quiet()).exitCode === 0,
    mount: async (folder: string) => {
      const image = `${folder}.btrfs`;
      await $`truncate --size 400M ${image}`;
      await $`mkfs.btrfs --quiet ${image}`;
      await $`mount -o loop ${image} ${folder}`;
      await $`btrfs quota enable ${folder}`.quiet();
      await $`btrfs subvolume create ${folder}/mine`.quiet();
      await $`btrfs qgroup limit 256k ${folder}/mine`;
      return join(folder, 'mine');
    },
    reason: 'Disk quota exceeded.\n  Hint: make room in the quota',
  },
] as const;

describe('a host that does not let setup write', () => {
  // Only root can set flags of files, mount, and give files away.
  it.skipIf(!isRoot)('an immutable .env: the reason, and how to look', async () => {
    const path = join(here.project, '.env');
    await $`chattr +i ${path}`;
    const output = await failure(1, { OPENCLAW_TZ: 'Asia/Taipei' });
    await $`chattr -i ${path}`;
    expect(output).toContain(`${path} cannot be written\n  Operation not permitted.\n  Hint: it may be immutable`);
    await isUnchanged();
  });

  it.for(FULL_DISKS)(
    '$name: the reason, and nothing is left on it',
    async ({ mount, reason, isPossible }, { skip }) => {
      if (!(await isPossible())) skip('not root, or without the programs for it');
      const path = join(here.project, '.env');
      const disk = join(here.folder, 'disk');
      await mkdir(disk);
      const full = await mount(disk);
      try {
        await rename(path, join(here.folder, 'kept.env'));
        await writeFile(join(full, 'my.env'), dotEnv);
        await symlink(join(full, 'my.env'), path);
        await $({ nothrow: true })`dd if=/dev/zero of=${join(full, 'rest')} bs=4k conv=fsync`.quiet();
        const output = await failure(1, { OPENCLAW_TZ: 'Asia/Taipei' });
        expect(output).toContain(`${full}/my.env cannot be written\n  ${reason}`);
        expect((await readdir(full)).sort()).toEqual(['my.env', 'rest']);
      } finally {
        await $`umount ${disk}`;
        await rm(disk, { recursive: true });
      }
      await rm(path);
      await rename(join(here.folder, 'kept.env'), path);
      await isUnchanged();
    },
  );

  it('a file in place of a folder: refused by its path', async () => {
    const file = join(fresh.folder, 'file');
    await writeFile(file, '');
    const output = await failure(2, { ...fresh.ports, OPENCLAW_CONFIG_DIR: join(file, 'config') }, fresh);
    expect(output).toContain(`OPENCLAW_CONFIG_DIR: "${file}/config" cannot be a folder: ${file} is a file`);
    expect(existsSync(join(fresh.project, '.env'))).toBe(false);
  });

  it.skipIf(!isRoot)('data whose owner cannot be changed: the file and the reason', async () => {
    const file = join(here.config, 'fixed');
    await writeFile(file, '');
    await $`chattr +i ${file}`;
    const output = await failure(1, {});
    await $`chattr -i ${file}`;
    await rm(file);
    expect(output).toMatch(
      /The owner of the data folders could not be changed to uid 1000\n {2}.*fixed.*Operation not/,
    );
    await isUnchanged();
  });
});

describe('the printed address', () => {
  it('is one that answers, and a port that no Compose file publishes may be in use', async () => {
    // Another gateway answers there.
    const proxy = createServer((_, response) => response.end('{"ok":true,"status":"live"}'));
    const path = join(fresh.project, 'docker-compose.override.yml');
    await writeFile(path, 'services:\n  openclaw-gateway:\n    ports: !override []\n');
    await new Promise<void>((resolve) => void proxy.listen(fresh.port, '0.0.0.0', resolve));
    try {
      const { exitCode, output } = await fresh.setup({ ...QUICK, ...fresh.ports });
      expect({ exitCode }, output).toEqual({ exitCode: 0 });
      expect(output).toContain(`Your Compose files publish no port ${fresh.port} of this host`);
      expect(output).not.toContain('The gateway is running: http');
      expect((await fresh.compose('ps', '--format', '{{.Health}}')).stdout).toBe('healthy');
    } finally {
      proxy.close();
      await fresh.compose('down');
      await rm(path);
    }
  });

  it('is refused before the start if a bind cannot work: custom without an address', async () => {
    const output = await failure(2, { OPENCLAW_GATEWAY_BIND: 'custom' });
    expect(output).toContain('OPENCLAW_GATEWAY_BIND: "custom" needs an IPv4 address: gateway.customBindHost');
    await isUnchanged();
  });
});

describe('a host that cannot build the image', () => {
  let bare: TestInstallation;
  /** Docker with Compose, without buildx. */
  const config = () => join(bare.folder, 'docker');
  const build = { OPENCLAW_IMAGE: '', OPENCLAW_SKIP_ONBOARDING: '1' };
  beforeAll(async () => {
    bare = await makeInstallation('bare', 'without Node', testGateway());
    await mkdir(join(config(), 'cli-plugins'), { recursive: true });
    await symlink(
      join(bare.environment['DOCKER_CONFIG'] ?? '', 'cli-plugins/docker-compose'),
      join(config(), 'cli-plugins/docker-compose'),
    );
  });
  afterAll(() => bare.remove());

  // Podman builds without buildx, and never with plugins.
  it.skipIf(onPodman())('without Node and buildx: says what to install', async () => {
    const { exitCode, output } = await bare.setup({ ...build, ...bare.ports, DOCKER_CONFIG: config() }, { args: [] });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain('PATH: "docker-buildx" was not found, and building the image needs it');
    expect(output).toContain('https://docs.docker.com/go/buildx');
  });

  it.skipIf(onPodman())('without Node, with plugins to build in: says so at once', async () => {
    const { exitCode, output } = await bare.setup({ ...build, OPENCLAW_EXTENSIONS: 'slack' }, { args: [] });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain('OPENCLAW_EXTENSIONS: "slack" needs Node.js, which this host does not have');
    expect(await readdir(bare.home)).toEqual([]);
  });
});

describe('a home volume of an earlier installation', () => {
  const volume = `openclaw_test_home_${process.pid}`;
  const earlier = (): string => `${fresh.environment['COMPOSE_PROJECT_NAME']}_${volume}`;
  const create = (name: string) => docker('volume', 'create', '--label', `com.docker.compose.volume=${volume}`, name);
  afterAll(() => docker('volume', 'rm', '--force', `other_${volume}`, earlier()));

  it('of another project: asks which one is meant', async () => {
    await create(`other_${volume}`);
    const output = await failure(2, { ...fresh.ports, OPENCLAW_HOME_VOLUME: volume }, fresh);
    expect(output).toContain(
      `OPENCLAW_HOME_VOLUME: "${volume}" does not exist, but other Compose projects have other_${volume}`,
    );
    expect(output).toContain(`for the home of an earlier installation: OPENCLAW_HOME_VOLUME=other_${volume}`);
  });

  it('of this project: uses it, and keeps its name', async () => {
    await create(earlier());
    await docker(
      'run',
      '--rm',
      '--volume',
      `${earlier()}:/home/node`,
      '--entrypoint',
      'sh',
      fresh.image,
      '-c',
      'echo mine >/home/node/kept',
    );
    const { exitCode, output } = await fresh.setup({
      ...QUICK,
      ...fresh.ports,
      OPENCLAW_HOME_VOLUME: volume,
      OPENCLAW_ALLOWED_ORIGINS: 'https://one.example.org, https://two.example.org:8443',
    });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    expect(output).toContain(`Using the volume ${earlier()} of an earlier installation`);
    expect((await fresh.dotEnv()).get('OPENCLAW_HOME_VOLUME')).toBe(earlier());
    expect((await fresh.compose('exec', '-T', 'openclaw-gateway', 'cat', '/home/node/kept')).stdout).toBe('mine');
  });

  // Without root, the volume has other numbers on the host.
  it.skipIf(!isRoot)('follows the user of the gateway', async () => {
    const { exitCode, output } = await fresh.setup({ ...QUICK, OPENCLAW_UID: '1234' });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    expect((await fresh.compose('exec', '-T', 'openclaw-gateway', 'stat', '-c', '%u', '/home/node')).stdout).toBe(
      '1234',
    );
  });
});

it('writes more origins of the user, and takes them back', async () => {
  const origins = async (): Promise<readonly string[]> =>
    JSON.parse(await readFile(join(fresh.config, 'openclaw.json'), 'utf8')).gateway.controlUi.allowedOrigins;
  const own = [`http://localhost:${fresh.port}`, `http://127.0.0.1:${fresh.port}`];
  expect(await origins()).toEqual([...own, 'https://one.example.org', 'https://two.example.org:8443']);
  const { exitCode, output } = await fresh.setup({ ...QUICK, OPENCLAW_ALLOWED_ORIGINS: 'https://one.example.org' });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(await origins()).toEqual([...own, 'https://one.example.org']);
});

it('publishes on one address of the host, and its own origins follow a new port beside those of the user', async () => {
  const port = await freePort();
  const { exitCode, output } = await fresh.setup({
    ...QUICK,
    OPENCLAW_HOST_ADDRESS: '127.0.0.1',
    OPENCLAW_GATEWAY_PORT: String(port),
  });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(output).toContain(`The gateway is running: http://127.0.0.1:${port}/`);
  const { stdout } = await docker('port', await fresh.container());
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/^.* -> /, '').replace(/:\d+$/, '')),
  ).toEqual(['127.0.0.1', '127.0.0.1']);
  const written = JSON.parse(await readFile(join(fresh.config, 'openclaw.json'), 'utf8'));
  expect(written.gateway.controlUi.allowedOrigins).toEqual([
    `http://localhost:${port}`,
    `http://127.0.0.1:${port}`,
    'https://one.example.org',
  ]);
});
