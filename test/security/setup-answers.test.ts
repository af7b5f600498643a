import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extraOverlay, sandboxOverlay } from '../../build/stack/compose-overlay.ts';
import { parseExtraMounts } from '../../build/stack/extra-mounts.ts';
import { SETUP_VARIABLES } from '../../build/stack/setup-values.ts';
import {
  type Answers,
  CHECKED,
  changed,
  checkAnswers,
  ENV_FILE,
  LOADED_PARTS,
  PLANNED,
} from '../support/setup-answers.ts';

const PARTS = join(import.meta.dirname, '../../scripts/docker/setup');

let root = '';
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'openclaw-image-answers-')), 'openclaw');
  await mkdir(root);
});
afterEach(() => rm(dirname(root), { recursive: true, force: true }));

const check = (question: 'check' | 'plan', answers: Answers, environment?: Readonly<Record<string, string>>) =>
  checkAnswers(root, question, answers, environment);

/** Answers with an overlay, which .env names too. */
const withOverlay = (name: 'extra' | 'sandbox', content: string): Answers => [
  ...changed(PLANNED, `${name}_overlay`, content).filter(([known]) => known !== 'env_file'),
  ['env_file', `${ENV_FILE}COMPOSE_FILE=docker-compose.yml:docker-compose.${name}.yml\n`],
  ['compose_file', `docker-compose.${name}.yml`],
];

