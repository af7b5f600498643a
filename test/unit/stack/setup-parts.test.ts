import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

// Functions of scripts/docker/setup. Docker answers as each test says.

const PARTS = join(import.meta.dirname, '../../../scripts/docker/setup');

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-parts-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs a line of shell with the functions of setup. */
function run(
  line: string,
  args: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
  input = '',
) {
  const parts = ['engine-address', 'engine', 'installation', 'dot-env', 'answers', 'files', 'gateway', 'closing'];
  const script = `set -euo pipefail
root=${folder} lock=${folder}/.setup.lock container_engine=docker compose_command='docker compose' partial=''
fail() { printf '%s\\n' "$@" >&2; exit 1; }
refuse() { printf '%s\\n' "$@" >&2; exit 1; }
note() { :; }
link_target() { printf %s "$1"; }
${parts.map((part) => `. ${PARTS}/${part}.sh`).join('\n')}
${line}`;
  return execa('bash', ['-c', script, 'bash', ...args], {
    input,
    env: { PATH: process.env['PATH'], HOME: folder, ...environment },
    extendEnv: false,
    reject: false,
  });
}

describe('another container has the state', () => {
  it.each([
    ['the same folder', '/home/me/.openclaw>/home/node/.openclaw', 0],
    ['the same folder, at another place', '/home/me/.openclaw>/data', 0],
    ['the folder as Docker Desktop shows it', '/host_mnt/home/me/.openclaw>/home/node/.openclaw', 0],
    ['the home folder', '/home/me>/home/node', 0],
    ['the folder of all homes', '/home>/home', 1],
    ['the home folder, at another place', '/home/me>/backup', 1],
    ['another folder', '/home/me/.other>/home/node/.openclaw', 1],
    ['nothing', '', 1],
  ])('%s', async (_, mount, status) => {
    const line = 'mounts_folder "$1" /home/me/.openclaw /home/node/.openclaw';
    expect((await run(line, [mount])).exitCode).toBe(status);
  });
});

it('another Docker Engine of this host has the state: refused, with the command that stops its container', async () => {
  const socket = join(folder, 'docker.sock');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  await mkdir(join(folder, 'bin'));
  const docker = `#!/bin/sh
case $* in
"--host unix://${socket} ps "*) echo id1 ;;
"--host unix://${socket} container inspect "*) echo "/other|theirs|/srv/other|/home/me/.openclaw>/home/node/.openclaw|" ;;
esac
`;
  await writeFile(join(folder, 'bin/docker'), docker, { mode: 0o755 });
  const line = `project_name=mine built='' image=x config_dir=/home/me/.openclaw secret_dir=/home/me/.secrets engine_host=unix:///elsewhere
has_other_engine() { false; }; refuse_other_installations`;
  const environment = { PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, XDG_RUNTIME_DIR: folder };
  const { exitCode, stderr } = await run(line, [], environment);
  server.close();
  expect(exitCode).toBe(1);
  expect(stderr).toContain('is in use by the gateway of another installation, in /srv/other');
  expect(stderr).toContain(`docker --host unix://${socket} stop other`);
});

describe('a network that a Compose file expects', () => {
  const compose = `name: x
services:
  openclaw-gateway:
    networks:
      default: null
networks:
  default:
    name: proxy
    external: true
  other:
    name: x_other
volumes:
  home:
    name: my-home
`;
  it('is named if it does not exist, before anything is written', async () => {
    const { exitCode, stderr } = await run('docker() { false; }; refuse_missing_external', [], {}, compose);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /network proxy\nis external in a Compose file, and does not exist\n.*docker network create proxy/,
    );
  });

  it('passes if it exists, and Compose creates the others', async () => {
    const line = 'docker() { [ "$*" = "network inspect proxy" ]; }; refuse_missing_external';
    expect((await run(line, [], {}, compose)).exitCode).toBe(0);
  });
});

it.each([
  ['chown: /data: Read-only file system', 'mount the file system for writing'],
  ['mkdir: No space left on device', 'df -h /srv'],
  ['Error response from daemon: Mounts denied: /srv/oc', 'Docker Desktop'],
  ['chown: Operation not permitted', 'as root: chown'],
])('says what helps against %s', async (message, hint) => {
  expect((await run('writing_hint "$1" "$2" "$3"', ['/srv/oc', message, 'as root: chown'])).stdout).toContain(hint);
});

it.each([
  ['Error response from daemon: no space left on device', 'fix that problem'],
  ['Config invalid: gateway.port', 'openclaw.json'],
])('blames openclaw.json only for what the gateway says: %s', async (message, hint) => {
  expect((await run('gateway_command_hint "$1"', [message])).stdout).toContain(hint);
});

