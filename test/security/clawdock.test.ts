import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { $ } from 'zx';

const HELPERS = join(import.meta.dirname, '../../scripts/clawdock/clawdock-helpers.sh');

let folder = '';
let project = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-clawdock-'));
  project = join(folder, 'project');
  await mkdir(join(project, 'below'), { recursive: true });
  await mkdir(join(folder, 'home'));
  await writeFile(join(project, 'docker-compose.yml'), 'services:\n  openclaw-gateway:\n');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/**
 * Searches a project from a folder below it.
 *
 * @param copy the helpers; by default a copy that belongs to no checkout
 */
async function find(environment: Readonly<Record<string, string>> = {}, copy = join(folder, 'helpers/a/helpers.sh')) {
  await mkdir(dirname(copy), { recursive: true });
  await $`cp ${HELPERS} ${copy}`;
  const { stdout, stderr } = await execa('bash', ['-c', `. ${copy}; _clawdock_find; echo "found $_clawdock_dir"`], {
    cwd: join(project, 'below'),
    env: { PATH: process.env['PATH'], HOME: join(folder, 'home'), DOCKER_HOST: 'unix:///nowhere', ...environment },
    extendEnv: false,
    reject: false,
  });
  return { stdout, stderr };
}

describe('a project in a parent folder', () => {
  it('is used if it belongs to this user', async () => {
    expect((await find()).stdout).toBe(`found ${project}`);
  });

  it('is skipped if everybody can change it, and named with the way out', async () => {
    await chmod(join(project, 'docker-compose.yml'), 0o666);
    const { stdout, stderr } = await find();
    expect(stdout).toBe('found ');
    expect(stderr).toContain(`skipped ${project}`);
    expect((await find({ CLAWDOCK_DIR: project })).stdout).toBe(`found ${project}`);
  });

  // Only root can give a file away.
  it.skipIf(process.getuid?.() !== 0)('is skipped if it belongs to another user', async () => {
    await $`chown 12345 ${join(project, 'docker-compose.yml')}`;
    expect((await find()).stdout).toBe('found ');
  });

  it('is skipped if everybody can change it, whatever its name is', async () => {
    const odd = join(folder, 'a[b]*');
    await rename(project, odd);
    project = odd;
    expect((await find()).stdout).toBe(`found ${odd}`);
    await rm(join(folder, 'home/.clawdock'), { recursive: true });
    await chmod(odd, 0o777);
    expect((await find()).stdout).toBe('found ');
  });

  it('is skipped if everybody can change the file to which a link leads', async () => {
    const file = join(folder, 'elsewhere.yml');
    await rename(join(project, 'docker-compose.yml'), file);
    await symlink(file, join(project, 'docker-compose.yml'));
    expect((await find()).stdout).toBe(`found ${project}`);
    await rm(join(folder, 'home/.clawdock'), { recursive: true });
    await chmod(file, 0o666);
    expect((await find()).stdout).toBe('found ');
  });

  it.skipIf(process.getuid?.() !== 0)(
    'is skipped if another user can change it, or has written a file of it',
    async () => {
      await $`chgrp 12345 ${project}`;
      await chmod(project, 0o775);
      expect((await find()).stdout).toBe('found ');
      await chmod(project, 0o755);
      expect((await find()).stdout).toBe(`found ${project}`);
      await rm(join(folder, 'home/.clawdock'), { recursive: true });
      const override = join(project, 'docker-compose.override.yml');
      await writeFile(override, 'services: {}\n');
      await $`chown 12345 ${override}`;
      expect((await find()).stdout).toBe('found ');
    },
  );
});

it.each(['scripts', 'scripts/docker/setup/engine-address.sh', 'build/setup.ts'])(
  'a project whose %s everybody can change is skipped, also one that was stored',
  async (path) => {
    const changed = join(project, path);
    await mkdir(path.includes('.') ? dirname(changed) : changed, { recursive: true });
    if (path.includes('.')) await writeFile(changed, '');
    expect((await find()).stdout).toBe(`found ${project}`);
    await chmod(changed, 0o777);
    const { stdout, stderr } = await find();
    expect(stdout).toBe('found ');
    expect(stderr).toContain(`skipped ${project}`);
  },
);

describe('helpers of a checkout', () => {
  const own = (): string => join(folder, 'checkout');
  const search = () => find({}, join(own(), 'scripts/clawdock/clawdock-helpers.sh'));
  beforeEach(async () => {
    await mkdir(own());
    await writeFile(join(own(), 'docker-compose.yml'), 'services:\n  openclaw-gateway:\n');
    // An earlier shell has used another project.
    await mkdir(join(folder, 'home/.clawdock'));
    await writeFile(join(folder, 'home/.clawdock/config'), `${project}\n`);
  });

  it('act on it if it was set up, whatever an earlier shell has stored', async () => {
    await writeFile(join(own(), '.env'), '');
    expect((await search()).stdout).toBe(`found ${own()}`);
  });

  it('act on the stored project if theirs was not set up', async () => {
    expect((await search()).stdout).toBe(`found ${project}`);
  });
});