describe('the answers of an image', () => {
  it('pass if they are what the user asked for', async () => {
    expect(await check('check', CHECKED)).toEqual({ exitCode: 0, stderr: '' });
    expect(await check('plan', PLANNED)).toEqual({ exitCode: 0, stderr: '' });
  });

  it('pass with every mount that build/stack writes', async () => {
    const mounts = '/srv/media:/media:ro, /srv/a b$c"d\\e:/data/ ,/srv/z:/z:z';
    const extra = extraOverlay('my-home', parseExtraMounts(mounts).mounts) ?? '';
    const environment = { OPENCLAW_EXTRA_MOUNTS: mounts, OPENCLAW_HOME_VOLUME: 'my-home' };
    expect(await check('plan', withOverlay('extra', extra), environment)).toEqual({ exitCode: 0, stderr: '' });
    const sandbox = withOverlay('sandbox', sandboxOverlay('/var/run/docker.sock', 998));
    expect(await check('plan', sandbox, { OPENCLAW_SANDBOX: '1' })).toEqual({ exitCode: 0, stderr: '' });
  });

  it('pass with the lines of .env that were there before', async () => {
    const text = `MINE='a b'\n# mine\n${ENV_FILE}`;
    await writeFile(join(root, '.env'), text);
    expect(await check('plan', changed(PLANNED, 'env_file', text))).toEqual({ exitCode: 0, stderr: '' });
  });

  it.each<[string, 'check' | 'plan', string, string]>([
    ['another configuration folder', 'check', 'config_dir', '/'],
    ['another image', 'check', 'image', 'somebody/else:latest'],
    ['another socket', 'check', 'socket', '/run/other.sock'],
    ['a variable of the shell', 'check', 'export', 'LD_PRELOAD=/tmp/x.so'],
    ['plugins that the user did not name', 'check', 'export', 'OPENCLAW_EXTENSIONS=evil'],
    ['root as the user', 'check', 'uid', '0'],
    ['a group that the user did not name', 'check', 'gid', '998'],
    ['an address that the user did not name', 'check', 'host_address', '192.0.2.1'],
    ['a label that is more than a label', 'check', 'selinux_label', 'z,rw'],
    ['another folder for snapshots', 'check', 'snapshot_dir', '/etc'],
    ['another number of snapshots', 'check', 'snapshots', '0; reboot'],
    ['a sandbox that the user did not ask for', 'check', 'sandbox', 'yes'],
    ['another project name', 'check', 'project_name', 'somebody-elses'],
    ['a build of another image', 'check', 'built', 'sometimes'],
    ['a port that the user did not name', 'check', 'gateway_port', '22'],
    ['a privileged container', 'plan', 'extra_overlay', 'services:\n  openclaw-gateway:\n    privileged: true\n'],
    ['the whole disk', 'plan', 'extra_overlay', extraOverlay(undefined, parseExtraMounts('/:/host').mounts) ?? ''],
    ['the socket without a sandbox', 'plan', 'sandbox_overlay', sandboxOverlay('/var/run/docker.sock', 998)],
    ['another folder in .env', 'plan', 'env_file', `${ENV_FILE}OPENCLAW_CONFIG_DIR=/etc\n`],
    ['another image in .env', 'plan', 'env_file', `${ENV_FILE}OPENCLAW_IMAGE=somebody/else\n`],
    ['a Compose file in .env', 'plan', 'env_file', `${ENV_FILE}COMPOSE_FILE=docker-compose.yml:/tmp/evil.yml\n`],
    ['a variable of Docker in .env', 'plan', 'env_file', `${ENV_FILE}DOCKER_HOST=tcp://evil.example.org\n`],
    ['a token that Compose expands', 'plan', 'env_file', `${ENV_FILE}OPENCLAW_GATEWAY_TOKEN=$\{HOME}\n`],
    ['a value that Compose expands', 'plan', 'env_file', `${ENV_FILE}OPENCLAW_TZ="$\{HOME}"\n`],
    [
      'a quote that reaches over lines',
      'plan',
      'env_file',
      `${ENV_FILE}OPENCLAW_GATEWAY_BIND='lan\nOPENCLAW_GATEWAY_TOKEN=' OPENCLAW_WORKSPACE_DIR=/ #'\n${ENV_FILE}`,
    ],
    ['a quote that is not closed', 'plan', 'env_file', `${ENV_FILE}OPENCLAW_GATEWAY_BIND="lan\n`],
    ['a second setting after a quote', 'plan', 'env_file', `${ENV_FILE}OPENCLAW_GATEWAY_TOKEN='a' OPENCLAW_UID='0'\n`],
    ['terminal sequences in what is printed', 'plan', 'credential', '\u001b[8mhidden'],
    ['another scheme', 'plan', 'scheme', 'javascript'],
    ['a .env without the bind', 'plan', 'env_file', ENV_FILE.replace('OPENCLAW_GATEWAY_BIND=lan\n', '')],
    ['another Compose file', 'plan', 'compose_file', '/tmp/evil.yml'],
    ['a folder elsewhere', 'plan', 'directory', '/home/me/.openclaw/../.ssh'],
  ])('are refused before anything is written: %s', async (_, question, name, value) => {
    const { exitCode, stderr } = await check(question, changed(question === 'check' ? CHECKED : PLANNED, name, value));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('The image gave an answer that setup does not write');
  });
});

it.each(['OPENCLAW_A[$(touch RAN)]', 'OTEL_A[`touch RAN`]', 'A[$(touch RAN)]_API_KEY', 'OPENCLAW_A B'])(
  'are refused with the name %s in .env, and run no command',
  async (form) => {
    const ran = join(root, 'ran');
    const line = `${form.replace('RAN', ran)}=\n`;
    const { exitCode, stderr } = await check('plan', changed(PLANNED, 'env_file', `${ENV_FILE}${line}`));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('The image gave an answer that setup does not write');
    await expect(access(ran)).rejects.toThrow('ENOENT');
  },
);

it('know the variables that setup reads', async () => {
  const line = '. "$1"; printf %s "$setup_variables"';
  const { stdout } = await execa('bash', ['-c', line, 'bash', join(PARTS, 'variables.sh')]);
  expect(stdout.split(' ').sort()).toEqual([...SETUP_VARIABLES].sort());
});

