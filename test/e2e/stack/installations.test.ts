import { existsSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { docker, ROOT, run } from '../../support/command.ts';
import { testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman } from '../../support/podman.ts';

const QUICK = { OPENCLAW_SKIP_ONBOARDING: '1' };
let first: TestInstallation;
let second: TestInstallation;
let container = '';

beforeAll(async () => {
  [first, second] = await Promise.all([
    makeInstallation('first', 'with Node', testGateway()),
    makeInstallation('second', 'with Node', testGateway()),
  ]);
  const { exitCode, output } = await first.setup({ ...QUICK, ...first.ports });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  container = await first.container();
});
afterAll(() => Promise.all([first.remove(), second.remove()]));

const isRunning = async (): Promise<boolean> =>
  (await docker('container', 'inspect', '--format', '{{.State.Running}}', container)).stdout.trim() === 'true';

it('a second installation with the project name of the first is refused, and the first runs on', async () => {
  const name = first.environment['COMPOSE_PROJECT_NAME'] ?? '';
  const { exitCode, output } = await second.setup({ ...QUICK, ...second.ports, COMPOSE_PROJECT_NAME: name });
  expect({ exitCode }, output).toEqual({ exitCode: 2 });
  expect(output).toContain(
    `COMPOSE_PROJECT_NAME: "${name}" is the project name of another installation, in ${first.project}`,
  );
  expect(output).toContain(`Hint: choose another one: COMPOSE_PROJECT_NAME=${name}-2`);
  expect(await isRunning()).toBe(true);
});

it('a project name that another program has is refused', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-other-'));
  const other = ['--project-name', 'openclaw-other', '--file', join(folder, 'compose.yml')];
  const web = `services: { web: { image: '${second.image}', command: [sleep, '600'] } }`;
  await writeFile(join(folder, 'compose.yml'), web);
  try {
    expect(await second.compose(...other, 'up', '--detach')).toMatchObject({ exitCode: 0 });
    const settings = { ...QUICK, ...second.ports, COMPOSE_PROJECT_NAME: 'openclaw-other' };
    const { exitCode, output } = await second.setup(settings);
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain(`"openclaw-other" is the project name of another installation, in ${folder}`);
  } finally {
    await second.compose(...other, 'down', '--timeout', '1');
    await rm(folder, { recursive: true });
  }
});

it('a second clone whose folder has the same name is refused: its default project name is that of the first', async () => {
  const clones = await Promise.all(
    ['clone-a', 'clone-b'].map((name) => makeInstallation(name, 'with Node', testGateway())),
  );
  const [one, two] = clones as [TestInstallation, TestInstallation];
  const unnamed = { ...QUICK, COMPOSE_PROJECT_NAME: '' };
  try {
    const { exitCode, output } = await one.setup({ ...unnamed, ...one.ports });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    const refused = await two.setup({ ...unnamed, ...two.ports });
    expect({ exitCode: refused.exitCode }, refused.output).toEqual({ exitCode: 2 });
    expect(refused.output).toContain(`"openclaw-image" is the project name of another installation, in ${one.project}`);
    expect((await fetch(`http://127.0.0.1:${one.port}/healthz`)).status).toBe(200);
  } finally {
    await one.compose('down', '--timeout', '2');
    await Promise.all(clones.map((clone) => clone.remove()));
  }
});

it('a second gateway on the data of a running one is refused, and names its installation', async () => {
  const { exitCode, output } = await second.setup({ ...QUICK, ...second.ports, OPENCLAW_CONFIG_DIR: first.config });
  expect({ exitCode }, output).toEqual({ exitCode: 2 });
  expect(output).toContain(
    `OPENCLAW_CONFIG_DIR: "${first.config}" is in use by the gateway of another installation, in ${first.project}`,
  );
  expect(await isRunning()).toBe(true);
});

it('a second gateway on the logins of a running one is refused', async () => {
  const secrets = { OPENCLAW_AUTH_PROFILE_SECRET_DIR: join(first.home, '.openclaw-auth-profile-secrets') };
  const { exitCode, output } = await second.setup({ ...QUICK, ...second.ports, ...secrets });
  expect({ exitCode }, output).toEqual({ exitCode: 2 });
  expect(output).toContain('OPENCLAW_AUTH_PROFILE_SECRET_DIR: "');
  expect(output).toContain(`is in use by the gateway of another installation, in ${first.project}`);
});

