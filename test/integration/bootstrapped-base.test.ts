import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bootstrapBase, bootstrapNodeVersion } from '../../build/base/bootstrap.ts';
import { docker, engine, inImage } from '../support/command.ts';

const request = (onStep: (step: string) => void) => ({
  engine: engine(),
  builder: undefined,
  platforms: [],
  listener: { onStep, onProgress: () => {} },
  signal: undefined,
});
const IMAGE = 'openclaw-image-test:base';
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-base-'));
  const base = await bootstrapBase(request(() => {}));
  const { docker: command, environment } = engine();
  await execa(
    command,
    [
      'buildx',
      'build',
      '--builder',
      'default',
      '--load',
      '--tag',
      IMAGE,
      '--build-context',
      `base=${base.context}`,
      '--file',
      '-',
      folder,
    ],
    {
      input: 'FROM base\n',
      env: environment,
      extendEnv: false,
    },
  );
});
afterAll(async () => {
  await docker('image', 'rm', IMAGE);
  await rm(folder, { recursive: true, force: true });
});

describe('a bootstrapped base', () => {
  it.each([
    ['Debian 12', '. /etc/os-release; echo $VERSION_CODENAME', 'bookworm'],
    ['the Node that is pinned', 'node --version', `v${bootstrapNodeVersion()}`],
    ['NODE_VERSION, as official images set it', 'echo $NODE_VERSION', bootstrapNodeVersion()],
    ['the user node, 1000', 'id -u node; id -g node; getent passwd node | cut -d: -f6', '1000\n1000\n/home/node'],
    [
      "the official images' places",
      'ls -d /usr/local/bin/node /usr/local/bin/nodejs /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack | wc -l',
      '5',
    ],
    ['global packages in /usr/local', 'npm root --global', '/usr/local/lib/node_modules'],
    ['headers for native addons', 'ls /usr/local/include/node/node.h', '/usr/local/include/node/node.h'],
    [
      'no manual pages, now or later',
      'ls /usr/share/man 2>/dev/null | wc -l; grep -c path-exclude /etc/dpkg/dpkg.cfg.d/docker',
      '0\n6',
    ],
    [
      'no apt lists and no options of its making',
      'ls /var/lib/apt/lists | grep -c Packages; ls /etc/apt/apt.conf.d | grep -c mmdebstrap',
      '0\n0',
    ],
  ])('has %s', async (_, line, answer) => {
    expect((await inImage(IMAGE, line, '0')).stdout).toBe(answer);
  });

  it('has npm and corepack that start', async () => {
    const { stdout, exitCode } = await inImage(IMAGE, 'npm --version && corepack --version');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n\d+\.\d+\.\d+$/);
  });

  it('is reused', async () => {
    const steps: string[] = [];
    await bootstrapBase(request((step) => void steps.push(step)));
    expect(steps).toEqual([]);
  });
});
