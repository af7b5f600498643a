import { cp, mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import { dockerConfigFolder } from '../../build/engine/engine.ts';
import { readDotEnv } from '../../build/stack/dot-env.ts';
import { docker as dockerCommand, ROOT } from './command.ts';
import { freePort } from './free-port.ts';
import { IMAGE_OF, type TestGateway } from './gateway.ts';

/** All that a host needs: no Node, no Python, no openssl among them. */
const COMMANDS = [
  ...[
    'bash',
    'sh',
    'cat',
    'chmod',
    'cp',
    'dirname',
    'basename',
    'env',
    'grep',
    'head',
    'id',
    'ls',
    'mkdir',
    'mktemp',
    'mv',
  ],
  ...['rm', 'sed', 'sleep', 'tail', 'tr', 'wc'],
];

interface SetupOptions {
  readonly args?: readonly string[];
  readonly input?: string;
}

/** A folder of its own with this project's stack, data and ports, as somebody has it who set the gateway up. */
export interface TestInstallation {
  /** The gateway's, by a name of its own. */
  readonly image: string;
  /** Holds project and home. */
  readonly folder: string;
  readonly project: string;
  readonly home: string;
  readonly config: string;
  readonly port: number;
  /** The variables of both its ports. */
  readonly ports: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** `scripts/docker/setup.sh --offline`; what is given is added to ports and home. */
  readonly setup: (
    environment?: Readonly<Record<string, string>>,
    options?: SetupOptions,
  ) => Promise<{ readonly exitCode: number | undefined; readonly said: string }>;
  readonly compose: (
    ...args: readonly string[]
  ) => Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>;
  /** A command of the CLI's, without a terminal. */
  readonly cli: (...args: readonly string[]) => ReturnType<TestInstallation['compose']>;
  readonly dotEnv: () => Promise<ReadonlyMap<string, string>>;
  readonly container: () => Promise<string>;
  /** Node for a host that began without. */
  readonly giveNode: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/**
 * @param name of the installation; its image has a name of its own, whatever other tests do to that of others
 * @param host setup makes its decisions with the host's Node, or with the one in the image, which takes longer and decides the same
 */
export async function makeInstallation(
  name: string,
  host: 'with Node' | 'without Node',
  gateway: TestGateway = 'whole',
): Promise<TestInstallation> {
  const image = `openclaw-image-test:stack-${name}`;
  await dockerCommand('tag', IMAGE_OF[gateway], image);
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-stack-'));
  const project = join(folder, 'openclaw-image');
  const [home, bin, config] = [join(folder, 'home'), join(folder, 'bin'), join(folder, 'home/.openclaw')];
  await Promise.all([project, home, bin].map((path) => mkdir(path)));
  await cp(join(ROOT, 'docker-compose.yml'), join(project, 'docker-compose.yml'));
  for (const part of ['build', 'scripts', 'dockerfiles']) await symlink(join(ROOT, part), join(project, part));
  const { docker, host: engine } = inject('engine');
  for (const command of COMMANDS) await symlink((await execa('which', [command])).stdout, join(bin, command));
  await symlink(docker, join(bin, 'docker'));
  const giveNode = (): Promise<void> => symlink(process.execPath, join(bin, 'node'));
  if (host === 'with Node') await giveNode();
  const port = await freePort();
  const ports = { OPENCLAW_GATEWAY_PORT: String(port), OPENCLAW_BRIDGE_PORT: String(await freePort()) };
  const environment = {
    PATH: bin,
    HOME: home,
    DOCKER_HOST: engine,
    DOCKER_CONFIG: dockerConfigFolder(),
    COMPOSE_PROGRESS: 'quiet',
    COMPOSE_PROJECT_NAME: `openclaw-test-${port}`,
  };
  const compose: TestInstallation['compose'] = async (...args) => {
    // As a user types it: .env alone says what the stack is.
    const { COMPOSE_PROJECT_NAME: _, ...plain } = environment;
    const { exitCode, stdout, stderr } = await execa('docker', ['compose', ...args], {
      cwd: project,
      env: plain,
      extendEnv: false,
      reject: false,
      stdin: 'ignore',
      preferLocal: true,
      localDir: bin,
    });
    return { exitCode, stdout, stderr };
  };
  return {
    image,
    folder,
    project,
    home,
    config,
    port,
    ports,
    environment,
    setup: async (given = {}, { args = ['--offline'], input = '' } = {}) => {
      const { exitCode, all } = await execa(join(project, 'scripts/docker/setup.sh'), args, {
        cwd: folder,
        env: { ...environment, OPENCLAW_IMAGE: image, ...given },
        extendEnv: false,
        reject: false,
        all: true,
        input,
      });
      return { exitCode, said: all };
    },
    compose,
    cli: (...args) => compose('run', '-T', '--rm', 'openclaw-cli', ...args),
    dotEnv: async () => readDotEnv(await readFile(join(project, '.env'), 'utf8')),
    container: async () => (await compose('ps', '--quiet', 'openclaw-gateway')).stdout,
    giveNode,
    remove: async () => {
      // By its name alone, from where no file says what it is: also what the files no longer name.
      await execa(
        'docker',
        ['compose', '--project-name', environment.COMPOSE_PROJECT_NAME, 'down', '--volumes', '--timeout', '2'],
        { cwd: bin, env: environment, extendEnv: false, preferLocal: true, localDir: bin },
      );
      await dockerCommand('image', 'rm', '--force', image);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
