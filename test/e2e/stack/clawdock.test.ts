import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { cacheFolder } from '../../../build/cache-folder.ts';
import { docker, ROOT } from '../../support/command.ts';
import { testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman } from '../../support/podman.ts';

const TOOLS = cacheFolder('test-tools');

let here: TestInstallation;
/** A copy in the home folder, as the guide installs it. It must search for the project. */
let helpers = '';
let project = '';

const SHELLS = {
  bash: { command: 'bash', args: ['--norc', '--noprofile', '-c'], environment: {} },
  zsh: {
    command: join(TOOLS, 'bin/zsh'),
    args: ['-f', '-c'],
    environment: {
      MODULE_PATH: join(TOOLS, 'usr/lib/x86_64-linux-gnu/zsh/5.9'),
      FPATH: ['Completion', 'Completion/Base', 'Completion/Zsh', 'Misc']
        .map((name) => join(TOOLS, 'usr/share/zsh/functions', name))
        .join(':'),
    },
  },
} as const;

/** Runs a line in a new shell that has sourced the helpers. */
async function type(shell: keyof typeof SHELLS, line: string, input = '') {
  const { command, args, environment } = SHELLS[shell];
  const { exitCode, stdout, stderr } = await execa(command, [...args, `source '${helpers}'; ${line}`], {
    cwd: here.home,
    env: { ...here.environment, PATH: `${here.environment['PATH']}:/usr/bin:/bin`, ...environment },
    extendEnv: false,
    reject: false,
    input,
  });
  return { exitCode, stdout, stderr };
}

beforeAll(async () => {
  await execa(join(ROOT, 'scripts/debian-unpack'), ['bookworm', TOOLS, 'zsh', 'zsh-common']);
  here = await makeInstallation('clawdock', 'with Node', testGateway());
  project = here.project;
  await mkdir(join(here.home, '.clawdock'));
  helpers = join(here.home, '.clawdock/clawdock-helpers.sh');
  await cp(join(ROOT, 'scripts/clawdock/clawdock-helpers.sh'), helpers);
  const { exitCode, output } = await here.setup({
    OPENCLAW_SKIP_ONBOARDING: '1',
    ...here.ports,
    GEMINI_API_KEY: 'hunter2-gemini',
  });
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  // The gateway is live before it is ready, and before Docker's first check.
  const limits = { timeout: 240_000, interval: 250 };
  await vi.waitUntil(async () => (await answers('readyz')) === 200, limits);
  await vi.waitUntil(async () => (await health()) === 'healthy', limits);
});
afterAll(() => here.remove());

const answers = (path: string): Promise<number> =>
  fetch(`http://127.0.0.1:${here.port}/${path}`).then(
    ({ status }) => status,
    () => 0,
  );
const health = async (): Promise<string> =>
  (await docker('inspect', '--format', '{{.State.Health.Status}}', await here.container())).stdout;
const token = async (): Promise<string> =>
  /^OPENCLAW_GATEWAY_TOKEN=(.*)$/m.exec(await readFile(join(project, '.env'), 'utf8'))?.[1] ?? '';

describe.each(['bash', 'zsh'] as const)('clawdock in %s', (shell) => {
  it('finds the project by its container, and stores its folder', async () => {
    const { exitCode, stdout, stderr } = await type(shell, 'clawdock-status');
    expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
    // Podman's API does not list the health.
    expect(stdout).toContain(onPodman() ? 'Up ' : '(healthy)');
    expect(await readFile(join(here.home, '.clawdock/config'), 'utf8')).toBe(`${project}\n`);
  });

  it('calls the gateway: health, token, devices, CLI, exec', async () => {
    const line = `clawdock-health && clawdock-token && clawdock-devices --json && clawdock-cli config get gateway.bind && clawdock-exec id -u && echo id -un | clawdock-shell && clawdock-logs --follow=false --tail 1`;
    const { exitCode, stdout, stderr } = await type(shell, line);
    expect({ exitCode }, stdout + stderr).toEqual({ exitCode: 0 });
    expect(stdout).toMatch(/healthz +200 /);
    expect(stdout).toContain(`\n${await token()}\n`);
    expect(stdout).toContain('"pending": []');
    expect(stdout).toMatch(/\nlan\n1000\nnode\n.+$/);
  });

  it('prints the configuration without secrets', async () => {
    const { stdout, stderr } = await type(shell, 'clawdock-show-config');
    expect(stdout, stderr).toContain('OPENCLAW_GATEWAY_TOKEN=********');
    expect(stdout).toContain('GEMINI_API_KEY=********');
    expect(stdout).toContain('"bind": "lan"');
    expect(stdout + stderr).not.toContain(await token());
    expect(stdout + stderr).not.toContain('hunter2');
  });

  it('lists what clean would remove, and removes nothing without a confirmation', async () => {
    const { exitCode, stderr } = await type(shell, 'clawdock-clean', 'n\n');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/This removes:[\s\S]*It keeps:[\s\S]*nothing was removed/);
    expect(await here.container()).not.toBe('');
  });

  it('changes to its folders', async () => {
    const { stdout } = await type(shell, 'for place in cd config workspace; do (clawdock-$place && pwd -P); done');
    expect(stdout.split('\n')).toEqual([project, here.config, join(here.config, 'workspace')]);
  });

  it('requires a request to approve, and explains commands that do not apply', async () => {
    expect(await type(shell, 'clawdock-approve')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('the request is missing'),
    });
    expect(await type(shell, 'clawdock-approve no-such-request')).toMatchObject({ exitCode: 1 });
    expect(await type(shell, 'clawdock-rebuild')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('is pulled, not built here'),
    });
  });

  it('lists every command in its help', async () => {
    const { stdout } = await type(shell, 'clawdock-help');
    const defined = (await readFile(helpers, 'utf8')).matchAll(/^(clawdock-[a-z-]+)\(\)/gm);
    const names = [...defined].map(([, name = '']) => name);
    expect(names.length).toBe(22);
    expect(names.filter((name) => !stdout.includes(name))).toEqual([]);
  });
});

