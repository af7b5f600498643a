import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSetup } from '../../../build/stack/check-setup.ts';
import { SETUP_VARIABLES } from '../../../build/stack/setup-values.ts';
import { makeInstallation, type TestInstallation } from '../../support/installation.ts';
import { onPodman, writtenIn } from '../../support/podman.ts';
import { BAD_VALUES } from '../../unit/stack/bad-values.ts';

// A request that passes all checks fails at the image, which the engine does not have. So no test here may write a file.
const NEVER = 'openclaw-image-test:never-loaded';
/** Values with a meaning in a shell or in YAML. test/unit/stack/plan-setup.test.ts covers all others. */
const SHARP = BAD_VALUES.filter(([name]) => ['a YAML list', 'quotes', 'a command'].includes(name));

let here: TestInstallation;
const settings = { OPENCLAW_IMAGE: NEVER, OPENCLAW_SKIP_ONBOARDING: '1' };

beforeAll(async () => {
  here = await makeInstallation('refused', 'with Node');
});
afterAll(() => here.remove());

/** Mounts are checked before the image. The older name of a variable applies if the newer one is not set. */
const ALONE = ['OPENCLAW_EXTRA_MOUNTS', 'OPENCLAW_DOCKER_APT_PACKAGES'] as const;
const VARIABLES = SETUP_VARIABLES.filter((name) => name !== 'OPENCLAW_IMAGE' && !ALONE.some((alone) => alone === name));
const giving = (variables: readonly string[], value: string) =>
  Object.fromEntries(variables.map((variable) => [variable, value]));
/** The variables that the plan refuses with this value. */
function problemsOf(variables: readonly string[], value: string): readonly string[] {
  const given = {
    HOME: here.home,
    DOCKER_HOST: here.environment['DOCKER_HOST'] ?? '',
    OPENCLAW_IMAGE: NEVER,
    ...giving(variables, value),
  };
  const { problems } = checkSetup({
    environment: new Map(Object.entries(given)),
    dotEnv: '',
    project: here.project,
    present: new Set(),
    terminal: false,
  });
  return problems.map(({ source }) => source);
}

describe('scripts/docker/setup.sh refuses values or takes them literally, and writes nothing', () => {
  /** Runs setup with a value in each of these variables. @returns the names of the variables that it refuses */
  async function named(variables: readonly string[], value: string): Promise<readonly (string | undefined)[]> {
    const { exitCode, output } = await here.setup({ ...settings, ...giving(variables, value) });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toMatch(/^Nothing was started: /);
    expect(output).not.toMatch(/syntax error|command not found|unbound variable|No such file/);
    return [...output.matchAll(/^ {2}([A-Z_]+): /gm)].map(([, source]) => source);
  }

  describe.each(SHARP)('%s', (_, value) => {
    // Checks each variable alone, because a refused one hides the others.
    const refuses = (variable: string): boolean => problemsOf([variable], value).length > 0;

    it('in every variable that does not allow it: refused by name', async () => {
      const refused = VARIABLES.filter(refuses);
      const names = await named(refused, value);
      expect(names).toEqual(problemsOf(refused, value));
      expect(names).toEqual(expect.arrayContaining(refused.flatMap((variable) => problemsOf([variable], value))));
      expect(refused.length).toBeGreaterThan(10);
    });

    it('in every other variable: taken literally', async () => {
      const taken = VARIABLES.filter((variable) => !refuses(variable));
      expect(await named(taken, value)).toEqual(['OPENCLAW_IMAGE']);
    });

    it.each(ALONE)('in %s: refused, or taken literally', async (variable) => {
      const problems = problemsOf([variable], value);
      const names = await named([variable], value);
      const missing = variable === 'OPENCLAW_EXTRA_MOUNTS' ? variable : 'OPENCLAW_IMAGE';
      expect(names).toEqual(problems.length > 0 ? problems : [missing]);
    });
  });

  it('executed no part of a value, and wrote nothing', async () => {
    expect(existsSync('/tmp/openclaw-pwned')).toBe(false);
    expect((await readdir(here.project)).sort()).toEqual(['build', 'docker-compose.yml', 'dockerfiles', 'scripts']);
    expect(await writtenIn(here.home)).toEqual([]);
  });

  it('lists all problems together, without a secret', async () => {
    const { exitCode, output } = await here.setup({
      OPENCLAW_IMAGE: NEVER,
      OPENCLAW_GATEWAY_PORT: 'eighty',
      OPENCLAW_GATEWAY_TOKEN: 'hunter2 hunter2',
      OPENCLAW_EXTRA_MOUNTS: 'media:/media',
    });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain('the request has 3 problems');
    expect(output).not.toContain('hunter2');
  });

  it.skipIf(onPodman())('refuses an engine that does not run', async () => {
    const { exitCode, output } = await here.setup({ ...settings, DOCKER_HOST: 'unix:///no/such.sock' });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain('DOCKER_HOST: "unix:///no/such.sock" does not answer');
  });

  it.each([
    ['an unknown option', { args: ['--frobnicate'] }, {}, 'option: "--frobnicate" does not exist'],
    ['a missing mount', {}, { OPENCLAW_EXTRA_MOUNTS: '/no/such/folder:/x' }, 'does not exist on this host'],
    ['an image that is not loaded', {}, {}, 'is not in the engine, and --offline does not pull'],
  ])('refuses %s', async (_, options, environment, reason) => {
    const { exitCode, output } = await here.setup({ ...settings, ...environment }, options);
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toContain(reason);
  });

  it('refuses onboarding without a terminal', async () => {
    const { exitCode, output } = await here.setup({ OPENCLAW_IMAGE: NEVER });
    expect({ exitCode }, output).toEqual({ exitCode: 2 });
    expect(output).toMatch(
      /OPENCLAW_SKIP_ONBOARDING[\s\S]*there is no terminal, and no API key of a provider is given/,
    );
  });

  it('prints its help', async () => {
    const { exitCode, output } = await here.setup({}, { args: ['--help'] });
    expect(exitCode).toBe(0);
    expect(output).toContain('usage: scripts/docker/setup.sh');
  });
});