describe('answers that drop what the user asked for are refused', () => {
  it('a given address', async () => {
    const { exitCode, stderr } = await check('plan', PLANNED, { OPENCLAW_HOST_ADDRESS: '127.0.0.1' });
    expect({ exitCode }, stderr).toEqual({ exitCode: 1 });
    expect(stderr).toContain('a .env without OPENCLAW_HOST_ADDRESS');
  });

  it('not for a line of a variable that setup never writes', async () => {
    const text = `BRAVE_API_KEY=old\nOTEL_MINE="a$b"\n${ENV_FILE}`;
    await writeFile(join(root, '.env'), text);
    const answers = changed(PLANNED, 'env_file', text);
    const environment = { BRAVE_API_KEY: 'new', OTEL_MINE: 'new' };
    expect(await check('plan', answers, environment)).toEqual({ exitCode: 0, stderr: '' });
  });

  it.each([
    ['OPENCLAW_HOST_ADDRESS', '0.0.0.0', '127.0.0.1'],
    ['OPENCLAW_IMAGE_TRUST', 'unsigned', 'release'],
    ['export OPENCLAW_TZ', 'UTC', 'Asia/Taipei'],
  ])('for a line of .env that is kept: %s=%s, and %s is given', async (name, kept, given) => {
    const text = `${name}=${kept}\n${ENV_FILE}`;
    await writeFile(join(root, '.env'), text);
    const answers = changed(PLANNED, 'env_file', text);
    const variable = name.replace('export ', '');
    expect(await check('plan', answers, { [variable]: kept })).toEqual({ exitCode: 0, stderr: '' });
    const { exitCode, stderr } = await check('plan', answers, { [variable]: given });
    expect({ exitCode }, stderr).toEqual({ exitCode: 1 });
    expect(stderr).toContain(variable);
  });

  it('for the last of two lines', async () => {
    const [all, own] = ['OPENCLAW_HOST_ADDRESS=0.0.0.0\n', 'OPENCLAW_HOST_ADDRESS=127.0.0.1\n'];
    await writeFile(join(root, '.env'), `${all}${own}${ENV_FILE}`);
    const kept = await check('plan', changed(PLANNED, 'env_file', `${all}${own}${ENV_FILE}`));
    expect(kept).toEqual({ exitCode: 0, stderr: '' });
    const { exitCode, stderr } = await check('plan', changed(PLANNED, 'env_file', `${own}${all}${ENV_FILE}`));
    expect({ exitCode }, stderr).toEqual({ exitCode: 1 });
    expect(stderr).toContain('OPENCLAW_HOST_ADDRESS');
  });

  it('for a line of a value that has several', async () => {
    const text = `MINE="a\nb"\n${ENV_FILE}`;
    await writeFile(join(root, '.env'), text);
    expect(await check('plan', changed(PLANNED, 'env_file', text))).toEqual({ exitCode: 0, stderr: '' });
    const { exitCode } = await check('plan', changed(PLANNED, 'env_file', text.replace('\nb"', '')));
    expect(exitCode).toBe(1);
  });

  it.each([
    [
      'hides settings in a token of several lines',
      "OPENCLAW_GATEWAY_TOKEN='x\nOPENCLAW_HOST_ADDRESS=127.0.0.1\n'\n",
      '',
    ],
    ['hides a setting of the user in a value of several lines', '', "MY.KEY='a\nOPENCLAW_HOST_ADDRESS=127.0.0.1\nb'\n"],
  ])('for an answer that %s', async (_, added, split) => {
    const own = "MY.KEY='a\nb'\nOPENCLAW_HOST_ADDRESS=127.0.0.1\n";
    if (split !== '') await writeFile(join(root, '.env'), `${own}${ENV_FILE}`);
    const answer = changed(PLANNED, 'env_file', `${split}${ENV_FILE}${added}`);
    const environment = split === '' ? { OPENCLAW_HOST_ADDRESS: '127.0.0.1' } : {};
    expect((await check('plan', answer, environment)).exitCode).toBe(1);
  });

  it('for COMPOSE_FILE that does not name what this run writes', async () => {
    const listed = (line: string): Answers => [
      ...changed(PLANNED, 'env_file', `${line}${ENV_FILE}`).filter(([name]) => name !== 'compose_file'),
      ...['docker-compose.yml', 'my.override.yml'].map((file) => ['compose_file', file] as const),
    ];
    const mine = 'COMPOSE_FILE=docker-compose.yml:my.override.yml\n';
    await writeFile(join(root, '.env'), `${mine}${ENV_FILE}`);
    expect(await check('plan', listed(mine))).toEqual({ exitCode: 0, stderr: '' });
    for (const line of ['', 'COMPOSE_FILE=docker-compose.yml\n'])
      expect((await check('plan', listed(line))).exitCode, line).toBe(1);
    expect((await check('plan', changed(listed(mine), 'compose_file', 'docker-compose.yml'))).exitCode).toBe(1);
  });

  it('for an overlay that is not among the Compose files', async () => {
    const environment = { OPENCLAW_HOME_VOLUME: 'mine' };
    const answer = changed(PLANNED, 'extra_overlay', extraOverlay('mine', []) ?? '');
    expect((await check('plan', answer, environment)).exitCode).toBe(1);
  });

  it('for Compose files in another order', async () => {
    await writeFile(join(root, 'compose.override.yml'), 'services: {}\n');
    const listed = (...files: readonly string[]): Answers => [
      ...PLANNED.filter(([name]) => name !== 'compose_file'),
      ...files.map((file) => ['compose_file', file] as const),
    ];
    const right = await check('plan', listed('docker-compose.yml', 'compose.override.yml'));
    expect(right).toEqual({ exitCode: 0, stderr: '' });
    expect((await check('plan', listed('compose.override.yml', 'docker-compose.yml'))).exitCode).toBe(1);
  });

  it('a given token', async () => {
    const { exitCode, stderr } = await check('plan', PLANNED, { OPENCLAW_GATEWAY_TOKEN: 'given' });
    expect({ exitCode }, stderr).toEqual({ exitCode: 1 });
    expect(stderr).not.toContain('abc123');
  });

  it('the override', async () => {
    await writeFile(join(root, 'docker-compose.override.yml'), 'services: {}\n');
    const { exitCode, stderr } = await check('plan', PLANNED);
    expect({ exitCode }, stderr).toEqual({ exitCode: 1 });
    expect(stderr).toContain('Compose files without docker-compose.override.yml');
  });
});

