import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../build/cache-folder.ts';
import { docker, engine as firstEngine, ROOT, run, runUntil } from '../support/command.ts';
import { SMALL_IMAGE } from '../support/gateway.ts';

/**
 * A second engine with an empty cache: `scripts/engine up` on a bare Debian, in a privileged container of the first engine,
 * with a separate network.
 */
const NAME = `openclaw-image-test-engine-${process.pid}`;
let folder = '';
let host = '';

/** GOMAXPROCS: the same as for the first engine (.ci/run). */
const inside = (line: string) =>
  docker(...['exec', '--user', '0', '--env', 'XDG_CACHE_HOME=/engine', '--env', 'GOMAXPROCS', NAME, 'sh', '-c', line]);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oc-'));
  host = `unix://${folder}/openclaw-image/engine/docker.sock`;
  // --init: some process must reap those of a killed engine.
  // --no-healthcheck: the test counts the processes.
  const args = ['run', '--detach', '--init', '--no-healthcheck', '--privileged', '--user', '0', '--name', NAME];
  const volumes = ['--volume', `${folder}:/engine`, '--volume', `${join(ROOT, 'scripts')}:/scripts:ro`];
  await docker(...args, ...volumes, '--entrypoint', 'sleep', SMALL_IMAGE, '3600');
});
afterAll(async () => {
  await inside('/scripts/engine down --remove');
  await docker('rm', '--force', '--volumes', NAME);
  await rm(folder, { recursive: true, force: true });
});