it.each([
  ['DOCKER_HOST', { DOCKER_HOST: 'ssh://h' }, 'unset DOCKER_HOST'],
  ['DOCKER_CONTEXT', { DOCKER_CONTEXT: 'far' }, 'unset DOCKER_CONTEXT'],
  ['the context', {}, 'docker context use default'],
])('says how to leave an engine on another machine that %s names', async (_, environment, command) => {
  const line = 'docker() { printf ssh://h; }; find_engine_host; local_engine_command';
  expect((await run(line, [], environment)).stdout).toBe(command);
});

describe('a file that setup writes as root', () => {
  // After sudo. Only root can give a file away.
  it.runIf(process.getuid?.() === 0)('belongs to the owner of the former one, or of the folder', async () => {
    await chmod(folder, 0o755);
    await chown(folder, 12345, 12345);
    const path = join(folder, '.env');
    for (const owner of [12345, 23456]) {
      const { stderr } = await run('write_file "$1" "$2"', [path, `A=${owner}\n`]);
      const { uid, mode } = await stat(path);
      expect([stderr, uid, mode & 0o777, await readFile(path, 'utf8')]).toEqual([
        '',
        owner === 12345 ? 12345 : 23456,
        0o600,
        `A=${owner}\n`,
      ]);
      await chown(path, 23456, 23456);
    }
  });
});

describe("the login of the user's Compose files", () => {
  const login = async (override: string): Promise<string> => {
    await mkdir(join(folder, '.setup.lock'), { recursive: true });
    await writeFile(join(folder, 'compose.override.yml'), '');
    const ours =
      'services:\n  openclaw-gateway:\n    environment:\n      OPENCLAW_GATEWAY_TOKEN: abc\n      OPENCLAW_GATEWAY_PASSWORD: ""\n  x:\n';
    const line = `overrides=(compose.override.yml); read_by_compose() { printf '%s' "$OURS"; }; find_login_of_override "$1"; printf '%s,%s' "$override_token" "$override_password"`;
    return (await run(line, [ours.replace(/OPENCLAW.*: .*\n.*OPENCLAW.*: .*\n/, override)], { OURS: ours })).stdout;
  };

  it.each([
    ['nothing', 'OPENCLAW_GATEWAY_TOKEN: abc\n      OPENCLAW_GATEWAY_PASSWORD: ""\n', ','],
    ['a token', 'OPENCLAW_GATEWAY_TOKEN: other\n      OPENCLAW_GATEWAY_PASSWORD: ""\n', 'yes,'],
    ['a password', 'OPENCLAW_GATEWAY_TOKEN: abc\n      OPENCLAW_GATEWAY_PASSWORD: secret\n', ',yes'],
  ])('%s is found', async (_, override, found) => {
    expect(await login(override)).toBe(found);
  });
});

it('goes on if the container of the gateway is removed while setup asks about it', async () => {
  const line = `. ${PARTS}/update.sh; gateway_container() { echo 1; }; inspect_containers() { :; }; image_id() { :; }; image_version() { :; }
snapshot_dir=$root/snapshots recovered='' kept_image=kept; find_installed_image; printf '%s,%s' "$installed_id" "$is_guessed"`;
  await writeFile(join(folder, '.env'), 'OPENCLAW_IMAGE=openclaw:local\n');
  const { stdout, stderr } = await run(line);
  expect([stdout, stderr]).toEqual([',yes', '']);
});

it.each([
  ['of the current context', '', 'unix:///run/user/1000/docker.sock', 'unix:///run/user/1000/docker.sock'],
  ['of DOCKER_HOST', 'unix:///srv/docker.sock', 'unix:///run/docker.sock', 'unix:///srv/docker.sock'],
  ['of Docker Desktop: not that of the host', '', 'unix:///home/me/.docker/desktop/docker.sock', ''],
])("the sandbox mounts the engine's socket %s", async (_, host, context, expected) => {
  const line = `engine_host='${context}' OSTYPE=linux-gnu; mountable_socket`;
  const { stdout } = await run(line, [], { DOCKER_HOST: host });
  expect(stdout).toBe(expected);
});

it('the first of many lines is printed, and the program that writes them ends well', async () => {
  const line = '{ echo one; sleep 0.1; seq 100000; echo >&2 written; } | first_line';
  const { exitCode, stdout, stderr } = await run(line);
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: 'one', stderr: 'written' });
});

it('a setup that waits names the process of the other one, also if it has not written it yet', async () => {
  const line = `say() { printf '%s\\n' "$*"; }; locked=''
mkdir "$lock"; sleep 3 & other=$!; (sleep 0.3; printf %s "$other" >"$lock/process") &
take_lock; printf 'other=%s\\n' "$other"`;
  const { exitCode, stdout, stderr } = await run(line);
  expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
  const [, other = ''] = /^other=(\d+)$/m.exec(stdout) ?? [];
  expect(stdout).toContain(`Waiting for another setup in this folder (process ${other})`);
});