/** Runs the real setup.ts for both questions, and checks its answers as those of an image. */
async function askRealSetup(environment: Readonly<Record<string, string>>, dotEnv?: string, config = '') {
  if (dotEnv !== undefined) await writeFile(join(root, '.env'), dotEnv);
  const script = `set -euo pipefail
root=$1
decider=gateway:latest offline='' problems='' answers=() inputs=()
image='' built='' config_dir='' workspace_dir='' secret_dir='' sandbox='' socket='' bind='' project_name='' gateway_port='' bridge_port='' uid='' gid='' host_address='' selinux_label='' snapshot_dir='' snapshots=''
env_file='' extra_overlay='' sandbox_overlay=''
${LOADED_PARTS}
in_container() { false; }
run_decider() { printf '%s\\0' "\${inputs[@]}" | node --disable-warning=ExperimentalWarning ${PARTS}/../../../build/setup.ts "$1"; }
gather_inputs
decide check
take image config_dir workspace_dir secret_dir sandbox socket bind project_name gateway_port bridge_port uid gid
[ -z "$2" ] || input file:openclaw.json "$2"
decide plan`;
  const { exitCode, stderr } = await execa('bash', ['-c', script, 'bash', root, config], {
    env: { PATH: process.env['PATH'], HOME: '/home/me', OPENCLAW_SKIP_ONBOARDING: '1', ...environment },
    extendEnv: false,
    reject: false,
  });
  return { exitCode, stderr };
}

