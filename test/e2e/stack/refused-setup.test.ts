import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSetup } from '../../../build/stack/check-setup.ts';
import { SETUP_VARIABLES } from '../../../build/stack/setup-values.ts';
import { makeInstallation, type TestInstallation } from '../../installation.ts';
import { BAD_VALUES } from '../../unit/stack/bad-values.ts';

// Whatever passes the checks ends at the image, which is not loaded: so nothing may be written by any of these.
const NEVER = 'openclaw-image-test:never-loaded';
/** What a shell or YAML would make something of; the plan is asked about all the others (test/unit/stack/plan-setup.test.ts). */
const SHARP = BAD_VALUES.filter(([name]) => ['a YAML list', 'quotes', 'a command'].includes(name));

let here: TestInstallation;
/** With the toolchain's Node: a container for each of hundreds of checks would take minutes, and decide the same. */
let withNode: Record<string, string>;

beforeAll(async () => {
  here = await makeInstallation('refused');
  withNode = { OPENCLAW_IMAGE: NEVER, PATH: `${here.environment['PATH']}:${process.execPath.replace(/\/[^/]*$/, '')}` };
});
afterAll(() => here.remove());

describe('scripts/docker/setup.sh refuses or takes literally, and writes nothing', () => {
  it.concurrent.each(SETUP_VARIABLES.filter((name) => name !== 'OPENCLAW_IMAGE'))('%s', async (variable) => {
    for (const [name, value] of SHARP) {
      const { exitCode, said } = await here.setup({ ...withNode, OPENCLAW_SKIP_ONBOARDING: '1', [variable]: value });
      expect({ name, exitCode }, said).toEqual({ name, exitCode: 2 });
      expect(said, name).toMatch(/^Nothing was started: /);
      // What the plan refuses is refused by its name; what it takes goes on as far as the image.
      const given = {
        HOME: here.home,
        DOCKER_HOST: here.environment['DOCKER_HOST'] ?? '',
        OPENCLAW_IMAGE: NEVER,
        [variable]: value,
      };
      const { problems } = checkSetup({
        environment: new Map(Object.entries(given)),
        dotEnv: '',
        project: here.project,
        present: new Set(),
        terminal: false,
      });
      const named = [...said.matchAll(/^ {2}([A-Z_]+) /gm)].map(([, source]) => source);
      const missing = variable === 'OPENCLAW_EXTRA_MOUNTS' ? variable : 'OPENCLAW_IMAGE';
      expect(named, said).toEqual(problems.length > 0 ? problems.map(({ source }) => source) : [missing]);
      expect(said).not.toMatch(/syntax error|command not found|unbound variable|No such file/);
    }
  });

  it('has run nothing of it, and written nothing', async () => {
    expect(existsSync('/tmp/openclaw-pwned')).toBe(false);
    expect((await readdir(here.project)).sort()).toEqual(['build', 'docker-compose.yml', 'dockerfiles', 'scripts']);
    expect(await readdir(here.home)).toEqual([]);
  });

  it('names everything that is wrong at once, and never a secret', async () => {
    const { exitCode, said } = await here.setup({
      ...withNode,
      OPENCLAW_GATEWAY_PORT: 'eighty',
      OPENCLAW_GATEWAY_TOKEN: 'hunter2 hunter2',
      OPENCLAW_EXTRA_MOUNTS: 'media:/media',
    });
    expect({ exitCode }, said).toEqual({ exitCode: 2 });
    expect(said).toContain('3 things are wrong');
    expect(said).not.toContain('hunter2');
  });

  it.each([
    ['an option that is none', { args: ['--frobnicate'] }, {}, 'is no option of setup'],
    ['a mount that is not there', {}, { OPENCLAW_EXTRA_MOUNTS: '/no/such/folder:/x' }, 'does not exist on this host'],
    ['an engine that is not there', {}, { DOCKER_HOST: 'unix:///no/such.sock' }, 'no engine answers'],
    ['an image that is not loaded', {}, {}, 'is not loaded, and --offline pulls nothing'],
  ])('refuses %s', async (_, options, environment, reason) => {
    const { exitCode, said } = await here.setup(
      { ...withNode, OPENCLAW_SKIP_ONBOARDING: '1', ...environment },
      options,
    );
    expect({ exitCode }, said).toEqual({ exitCode: 2 });
    expect(said).toContain(reason);
  });

  it('refuses to onboard where nobody can be asked', async () => {
    const { exitCode, said } = await here.setup(withNode);
    expect({ exitCode }, said).toEqual({ exitCode: 2 });
    expect(said).toMatch(/OPENCLAW_SKIP_ONBOARDING[\s\S]*there is no terminal to ask on/);
  });

  it('explains itself: --help', async () => {
    const { exitCode, said } = await here.setup({}, { args: ['--help'] });
    expect(exitCode).toBe(0);
    expect(said).toContain('usage: scripts/docker/setup.sh');
  });
});
