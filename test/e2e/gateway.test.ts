import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { docker, run } from '../support/command.ts';
import { freePort } from '../support/free-port.ts';

const built = JSON.parse(inject('built'));

describe('npm run image:build', () => {
  it('prints one JSON object with the name, the digest and the layers', async () => {
    expect(built.names).toEqual(['openclaw:local']);
    expect(built.digest).toMatch(/^sha256:[a-f0-9]{64}$/);
    expect(built.gateway.version).toMatch(/^2\d{3}\.\d+\.\d+/);
    expect(built.layers.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['system', 'dependencies', 'control-ui', 'server']),
    );
    expect(built.size).toBeGreaterThan(100_000_000);
  });

  it('leaves the named image in the engine', async () => {
    const { stdout } = await docker('image', 'inspect', 'openclaw:local', '--format', '{{.Id}}');
    expect(stdout).toBe(built.digest);
  });

  it('reports that nothing changed', async () => {
    const { exitCode, stdout, stderr } = await run(['build']);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Nothing changed since the last build');
    expect(stdout).toContain(built.digest);
    expect(stdout).toContain('scripts/run verify openclaw:local');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are what must not be there
    expect(stdout + stderr).not.toMatch(/\u001b\[/);
  });

  it('gives the same image under another name, with every layer from the cache', async () => {
    const { stdout, stderr } = await run(['build', '--tag', 'openclaw-image-test:again']);
    expect(stdout).not.toMatch(/ {2}new {2}/);
    expect(stderr).toContain('(cached)');
    const layers = async (name: string) =>
      (await docker('image', 'inspect', name, '--format', '{{json .RootFS.Layers}}')).stdout;
    expect(await layers('openclaw-image-test:again')).toBe(await layers('openclaw:local'));
    await docker('image', 'rm', 'openclaw-image-test:again');
  });

  it('prints a framed warning if the base is not the pinned one', async () => {
    const { stderr } = await run(['build', '--base', 'bootstrap']);
    expect(stderr).toMatch(/^!{40,}\n! .*BOOTSTRAPPED/m);
  });
});

describe('the image', () => {
  const token = randomBytes(16).toString('hex');
  let address = '';
  let name = '';

  beforeAll(async () => {
    const port = await freePort();
    address = `http://127.0.0.1:${port}`;
    const { stdout } = await docker(
      'run',
      '--detach',
      '--publish',
      `127.0.0.1:${port}:18789`,
      '--env',
      `OPENCLAW_GATEWAY_TOKEN=${token}`,
      'openclaw:local',
    );
    name = stdout.trim();
    for (let attempt = 0; attempt < 240; attempt += 1) {
      if (
        await fetch(`${address}/healthz`).then(
          (answer) => answer.ok,
          () => false,
        )
      )
        return;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    throw new Error((await docker('logs', name)).stderr);
  });
  afterAll(async () => {
    await docker('rm', '--force', '--volumes', name);
  });

  it('answers /healthz', async () => {
    expect(await fetch(`${address}/healthz`).then((answer) => answer.json())).toEqual({ ok: true, status: 'live' });
  });

  it('answers /readyz', async () => {
    const answer = await fetch(`${address}/readyz`);
    expect([200, 503]).toContain(answer.status);
    expect(await answer.json()).toHaveProperty('ready');
  });

  it('serves the Control UI', async () => {
    const page = await fetch(`${address}/`).then((answer) => answer.text());
    expect(page).toMatch(/<html[\s\S]*openclaw/i);
  });

  it('has a command line that connects to the gateway with the token', async () => {
    const { stdout, stderr, exitCode } = await docker('exec', name, 'openclaw', 'health', '--json');
    expect(exitCode, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  });

  it('has files that its own user cannot change', async () => {
    const { stdout } = await docker(
      'exec',
      name,
      'sh',
      '-c',
      'touch /app/openclaw.mjs 2>&1; find /app -user node | head -1; find /app -perm -o+w ! -type l | head -1',
    );
    expect(stdout).toBe("touch: cannot touch '/app/openclaw.mjs': Permission denied");
  });
});

describe('image:verify', () => {
  it('passes every check', async () => {
    const { exitCode, stdout } = await run(['verify', 'openclaw:local', '--json']);
    const { results, passed, source } = JSON.parse(stdout);
    expect(results.filter(({ outcome }: { outcome: { passed: boolean } }) => !outcome.passed)).toEqual([]);
    expect({ exitCode, passed, source }).toEqual({ exitCode: 0, passed: true, source: 'engine' });
    expect(results.length).toBeGreaterThanOrEqual(25);
  });
});

describe('image:verify --identity', () => {
  const verify = async (identities: string) => {
    const { stdout, stderr } = await run(['verify', 'openclaw:local', '--identity', identities, '--json']);
    const { results } = JSON.parse(stdout || '{"results":[]}') as {
      results: { row: string; status: string; name: string }[];
    };
    expect(results.length, stderr).toBeGreaterThan(0);
    return results.filter(({ row }) => row === 'identity').map(({ name, status }) => `${name}: ${status}`);
  };

  it('starts and uses the image as another user, as it is and hardened', async () => {
    expect(await verify('99:100')).toEqual(['identity 99:100 plain: passed', 'identity 99:100 hardened: passed']);
  });

  it('does so for every user that is supported', { tags: ['nightly'] }, async () => {
    const outcomes = await verify('all');
    expect(outcomes).toHaveLength(8);
    for (const outcome of outcomes) expect(outcome).toMatch(/: passed$/);
  });

  it('refuses a name', async () => {
    const { exitCode, stderr } = await run(['verify', 'openclaw:local', '--identity', 'node']);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('--identity: "node" is not a list of user and group ids');
  });
});

describe("Docker's health check", () => {
  it.each([
    ['a port of the environment', ['--env', 'OPENCLAW_GATEWAY_PORT=19000'], []],
    ['a port of the command line', [], ['node', 'openclaw.mjs', 'gateway', '--allow-unconfigured', '--port', '19001']],
    ['a proxy in the environment', ['--env', 'http_proxy=http://192.0.2.1:3128'], []],
  ])('finds the gateway with %s', async (_, options, command) => {
    const token = ['--env', `OPENCLAW_GATEWAY_TOKEN=${randomBytes(16).toString('hex')}`];
    const { stdout } = await docker('run', '--detach', ...token, ...options, 'openclaw:local', ...command);
    const health = () => docker('inspect', '--format', '{{.State.Health.Status}}', stdout);
    await expect.poll(async () => (await health()).stdout, { timeout: 120_000, interval: 1000 }).toBe('healthy');
    await docker('rm', '--force', stdout);
  });
});