describe('clawdock', () => {
  it('prints the address of the Control UI with the port of the host', async () =>
    expect((await type('bash', 'clawdock-dashboard')).stdout).toBe(`http://127.0.0.1:${here.port}/`));

  it('completes in bash', async () => {
    const { stdout } = await type(
      'bash',
      'complete -p clawdock-cli; _clawdock_complete clawdock-cli dev; echo "${COMPREPLY[*]}"',
    );
    expect(stdout).toBe('complete -F _clawdock_complete clawdock-cli\ndevices');
  });

  it('completes in zsh', async () => {
    const line =
      'autoload -Uz compinit && compinit -u -D; source "$HOME/.clawdock/clawdock-helpers.sh"; print -- ${_comps[clawdock-cli]}; compadd() { print -- "$@"; }; words=(clawdock-cli dev); _clawdock_complete';
    const { stdout, stderr } = await type('zsh', line);
    expect(stdout, stderr).toMatch(/^_clawdock_complete\n-- agent .* devices /);
  });

  it('uses existing overlays if .env does not name them', async () => {
    await writeFile(
      join(project, 'docker-compose.extra.yml'),
      'services:\n  openclaw-gateway:\n    labels:\n      extra: "1"\n',
    );
    const { stdout } = await type('bash', '_clawdock_compose config');
    expect(stdout).toContain('extra: "1"');
    await writeFile(join(project, 'docker-compose.extra.yml'), 'services: {}\n');
  });

  it.skipIf(onPodman()).each(['bash', 'zsh'] as const)('refuses an engine on another machine, in %s', async (shell) => {
    const { exitCode, stderr } = await type(shell, 'DOCKER_HOST=ssh://me@host.example.org clawdock-start');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^clawdock: DOCKER_HOST: host\.example\.org is an engine on another machine\. Choose/);
  });

  it('stops, starts, restarts, and fixes a token in the configuration', async () => {
    expect(await type('bash', 'clawdock-stop && clawdock-start')).toMatchObject({ exitCode: 0 });
    const path = join(here.config, 'openclaw.json');
    await expect.poll(() => answers('healthz'), { timeout: 240_000, interval: 500 }).toBe(200);
    const config = JSON.parse(await readFile(path, 'utf8'));
    await writeFile(
      path,
      JSON.stringify({ ...config, gateway: { ...config.gateway, auth: { mode: 'token', token: 'another-one' } } }),
    );
    const fixed = await type('bash', 'clawdock-fix-token');
    expect(fixed, fixed.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(await readFile(path, 'utf8')).gateway.auth.token).toMatchObject({
      source: 'env',
      id: 'OPENCLAW_GATEWAY_TOKEN',
    });
  });

  it("runs one command of the CLI with Docker's default capabilities, and does not affect the gateway", async () => {
    await expect.poll(() => answers('readyz'), { timeout: 240_000, interval: 250 }).toBe(200);
    const inspect = async (id: string): Promise<string> =>
      (await docker('inspect', '--format', '{{json .HostConfig.CapDrop}}', id)).stdout;
    const running = execa(
      join(project, 'scripts/docker/cli-no-dropped-caps.sh'),
      ['gateway', 'probe', '--timeout', '60000'],
      {
        env: here.environment,
        extendEnv: false,
        reject: false,
      },
    );
    const labels = [`project=openclaw-test-${here.port}`, 'service=openclaw-cli', 'oneoff=True'];
    const filters = labels.flatMap((label) => ['--filter', `label=com.docker.compose.${label}`]);
    const started = () => docker('ps', '--quiet', ...filters).then(({ stdout }) => stdout);
    // The container lives for less than a second, so it may be gone when it is inspected.
    const capabilities = () => started().then((id) => (id === '' ? '' : inspect(id)));
    expect(await vi.waitUntil(capabilities, { timeout: 30_000, interval: 20 })).toBe(onPodman() ? '[]' : 'null');
    expect(await inspect(await here.container())).toContain(onPodman() ? 'CAP_SETUID' : 'ALL');
    const { exitCode, stdout, stderr } = await running;
    expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
    expect(stdout).toContain('Connect: ok');
  });

  it('finds the project after it was moved', async () => {
    const moved = join(here.home, 'code/openclaw-image');
    await mkdir(join(here.home, 'code'));
    await rename(project, moved);
    project = moved;
    const { exitCode, stdout, stderr } = await type('zsh', 'clawdock-status');
    expect({ exitCode }, stderr).toEqual({ exitCode: 0 });
    expect(stderr).toContain(`does not exist any more; using the project in ${moved}`);
    // Compose treats it as the same project, although its folder is another one.
    expect(stdout).toContain('openclaw-gateway');
    await type('bash', 'clawdock-clean', 'y\n');
    expect(
      (
        await docker(
          'ps',
          '--all',
          '--quiet',
          '--filter',
          `label=com.docker.compose.project=openclaw-test-${here.port}`,
        )
      ).stdout,
    ).toBe('');
    await rename(moved, here.project);
  });
});