describe('scripts/engine on a bare Debian', () => {
  it('prints its state before it is set up', async () => {
    expect((await inside('/scripts/engine status')).stdout).toMatch(/^absent/);
    expect((await inside('/scripts/engine env')).exitCode).toBe(1);
  });

  it('sets up an engine on its own socket, and installs no package', async () => {
    const before = (await inside('dpkg-query -W')).stdout;
    const up = await inside('/scripts/engine up');
    expect(up.exitCode, up.stderr).toBe(0);
    expect((await inside('dpkg-query -W')).stdout).toBe(before);
    expect(JSON.parse((await inside('/scripts/engine status --json')).stdout)).toMatchObject({ state: 'running' });
    expect(
      (
        await inside(
          'eval "$(/scripts/engine env)" && docker version --format {{.Server.Version}} && docker buildx version',
        )
      ).exitCode,
    ).toBe(0);
  });

  it('keeps the downloads of npm and pnpm until the disk is nearly full', async () => {
    const { stdout } = await inside('eval "$(/scripts/engine env)" && docker buildx inspect');
    const rules = stdout.split(/GC Policy rule#\d+:/).slice(1);
    expect(rules).toHaveLength(1);
    expect(rules[0]).toMatch(/All:\s+true/);
    expect(rules[0]).toMatch(/Reserved Space:\s+20GiB/);
    expect(rules[0]).toMatch(/Max Used Space:\s+100GiB/);
    expect(rules[0]).toMatch(/Min Free Space:\s+5GiB/);
  });

  it('does nothing if it is running', async () => {
    expect(await inside('/scripts/engine up')).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });
});

describe('scripts/engine update', () => {
  const OLD = 'libmnl0';
  const record = `/engine/openclaw-image/engine/root/.packages/bookworm/${OLD}`;

  it('is recommended if Debian has newer programs', async () => {
    await inside(`echo 0.1-1 >${record}`);
    const { stdout, stderr } = await inside('/scripts/engine status');
    expect(stdout).toMatch(/^running/);
    expect(stderr).toMatch(
      /1 programs? of this engine .*older than Debian's \(libmnl0 0\.1-1 < .*\)\. Update them: scripts\/engine update/,
    );
  });

  it('brings the newest programs, and keeps the images', { tags: ['nightly'] }, async () => {
    const build =
      'eval "$(/scripts/engine env)" && printf "FROM scratch\\nLABEL kept=1\\n" | docker build --quiet --tag kept -';
    expect((await inside(build)).exitCode).toBe(0);
    const { exitCode, stderr } = await inside('/scripts/engine update');
    expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
    expect(stderr).toMatch(/libmnl0: 0\.1-1 -> /);
    expect((await inside('eval "$(/scripts/engine env)" && docker image inspect kept')).exitCode).toBe(0);
    expect((await inside('/scripts/engine status')).stderr).toBe('');
  });
});

describe('SOURCE_DATE_EPOCH', { tags: ['nightly'] }, () => {
  /** Shares the bases, so that both use the same one. */
  const emptyCache = async (name: string): Promise<string> => {
    const cache = join(folder, name);
    await mkdir(join(cache, 'openclaw-image'), { recursive: true });
    for (const shared of ['bases', 'engine', 'toolchain'])
      await symlink(cacheFolder(shared), join(cache, 'openclaw-image', shared));
    return cache;
  };

  it('gives the same digest on another engine with an empty cache, whatever was built before', async () => {
    const env = { SOURCE_DATE_EPOCH: '1700000000', CI: 'true' };
    const args = ['build', '--json', '--tag', 'openclaw-image-test:one'];
    // Each host resolves and locks separately. One of them has locked an older gateway.
    const [first, second] = [await emptyCache('one'), await emptyCache('other')];
    const locked = await run(['build', '--dry-run', '--package', 'openclaw@2026.9.5'], {
      env: { XDG_CACHE_HOME: first },
    });
    expect(locked.exitCode, locked.stderr).toBe(0);
    const one = await run(args, { env: { ...env, XDG_CACHE_HOME: first } });
    expect(one.exitCode, one.stdout).toBe(0);
    const other = await run([...args, '--engine', host], { env: { ...env, XDG_CACHE_HOME: second } });
    expect(other.exitCode, other.stdout).toBe(0);
    // Compares layers first, to show where the images differ.
    const format = "docker image inspect openclaw-image-test:one --format '{{json .RootFS.Layers}}'";
    const { docker: command, environment } = firstEngine();
    const there = await inside(`eval "$(/scripts/engine env)" && ${format}`);
    const here = await execa('sh', ['-c', format.replace('docker', command)], { env: environment });
    expect(JSON.parse(there.stdout)).toEqual(JSON.parse(here.stdout));
    expect(JSON.parse(other.stdout).digest).toBe(JSON.parse(one.stdout).digest);
    expect(JSON.parse(other.stdout).layers.every(({ cached }: { cached: boolean }) => !cached)).toBe(true);
    expect(JSON.parse(one.stdout).annotations['org.opencontainers.image.created']).toBe('2023-11-14T22:13:20Z');
    // An image that was written without unpacking can run.
    expect((await docker('run', '--rm', '--entrypoint', 'node', 'openclaw-image-test:one', '--version')).exitCode).toBe(
      0,
    );
    await docker('image', 'rm', 'openclaw-image-test:one');
  });
});

describe('an engine that goes away', { tags: ['nightly'] }, () => {
  it('is distinguished from a failed build', async () => {
    const args = ['build', '--tag', 'openclaw-image-test:gone', '--apt', 'fortune-mod', '--engine', host];
    // The container's shim outlives the engine, as build steps do.
    const held = await inside(
      `eval "$(/scripts/engine env)" && tar -C / -ch bin/sleep $(ldd /bin/sleep | grep -o '/[^ ]*') | docker import - held && ` +
        'docker run --detach --network none --entrypoint /bin/sleep held 3600',
    );
    expect(held.exitCode, held.stderr).toBe(0);
    const { exitCode, output } = await runUntil(/^> .*system-with-apt/m, args, () =>
      inside('kill -9 $(cat /engine/openclaw-image/engine/dockerd.pid)'),
    );
    expect(exitCode).toBe(1);
    expect(output).toContain('The Docker Engine stopped answering');
  });
});

describe('scripts/engine down --remove', () => {
  it('leaves nothing behind', async () => {
    const { exitCode, stderr } = await inside('/scripts/engine down --remove');
    expect(exitCode, stderr).toBe(0);
    const { stdout: running } = await docker('exec', NAME, 'ps', '-eo', 'comm=');
    expect(running.split('\n')).toEqual(['docker-init', 'sleep', 'ps']);
    expect((await inside('ls /engine/openclaw-image/engine 2>/dev/null; ls -A ~/.docker/cli-plugins')).stdout).toBe('');
    const { docker: command, environment } = firstEngine();
    expect((await execa(command, ['version'], { env: environment })).exitCode).toBe(0);
  });
});
