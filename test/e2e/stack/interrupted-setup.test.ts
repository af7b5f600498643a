import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testGateway } from '../../support/gateway.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';

/** Messages of setup, in order. The tests kill setup after each of them. */
const STEPS = [
  'Using',
  'Writing the files of Compose',
  'wrote docker-compose.extra.yml',
  'wrote .env',
  'Changing the owner of the data',
  'Onboarding with the given API key',
  'Configuring the gateway',
  'Starting the gateway',
] as const;

let here: TestInstallation;

beforeAll(async () => {
  here = await makeInstallation('interrupted', 'with Node', testGateway());
});
afterAll(() => here.remove());

it('completes after SIGKILL at every step, with the same token and data', async () => {
  const mounted = join(here.folder, 'mounted');
  await mkdir(mounted);
  await mkdir(join(here.config, 'workspace'), { recursive: true });
  await writeFile(join(here.config, 'workspace/mine.txt'), 'my work');
  await writeFile(join(here.project, '.env'), 'MY_OWN_KEY=mine\n');
  const settings = {
    OPENCLAW_IMAGE: here.image,
    ANTHROPIC_API_KEY: 'sk-ant-not-a-real-one',
    ...here.ports,
  };
  /** Every run changes a setting, so that every file is written again. */
  const settingsOf = (run: number) => ({
    ...settings,
    OPENCLAW_EXTRA_MOUNTS: `${mounted}:/mounted-${run}`,
    OPENCLAW_TZ: `Etc/GMT+${run}`,
  });
  const tokens = new Set<string>();
  for (const [run, step] of STEPS.entries()) {
    const child = execa(join(here.project, 'scripts/docker/setup.sh'), ['--offline'], {
      env: { ...here.environment, ...settingsOf(run) },
      extendEnv: false,
      reject: false,
      all: true,
      detached: true,
      stdin: 'ignore',
    });
    let output = '';
    child.all.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      // Kills the process group, so that child processes do not continue.
      if (output.includes(step) && child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // The process has ended already.
        }
      }
    });
    const { signal } = await child;
    expect({ step, signal }, output).toEqual({ step, signal: 'SIGKILL' });
    const dotEnv = await here.dotEnv();
    expect(dotEnv.get('MY_OWN_KEY')).toBe('mine');
    const token = dotEnv.get('OPENCLAW_GATEWAY_TOKEN');
    if (token !== undefined) tokens.add(token);
    // At every moment, the files that .env names exist.
    expect((await here.compose('config', '--quiet')).exitCode, `after ${step}`).toBe(0);
  }
  const { exitCode, output } = await here.setup(settingsOf(STEPS.length));
  expect({ exitCode }, output).toEqual({ exitCode: 0 });
  tokens.add((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN') ?? '');
  expect([...tokens]).toHaveLength(1);
  expect((await fetch(`http://127.0.0.1:${here.port}/healthz`)).status).toBe(200);
  expect(await readFile(join(here.config, 'workspace/mine.txt'), 'utf8')).toBe('my work');
  const left = (await readdir(here.project)).filter((name) => name.includes('.setup.'));
  expect(left).toEqual([]);
});