it('a build that would replace the image of another installation is refused, and the hint works', async () => {
  const builder = await makeInstallation('builder', 'with Node');
  const other = await makeInstallation('other-builder', 'with Node');
  const name = other.environment['COMPOSE_PROJECT_NAME'] ?? '';
  try {
    const built = await builder.setup({ ...QUICK, ...builder.ports, OPENCLAW_IMAGE: 'openclaw:local' });
    expect({ exitCode: built.exitCode }, built.output).toEqual({ exitCode: 0 });
    const mine = { ...QUICK, ...other.ports, OPENCLAW_IMAGE: '' };
    const { exitCode, output } = await other.setup(mine, { args: [] });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain(
      `"openclaw:local" is the image of another installation, in ${builder.project}, and a build`,
    );
    const hint =
      /npm run image:build -- (--tag \S+)(?: .*podman load -i \S+)?; then OPENCLAW_IMAGE=(\S+) .*setup\.sh (--offline)$/m.exec(
        output,
      ) ?? [];
    expect(hint.slice(1)).toEqual([`--tag openclaw:${name}`, `openclaw:${name}`, '--offline']);
    expect(output.includes('podman load')).toBe(onPodman());
    // podman load puts this registry before a short name.
    await docker('tag', 'openclaw:local', `${onPodman() ? 'docker.io/library/' : ''}openclaw:${name}`);
    const offline = await other.setup({ ...mine, OPENCLAW_IMAGE: `openclaw:${name}` });
    expect({ exitCode: offline.exitCode }, offline.output).toEqual({ exitCode: 0 });
  } finally {
    await Promise.all([builder.remove(), other.remove()]);
    await docker('image', 'rm', `openclaw:${name}`);
  }
});

it('ClawDock and doctor refuse to act on the containers of another installation', async () => {
  const name = first.environment['COMPOSE_PROJECT_NAME'] ?? '';
  const dotEnv = join(second.project, '.env');
  await writeFile(dotEnv, `COMPOSE_PROJECT_NAME=${name}\nOPENCLAW_IMAGE=${second.image}\n`);
  const { COMPOSE_PROJECT_NAME: _, ...environment } = second.environment;
  const message = `the project name ${name} belongs to the installation in ${first.project}`;
  const cli = `'${second.project}/scripts/docker/cli-no-dropped-caps.sh' --version`;
  for (const command of ['clawdock-stop', 'clawdock-restart', 'clawdock-exec true', 'clawdock-clean', cli]) {
    const helpers = join(ROOT, 'scripts/clawdock/clawdock-helpers.sh');
    const { exitCode, all } = await execa('bash', ['-c', `source '${helpers}'; ${command}`], {
      env: { ...environment, PATH: `${environment.PATH}:/usr/bin:/bin`, CLAWDOCK_DIR: second.project },
      extendEnv: false,
      reject: false,
      all: true,
      input: 'yes\n',
    });
    expect({ command, failed: exitCode !== 0 }, all).toEqual({ command, failed: true });
    expect(all, command).toContain(message);
    expect(all, command).toContain(`COMPOSE_PROJECT_NAME=${name}-2`);
  }
  const { stdout, stderr } = await run(['doctor', '--project', second.project, '--json']);
  expect(stdout, stderr).not.toBe('');
  const results = JSON.parse(stdout).results as readonly { name: string; status: string; found: string }[];
  expect(results.filter(({ found }) => found.includes(message)).map(({ status }) => status)).toEqual(['failed']);
  await rm(dotEnv);
  expect(await isRunning()).toBe(true);
});

it('a container that Compose did not start is named if it writes to the data, and others are left alone', async () => {
  const start = async (...mount: readonly string[]): Promise<string> =>
    (await docker('run', '--detach', ...mount, '--entrypoint', 'sleep', second.image, '600')).stdout.trim();
  const others = [await start('--volume', `${first.home}:/one`), await start('--volume', `${second.config}:/x:ro`)];
  try {
    const { exitCode, output } = await second.setup({ ...QUICK, ...second.ports });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    expect((await second.compose('down', '--timeout', '2')).exitCode).toBe(0);
    others.push(await start('--volume', `${second.config}:/x`));
    const refused = await second.setup(QUICK);
    expect({ exitCode: refused.exitCode }, refused.output).toEqual({ exitCode: 2 });
    expect(refused.output).toContain(`"${second.config}" is in use by the container `);
  } finally {
    await docker('rm', '--force', ...others);
    await rm(join(second.project, '.env'), { force: true });
  }
});

