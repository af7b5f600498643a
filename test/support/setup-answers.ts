import { join } from 'node:path';
import { execa } from 'execa';

const PARTS = join(import.meta.dirname, '../../scripts/docker/setup');
/** Shell that loads the parts of setup which read and check answers. */
export const LOADED_PARTS = `overrides=(compose.override.yml compose.override.yaml docker-compose.override.yml docker-compose.override.yaml)
fail() { printf '%s\\n' "$@" >&2; exit 1; }
${['engine', 'installation', 'decisions', 'variables', 'dot-env', 'answers'].map((part) => `. ${PARTS}/${part}.sh`).join('\n')}`;

export type Answers = readonly (readonly [string, string])[];

/**
 * Checks answers as an image gives them, with setup.sh.
 *
 * @param root folder of the project
 * @param environment what the user asked for
 */
export async function checkAnswers(
  root: string,
  question: 'check' | 'plan',
  answers: Answers,
  environment: Readonly<Record<string, string>> = {},
) {
  const script = `set -euo pipefail
root=$1 decider=gateway:latest question=$2
shift 2
answers=("$@")
inputs=(sandbox:group 998)
image=openclaw:local config_dir=/home/me/.openclaw workspace_dir=/home/me/.openclaw/workspace secret_dir=/home/me/.secrets
socket=/var/run/docker.sock bind=lan project_name=openclaw gateway_port=18789 bridge_port=18790
sandbox=\${OPENCLAW_SANDBOX:+yes} built='' uid=1000 gid=1000
${LOADED_PARTS}
check_answers "$question"`;
  const { exitCode, stderr } = await execa('bash', ['-c', script, 'bash', root, question, ...answers.flat()], {
    env: { PATH: process.env['PATH'], HOME: '/home/me', ...environment },
    extendEnv: false,
    reject: false,
  });
  return { exitCode, stderr };
}

/** Valid answers to the first question. */
export const CHECKED: Answers = [
  ['image', 'openclaw:local'],
  ['config_dir', '/home/me/.openclaw'],
  ['workspace_dir', '/home/me/.openclaw/workspace'],
  ['secret_dir', '/home/me/.openclaw-auth-profile-secrets'],
  ['gateway_port', '18789'],
  ['bridge_port', '18790'],
  ['bind', 'lan'],
  ['socket', '/var/run/docker.sock'],
  ['project_name', 'openclaw'],
  ['uid', '1000'],
  ['gid', '1000'],
  ['host_address', '127.0.0.1'],
  ['selinux_label', ''],
  ['snapshot_dir', '/home/me/.openclaw-snapshots'],
  ['snapshots', '3'],
  ['export', 'OPENCLAW_EXTENSIONS='],
];
/** A valid .env. */
export const ENV_FILE = `OPENCLAW_IMAGE=openclaw:local
OPENCLAW_CONFIG_DIR=/home/me/.openclaw
OPENCLAW_WORKSPACE_DIR=/home/me/.openclaw/workspace
OPENCLAW_AUTH_PROFILE_SECRET_DIR=/home/me/.secrets
OPENCLAW_GATEWAY_PORT=18789
OPENCLAW_BRIDGE_PORT=18790
OPENCLAW_GATEWAY_BIND=lan
OPENCLAW_GATEWAY_TOKEN=abc123
COMPOSE_PROJECT_NAME=openclaw
`;
/** Valid answers to the second question. */
export const PLANNED: Answers = [
  ['env_file', ENV_FILE],
  ['extra_overlay', ''],
  ['sandbox_overlay', ''],
  ['compose_file', 'docker-compose.yml'],
  ['directory', '/home/me/.openclaw/workspace'],
];
export const changed = (answers: Answers, name: string, value: string): Answers => [
  ...answers.filter(([known]) => known !== name),
  [name, value],
];
