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

it('ends well after SIGKILL at every step, with the same token and data', async () => {
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
  /** Every run asks for something else, so that every file is written anew, wherever the run before was killed. */
  const asked = (run: number) => ({
    ...settings,
    OPENCLAW_EXTRA_MOUNTS: `${mounted}:/mounted-${run}`,
    OPENCLAW_TZ: `Etc/GMT+${run}`,
  });
  const tokens = new Set<string>();
  for (const [run, step] of STEPS.entries()) {
    const child = execa(join(here.project, 'scripts/docker/setup.sh'), ['--offline'], {
      env: { ...here.environment, ...asked(run) },
      extendEnv: false,
      reject: false,
      all: true,
      detached: true,
      stdin: 'ignore',
    });
    let said = '';
    child.all.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      // The whole group: what it has started is not to go on for it.
      if (said.includes(step) && child.pid !== undefined) {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It is gone already.
        }
      }
    });
    const { signal } = await child;
    expect({ step, signal }, said).toEqual({ step, signal: 'SIGKILL' });
    const dotEnv = await here.dotEnv();
    expect(dotEnv.get('MY_OWN_KEY')).toBe('mine');
    const token = dotEnv.get('OPENCLAW_GATEWAY_TOKEN');
    if (token !== undefined) tokens.add(token);
    // What Compose is told exists, at every moment.
    expect((await here.compose('config', '--quiet')).exitCode, `after ${step}`).toBe(0);
  }
  const { exitCode, said } = await here.setup(asked(STEPS.length));
  expect({ exitCode }, said).toEqual({ exitCode: 0 });
  tokens.add((await here.dotEnv()).get('OPENCLAW_GATEWAY_TOKEN') ?? '');
  expect([...tokens]).toHaveLength(1);
  expect((await fetch(`http://127.0.0.1:${here.port}/healthz`)).status).toBe(200);
  expect(await readFile(join(here.config, 'workspace/mine.txt'), 'utf8')).toBe('my work');
  const left = (await readdir(here.project)).filter((name) => name.includes('.setup.'));
  expect(left).toEqual([]);
});