it('two setups at once in one folder work one after the other, and no request is lost', async () => {
  const [one, other] = await Promise.all([
    first.setup({ ...QUICK, OPENCLAW_TZ: 'Europe/Berlin' }),
    first.setup({ ...QUICK, OPENCLAW_PIDS_LIMIT: '2048' }),
  ]);
  expect([one.exitCode, other.exitCode], `${one.output}\n${other.output}`).toEqual([0, 0]);
  expect(`${one.output}${other.output}`).toMatch(/Waiting for another setup in this folder \(process \d+\)/);
  const kept = await first.dotEnv();
  expect([kept.get('OPENCLAW_TZ'), kept.get('OPENCLAW_PIDS_LIMIT')]).toEqual(['Europe/Berlin', '2048']);
});

it('takes over the lock of a killed setup, and names what cannot be written', async () => {
  const lock = join(first.project, '.setup.lock');
  const ended = await execa('sh', ['-c', 'echo $$']);
  await mkdir(lock);
  await writeFile(join(lock, 'process'), ended.stdout);
  const after = await first.setup(QUICK);
  expect({ exitCode: after.exitCode }, after.output).toEqual({ exitCode: 0 });
  expect(existsSync(lock)).toBe(false);
  // After a restart of the host, another process has the number.
  await mkdir(lock);
  await writeFile(join(lock, 'process'), '1');
  await writeFile(join(lock, 'boot'), 'an earlier start of the host');
  const restarted = await first.setup(QUICK);
  expect({ exitCode: restarted.exitCode }, restarted.output).toEqual({ exitCode: 0 });
  expect(restarted.output).not.toContain('Waiting');
  await writeFile(lock, '');
  const { exitCode, output } = await first.setup(QUICK);
  expect({ exitCode }, output).toEqual({ exitCode: 2 });
  expect(output).toContain(`folder: "${first.project}" cannot be written by setup: File exists`);
  await rm(lock);
});

// Podman has no contexts, and setup ignores DOCKER_HOST with it.
describe.skipIf(onPodman())('the engine', () => {
  let config = '';
  beforeAll(async () => {
    config = await mkdtemp(join(tmpdir(), 'openclaw-image-context-'));
    const create = (name: string, host: string) =>
      execa(inject('engine').docker, ['context', 'create', name, '--docker', `host=${host}`], {
        env: { DOCKER_CONFIG: config },
      });
    await create('remote', 'tcp://192.0.2.7:2376');
    await create('stopped', `unix://${config}/nothing.sock`);
  });
  afterAll(() => rm(config, { recursive: true }));

  it.each([
    [
      'a Docker context on another machine',
      { DOCKER_HOST: '', DOCKER_CONTEXT: 'remote' },
      'docker context: "tcp://192.0.2.7:2376" is an engine on another machine (context remote)',
    ],
    [
      'a name that only begins like one of this host',
      { DOCKER_HOST: 'tcp://localhost.example.org:2375' },
      'DOCKER_HOST: "tcp://localhost.example.org:2375" is an engine on another machine',
    ],
    [
      'an address that is the start of a name',
      { DOCKER_HOST: 'tcp://127.0.0.1.example.org:2375' },
      'is an engine on another machine',
    ],
    [
      'an engine by SSH',
      { DOCKER_HOST: 'ssh://me@host.example.org' },
      'DOCKER_HOST: "host.example.org" is an engine on another machine',
    ],
    [
      'a Docker context whose engine does not run',
      { DOCKER_HOST: '', DOCKER_CONTEXT: 'stopped' },
      /docker context: "unix:\/\/.*nothing\.sock" does not answer \(context stopped\): /,
    ],
  ])('%s is refused by name', async (_, environment, message) => {
    const { exitCode, output } = await second.setup({ ...QUICK, ...environment, DOCKER_CONFIG: config });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toMatch(message);
  });
});

it.each([
  ['sh', (link: string) => ['sh', link]],
  ['a symbolic link', (link: string) => [link]],
])('setup.sh runs with %s', async (_, command) => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-link-'));
  const link = join(folder, 'setup');
  await symlink('script', link);
  await symlink(join(ROOT, 'scripts/docker/setup.sh'), join(folder, 'script'));
  const [program = '', ...args] = command(link);
  const { stdout } = await execa(program, [...args, '--help']);
  await rm(folder, { recursive: true });
  expect(stdout).toContain('usage: scripts/docker/setup.sh');
});