describe('the answers of the real setup.ts', () => {
  it.each<[string, Readonly<Record<string, string>>, string?, string?]>([
    ['without any setting', {}],
    ['with a configuration folder only', { OPENCLAW_CONFIG_DIR: '/srv/oc' }],
    ['with switches in words', { OPENCLAW_SKIP_ONBOARDING: 'true', OPENCLAW_DISABLE_BONJOUR: 'no' }],
    ['with a key and a token', { ANTHROPIC_API_KEY: 'sk-a b', OPENCLAW_GATEWAY_TOKEN: 'my-token' }],
    ['with a mount and a volume', { OPENCLAW_EXTRA_MOUNTS: '/tmp:/media:ro', OPENCLAW_HOME_VOLUME: 'my-home' }],
    ['with mounts in .env that are removed', { OPENCLAW_EXTRA_MOUNTS: '' }, 'OPENCLAW_EXTRA_MOUNTS=/tmp:/media\n'],
    ['with a port in .env that is removed', { OPENCLAW_GATEWAY_PORT: '' }, 'OPENCLAW_GATEWAY_PORT=18000\n'],
    [
      'with a .env of a person',
      {},
      '# mine\nexport OPENCLAW_TZ="UTC" # home\nOPENCLAW_GATEWAY_BIND = loopback\nMINE=1\n',
    ],
    ['with a .env that has CRLF', {}, 'OPENCLAW_TZ=UTC\r\nMINE=1\r\n'],
    ['with plugins for the build', { OPENCLAW_EXTENSIONS: 'slack matrix', OPENCLAW_INSTALL_BROWSER: 'yes' }],
    ['with a token of other characters', {}, '', '{"gateway":{"auth":{"token":"p@ss!w#rd&more"}}}'],
    ['with a token in a variable', {}, "MINE='it$#!'\n", '{"gateway":{"auth":{"token":"${MINE}"}}}'],
    ['with quotes in .env', {}, 'OPENCLAW_CONFIG_DIR="/srv/it\'s mine"\nOTEL_SERVICE_NAME="a \\"b\\" \\\\ c"\n'],
    ['with an apostrophe in what is given', { OTEL_SERVICE_NAME: "it's & more", ANTHROPIC_API_KEY: "it's" }],
    ['with a user of a NAS, and an empty newer variable', { OPENCLAW_UID: '' }, 'PUID=99\nPGID=100\n'],
    ['with colons in .env', {}, 'OPENCLAW_TZ: Europe/Berlin\nOPENCLAW_GATEWAY_PORT: 18000\n'],
    [
      'with COMPOSE_FILE in the environment',
      { COMPOSE_FILE: 'other.yml' },
      'COMPOSE_FILE=docker-compose.yml:mine.yml\n',
    ],
    [
      'with a value of several lines',
      { OTEL_SERVICE_NAME: 'x' },
      'OTEL_SERVICE_NAME="a\nsecret line\nb"\nMINE="c\nd"\n',
    ],
    ['with a file of the user that is named like an override', {}, 'COMPOSE_FILE=docker-compose.yml:my.override.yml\n'],
    ['with a name in a value of several lines', {}, 'MINE="a\nOPENCLAW_GATEWAY_PORT=99\nb"\n'],
    ['with a space in the name of a Compose file', {}, 'COMPOSE_FILE="docker-compose.yml:my file.yml"\n'],
    ['with an address for all', { OPENCLAW_HOST_ADDRESS: '[::]' }],
    ['with a sandbox', { OPENCLAW_SANDBOX: 'off' }],
    ['with a former name of a variable', { OPENCLAW_DOCKER_APT_PACKAGES: 'jq' }, 'OPENCLAW_IMAGE_APT_PACKAGES=curl\n'],
  ])('pass %s', async (_, environment, dotEnv, config) => {
    expect(await askRealSetup(environment, dotEnv, config)).toEqual({ exitCode: 0, stderr: '' });
  });
});
