import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ROOT } from '../../support/command.ts';

// ClawDock with a docker that writes down how it was called. The same commands run on a real engine in test/e2e/stack/clawdock.test.ts.

let folder = '';
let project = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-clawdock-'));
  project = join(folder, 'first');
  await mkdir(join(folder, 'bin'));
  for (const path of ['docker/setup', 'clawdock']) await mkdir(join(project, 'scripts', path), { recursive: true });
  await writeFile(join(project, 'docker-compose.yml'), 'services:\n  openclaw-gateway:\n');
  for (const path of [
    'docker/setup/engine-address.sh',
    'docker/cli-no-dropped-caps.sh',
    'clawdock/clawdock-helpers.sh',
  ])
    await symlink(join(ROOT, 'scripts', path), join(project, 'scripts', path));
  const docker = `#!/bin/sh
case $1 in context) echo unix:///var/run/docker.sock ;; ps) ;; *) echo "project=\${COMPOSE_PROJECT_NAME:-} image=\${OPENCLAW_IMAGE:-} $*" >>'${folder}/calls' ;; esac
`;
  await writeFile(join(folder, 'bin/docker'), docker);
  await chmod(join(folder, 'bin/docker'), 0o755);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a line with the helpers. @returns standard error, and how docker was called */
async function clawdock(line: string, environment: Readonly<Record<string, string>> = {}) {
  const helpers = join(ROOT, 'scripts/clawdock/clawdock-helpers.sh');
  const { stderr } = await execa('bash', ['-c', `. ${helpers}; ${line}`], {
    env: { PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, HOME: folder, CLAWDOCK_DIR: project, ...environment },
    extendEnv: false,
    reject: false,
  });
  return { stderr, calls: await readFile(join(folder, 'calls'), 'utf8').catch(() => '') };
}

it('uses the project name and the image of .env, not those of another installation in the shell', async () => {
  await writeFile(join(project, '.env'), 'COMPOSE_PROJECT_NAME=first\nOPENCLAW_IMAGE=openclaw:local\n');
  const { calls } = await clawdock('clawdock-start', { COMPOSE_PROJECT_NAME: 'second', OPENCLAW_IMAGE: 'other' });
  expect(calls).toBe('project= image= compose up --detach openclaw-gateway\n');
});

it('uses the project name of the shell if .env has none', async () => {
  await writeFile(join(project, '.env'), 'OPENCLAW_IMAGE=openclaw:local\n');
  expect((await clawdock('clawdock-start', { COMPOSE_PROJECT_NAME: 'mine' })).calls).toMatch(/^project=mine /);
});

it.each(['clawdock-show-config', 'clawdock-token', 'clawdock-start'])(
  '%s runs no container on an engine on another machine',
  async (command) => {
    const { stderr, calls } = await clawdock(command, { DOCKER_HOST: 'ssh://me@example.org' });
    expect(calls).toBe('');
    if (command !== 'clawdock-token') expect(stderr).toContain('Choose the one of this machine: unset DOCKER_HOST');
  },
);

it('runs no program that .env names as the engine', async () => {
  await writeFile(join(folder, 'evil'), `#!/bin/sh\ntouch ${folder}/ran\n`, { mode: 0o755 });
  await writeFile(join(project, '.env'), `CONTAINER_ENGINE=${folder}/evil\n`);
  await clawdock('clawdock-status; clawdock-show-config');
  await expect(readFile(join(folder, 'ran'))).rejects.toThrow('ENOENT');
});

it('keeps the overlay of a user who has written one, for a command with all capabilities', async () => {
  const overlay = join(project, 'docker-compose.cli-no-dropped-caps.local.yml');
  const run = 'scripts/docker/cli-no-dropped-caps.sh plugins list';
  await clawdock(`cd ${project}; ${run}`);
  expect(await readFile(overlay, 'utf8')).toBe('services:\n  openclaw-cli:\n    cap_drop: !reset []\n');
  await writeFile(overlay, 'mine');
  const { calls } = await clawdock(`cd ${project}; ${run}`);
  expect(await readFile(overlay, 'utf8')).toBe('mine');
  expect(calls).toContain('compose run --rm -T openclaw-cli plugins list');
});