it('keeps a symbolic link to .env, and saves an overlay that somebody else wrote', async () => {
  const file = join(first.folder, 'settings.env');
  const extra = join(first.project, 'docker-compose.extra.yml');
  await rename(join(first.project, '.env'), file);
  await symlink('../settings.env', join(first.project, '.env'));
  await writeFile(extra, '# mine\nservices: {}\n');
  const { exitCode, output } = await first.setup({ ...QUICK, OPENCLAW_TZ: 'Asia/Taipei' });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect((await lstat(join(first.project, '.env'))).isSymbolicLink()).toBe(true);
  expect(await readFile(file, 'utf8')).toContain('OPENCLAW_TZ=Asia/Taipei');
  expect(await readFile(`${extra}.saved`, 'utf8')).toBe('# mine\nservices: {}\n');
  expect(output).toContain('saved your docker-compose.extra.yml as docker-compose.extra.yml.saved');
});

it('saves an overlay that setup wrote and somebody has changed', async () => {
  const extra = join(first.project, 'docker-compose.extra.yml');
  const mount = async (folder: string): Promise<string> => {
    const mounts = `${first.folder}:/mnt/${folder}:ro`;
    const { exitCode, output = '' } = await first.setup({ ...QUICK, OPENCLAW_EXTRA_MOUNTS: mounts });
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
    return output;
  };
  expect(await mount('a')).not.toContain('saved your');
  expect(await mount('b')).not.toContain('saved your');
  const changed = (await readFile(extra, 'utf8')).replace('/mnt/b', '/mnt/mine');
  await writeFile(extra, changed);
  expect(await mount('c')).toContain('saved your docker-compose.extra.yml as docker-compose.extra.yml.saved.2');
  expect(await readFile(`${extra}.saved.2`, 'utf8')).toBe(changed);
  const { stdout } = await run(['doctor', '--project', first.project, '--json']);
  const results = JSON.parse(stdout).results as readonly { name: string; status: string; found: string }[];
  expect(results.filter(({ name }) => name === 'overlays')).toMatchObject([{ status: 'passed' }]);
});

it('refuses a COMPOSE_FILE of another project', async () => {
  const file = join(first.folder, 'other.yml');
  await writeFile(file, 'services:\n  web:\n    image: busybox\n');
  const before = await readFile(join(first.project, '.env'), 'utf8');
  // Beside an overlay, Compose reports one of two services at random.
  const settings = { ...QUICK, OPENCLAW_EXTRA_MOUNTS: `${first.folder}:/mnt/c:ro` };
  const { exitCode, output } = await first.setup({ ...settings, COMPOSE_FILE: file });
  expect({ exitCode }, output).toEqual({ exitCode: 2 });
  expect(output).toContain(`COMPOSE_FILE: "${file}" has no service openclaw-gateway`);
  expect(await readFile(join(first.project, '.env'), 'utf8')).toBe(before);
});

it('a rollback names another installation that its image reaches', { tags: ['nightly'] }, async () => {
  const shared = `${onPodman() ? 'localhost/' : ''}openclaw-image-test:shared`;
  const settings = { ...QUICK, OPENCLAW_IMAGE: shared, OPENCLAW_EXTRA_MOUNTS: '' };
  await docker('tag', first.image, shared);
  for (const [installation, ports] of [
    [first, {}],
    [second, second.ports],
  ] as const)
    expect((await installation.setup({ ...settings, ...ports })).exitCode).toBe(0);
  const context = join(first.folder, 'newer');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), `FROM ${first.image}\nLABEL newer=1\n`);
  expect((await docker('build', '--quiet', '--tag', shared, context)).exitCode).toBe(0);
  for (const installation of [first, second]) {
    const { exitCode, output } = await installation.setup(settings);
    expect({ exitCode }, output).toEqual({ exitCode: 0 });
  }
  const { exitCode, output } = await first.setup({}, { args: ['--rollback'] });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  expect(output).toContain(`the installation in ${second.project} uses the name ${shared} too`);
  await second.compose('down', '--timeout', '2');
  await rm(join(second.project, '.env'), { force: true });
  await docker('image', 'rm', '--force', shared);
});

it('uses the Compose files of a given COMPOSE_FILE, and keeps it', async () => {
  await writeFile(join(first.project, 'mine.yml'), 'services:\n  openclaw-gateway:\n    labels: {mine: "yes"}\n');
  const settings = { ...QUICK, OPENCLAW_EXTRA_MOUNTS: '' };
  const { exitCode, output } = await first.setup({ ...settings, COMPOSE_FILE: 'docker-compose.yml:mine.yml' });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  const { stdout } = await docker(
    ...['container', 'inspect', '--format', '{{index .Config.Labels "mine"}}', await first.container()],
  );
  expect(stdout).toBe('yes');
  const { exitCode: again } = await first.setup(QUICK);
  expect(again).toBe(0);
  expect((await first.dotEnv()).get('COMPOSE_FILE')).toBe('docker-compose.yml:mine.yml');
});
