import { describe, expect, it } from 'vitest';
import { checkSetup } from '../../../build/stack/check-setup.ts';
import { configWrites } from '../../../build/stack/gateway-config.ts';
import { planSetup } from '../../../build/stack/plan-setup.ts';
import type { SetupInput } from '../../../build/stack/setup-values.ts';

const input = (environment: Record<string, string> = {}, more: Partial<SetupInput> = {}): SetupInput => ({
  environment: new Map(Object.entries({ HOME: '/home/me', ...environment })),
  dotEnv: '',
  project: '/srv/openclaw-image',
  present: new Set(),
  terminal: true,
  ...more,
});
const problemsOf = (given: SetupInput): readonly string[] => checkSetup(given).problems.map(({ source }) => source);

describe('what the user set', () => {
  const planOf = (given: SetupInput, config: unknown = undefined) => planSetup(given, config, undefined, () => 'new');

  it('names the variable for an address in a port', () => {
    const [problem] = checkSetup(input({ OPENCLAW_GATEWAY_PORT: '127.0.0.1:18789' })).problems;
    expect(problem?.hint).toBe('write the port alone, and the address in OPENCLAW_HOST_ADDRESS=127.0.0.1');
  });

  it.each([
    ['', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['[::]', '[::1]'],
    ['192.0.2.7', '192.0.2.7'],
  ])('OPENCLAW_HOST_ADDRESS=%s answers at %s', (given, address) =>
    expect(checkSetup(input(given === '' ? {} : { OPENCLAW_HOST_ADDRESS: given })).hostAddress).toBe(address),
  );

  it('a former name that is given now counts more than the newer name in .env', () => {
    const given = input({ OPENCLAW_DOCKER_APT_PACKAGES: 'ffmpeg' }, { dotEnv: 'OPENCLAW_IMAGE_APT_PACKAGES=jq\n' });
    expect(checkSetup(given).buildVariables.get('OPENCLAW_IMAGE_APT_PACKAGES')).toBe('');
    expect(checkSetup(given).buildVariables.get('OPENCLAW_DOCKER_APT_PACKAGES')).toBe('ffmpeg');
    expect(planOf(given).dotEnv).not.toContain('OPENCLAW_IMAGE_APT_PACKAGES');
  });

  it.each(['compose.override.yml', 'compose.override.yaml', 'docker-compose.override.yaml'])(
    '%s is used, as Compose does',
    (name) => {
      const present = new Set([name]);
      expect(planOf(input({}, { present })).composeFiles).toEqual(['docker-compose.yml', name]);
    },
  );

  it.each([
    ['localhost', false],
    [' ', false],
    ['::', false],
    ['0.0.0.0', true],
  ])('gateway.customBindHost %j: %s', (customBindHost, isValid) => {
    const given = input({ OPENCLAW_GATEWAY_BIND: 'custom', OPENCLAW_SKIP_ONBOARDING: '1' });
    const { problems } = planOf(given, { gateway: { customBindHost } });
    expect(problems.map(({ source }) => source)).toEqual(isValid ? [] : ['OPENCLAW_GATEWAY_BIND']);
  });

  it('refuses a login with which the gateway does not start', () => {
    const { problems } = planOf(input({ OPENCLAW_SKIP_ONBOARDING: '1' }), { gateway: { auth: { mode: 'none' } } });
    expect(problems).toMatchObject([{ source: 'openclaw.json: gateway.auth', value: 'none' }]);
  });

  it.each([
    ['"/srv/it\'s/${HOME}"', true],
    ["'/srv/${HOME}'", false],
    ['/srv/${HOME}', true],
    ['/srv/x # ${HOME}', false],
    ['"/srv/a \\$b"', false],
  ])('in .env, OPENCLAW_CONFIG_DIR=%s refers to another variable: %s', (value, refers) => {
    const problems = problemsOf(input({}, { dotEnv: `OPENCLAW_CONFIG_DIR=${value}\n` }));
    expect(problems.includes('OPENCLAW_CONFIG_DIR')).toBe(refers);
  });
});

describe('origins follow the port', () => {
  const follow = (origins: readonly string[], port: number, former?: number) =>
    configWrites(
      { gateway: { mode: 'local', bind: 'lan', controlUi: { allowedOrigins: origins } } },
      {
        ...{ bind: 'lan', port, token: 't', sandbox: undefined },
        ...(former === undefined ? {} : { former: { port: former, origins: [] } }),
      },
    ).flatMap((write) => ('value' in write ? (write.value as readonly string[]) : []));
  const own = (port: number) => [`http://localhost:${port}`, `http://127.0.0.1:${port}`];

  it.each<[string, readonly string[], number | undefined, readonly string[]]>([
    [
      "after the user's, with a port that was edited by hand",
      ['https://a.example', ...own(1)],
      undefined,
      ['https://a.example', ...own(2)],
    ],
    ['in the other order', own(1).toReversed(), undefined, own(2).toReversed()],
    ['only one of both', ['https://a.example', 'http://localhost:1'], 1, ['https://a.example', 'http://localhost:2']],
    [
      "but not the user's on another port",
      ['http://localhost:3000', ...own(1)],
      1,
      ['http://localhost:3000', ...own(2)],
    ],
  ])('%s', (_, origins, former, expected) => expect(follow(origins, 2, former)).toEqual(expected));
});
