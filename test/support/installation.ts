import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { inject } from 'vitest';
import { $ } from 'zx';
import { dockerConfigFolder } from '../../build/engine/engine.ts';
import { readDotEnv } from '../../build/stack/dot-env.ts';
import { docker as dockerCommand, ROOT } from './command.ts';
import { freePort } from './free-port.ts';
import { IMAGE_OF, type TestGateway } from './gateway.ts';
import { onPodman, PODMAN_COMMANDS, podmanVariables } from './podman.ts';

/** The programs on a host without Node, Python and openssl. */
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
  ...['cksum', 'readlink', 'rm', 'sed', 'sleep', 'tail', 'tr', 'wc'],
];

interface SetupOptions {
  readonly args?: readonly string[];
  readonly input?: string;
}

/** A folder with an installation of this project: stack, data and ports. */
export interface TestInstallation {
  /** Name of the gateway's image. */
  readonly image: string;
  /** Contains project and home. */
  readonly folder: string;
  readonly project: string;
  readonly home: string;
  readonly config: string;
  readonly port: number;
  /** Variables that set both ports. */
  readonly ports: Readonly<Record<string, string>>;
  readonly environment: Readonly<Record<string, string>>;
  /** Runs `scripts/docker/setup.sh --offline` with the given variables, ports and home. */
  readonly setup: (
    environment?: Readonly<Record<string, string>>,
    options?: SetupOptions,
  ) => Promise<{ readonly exitCode: number | undefined; readonly output: string }>;
  readonly compose: (
    ...args: readonly string[]
  ) => Promise<{ exitCode: number | undefined; stdout: string; stderr: string }>;
  /** Runs a command of the CLI without a terminal. */
  readonly cli: (...args: readonly string[]) => ReturnType<TestInstallation['compose']>;
  readonly dotEnv: () => Promise<ReadonlyMap<string, string>>;
  /** Writes `.env` by hand: the image, the ports, the project name, and more variables. */
  readonly writeDotEnv: (more?: Readonly<Record<string, string>>) => Promise<void>;
  readonly container: () => Promise<string>;
  /** Adds Node to a host that had none. */
  readonly giveNode: () => Promise<void>;
  readonly remove: () => Promise<void>;
}

/**
 * @param name of the installation; its image has a separate name, so that other tests do not affect it
 * @param host whether setup runs its decisions in the host's Node, or in the image's, which is slower
 */
export async function makeInstallation(
  name: string,
  host: 'with Node' | 'without Node',
  gateway: TestGateway = 'whole',
): Promise<TestInstallation> {
  const { docker, host: engine } = inject('engine');
  const podman = onPodman();
  const image = `${podman ? 'localhost/' : ''}openclaw-image-test:stack-${name}`;
  await dockerCommand('tag', IMAGE_OF[gateway], image);
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-stack-'));
  const project = join(folder, 'openclaw-image');
  const [home, bin, config] = [join(folder, 'home'), join(folder, 'bin'), join(folder, 'home/.openclaw')];
  await Promise.all([project, home, bin].map((path) => mkdir(path)));
  await cp(join(ROOT, 'docker-compose.yml'), join(project, 'docker-compose.yml'));
  for (const part of ['build', 'scripts', 'dockerfiles']) await symlink(join(ROOT, part), join(project, part));
  for (const command of podman ? [...COMMANDS, ...PODMAN_COMMANDS] : COMMANDS)
    await symlink(String(await $`which ${command}`).trim(), join(bin, command));
  if (!podman) await symlink(docker, join(bin, 'docker'));
  const giveNode = (): Promise<void> => symlink(process.execPath, join(bin, 'node'));
  if (host === 'with Node') await giveNode();
  const port = await freePort();
  const ports = { OPENCLAW_GATEWAY_PORT: String(port), OPENCLAW_BRIDGE_PORT: String(await freePort()) };
  const environment = {
    PATH: bin,
    HOME: home,
    ...(podman ? podmanVariables() : { DOCKER_HOST: engine, DOCKER_CONFIG: dockerConfigFolder() }),
    COMPOSE_PROGRESS: 'quiet',
    COMPOSE_PROJECT_NAME: `openclaw-test-${port}`,
  };
  const [composeCommand = '', ...composeArguments] = podman
    ? [join(project, 'scripts/docker/podman-compose.sh')]
    : ['docker', 'compose'];
  const compose: TestInstallation['compose'] = async (...args) => {
    // As a user types it: only .env describes the stack.
    const { COMPOSE_PROJECT_NAME: _, ...plain } = environment;
    const { exitCode, stdout, stderr } = await execa(composeCommand, [...composeArguments, ...args], {
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
      return { exitCode, output: all };
    },
    compose,
    cli: (...args) => compose('run', '-T', '--rm', 'openclaw-cli', ...args),
    dotEnv: async () => readDotEnv(await readFile(join(project, '.env'), 'utf8')),
    writeDotEnv: (more = {}) => {
      const { COMPOSE_PROJECT_NAME } = environment;
      const lines = Object.entries({ OPENCLAW_IMAGE: image, ...ports, COMPOSE_PROJECT_NAME, ...more });
      return writeFile(join(project, '.env'), lines.map(([name, value]) => `${name}=${value}\n`).join(''));
    },
    container: async () => (await compose('ps', '--quiet', 'openclaw-gateway')).stdout,
    giveNode,
    remove: async () => {
      // Removes everything by the project's name, also what no file describes any more.
      await execa(
        composeCommand,
        [
          ...composeArguments,
          '--project-name',
          environment.COMPOSE_PROJECT_NAME,
          'down',
          '--volumes',
          '--timeout',
          '2',
        ],
        { cwd: bin, env: environment, extendEnv: false, preferLocal: true, localDir: bin },
      );
      await dockerCommand('image', 'rm', '--force', image);
      // Without root, files of other users in a container belong to numbers that this user cannot touch outside of its namespace.
      if (podman && process.getuid?.() !== 0) await execa('podman', ['unshare', 'rm', '-rf', '--', folder]);
      else await rm(folder, { recursive: true, force: true });
    },
  };
}
