import { describe, expect, it } from 'vitest';
import { checkSetup } from '../../../build/stack/check-setup.ts';
import { configWrites } from '../../../build/stack/gateway-config.ts';
import { configureGateway, planSetup } from '../../../build/stack/plan-setup.ts';
import type { SetupInput } from '../../../build/stack/setup-values.ts';
import { setupInput as input } from './setup-input.ts';

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

  it.each([
    ['a token in openclaw.json', {}, true],
    ['that is replaced by another one', { OPENCLAW_GATEWAY_TOKEN: 'given' }, false],
  ])('%s counts more than a variable of a Compose file: %s', (_, given, counts) => {
    const plan = planOf(input({ ...given, OPENCLAW_SKIP_ONBOARDING: '1' }), { gateway: { auth: { token: 'theirs' } } });
    expect(plan.hasPlainToken).toBe(counts);
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
  /** The list after setup: without a write it stays. */
  const follow = (origins: readonly string[], port: number, former?: number): unknown => {
    const writes = configWrites(
      { gateway: { mode: 'local', bind: 'lan', controlUi: { allowedOrigins: origins } } },
      {
        ...{ bind: 'lan', port, token: 't', sandbox: undefined },
        ...(former === undefined ? {} : { former: { port: former, origins: [] } }),
      },
    );
    const [write] = writes.flatMap((each) => ('value' in each ? [each.value] : []));
    return write ?? origins;
  };
  const own = (port: number) => [`http://localhost:${port}`, `http://127.0.0.1:${port}`];

  it.each<[string, readonly string[], number | undefined, readonly string[]]>([
    [
      "after the user's, with a port that was edited by hand",
      ['https://a.example', ...own(1)],
      1,
      ['https://a.example', ...own(2)],
    ],
    ['in the other order', own(1).toReversed(), 1, own(2).toReversed()],
    ['only one of both', ['https://a.example', 'http://localhost:1'], 1, ['https://a.example', 'http://localhost:2']],
    [
      "but not the user's on another port",
      ['http://localhost:3000', ...own(1)],
      1,
      ['http://localhost:3000', ...own(2)],
    ],
    [
      "and a pair of the user's stays if the former port is not known",
      ['https://a.example', ...own(3000)],
      undefined,
      ['https://a.example', ...own(3000)],
    ],
    [
      'and a port that does not exist stays',
      ['http://localhost:99999', 'https://a.example'],
      1,
      ['http://localhost:99999', 'https://a.example'],
    ],
  ])('%s', (_, origins, former, expected) => expect(follow(origins, 2, former)).toEqual(expected));
});

it('the origin of the published address follows the certificate of the gateway', () => {
  const dotEnv = 'OPENCLAW_HOST_ADDRESS=192.168.1.5\n';
  const own = (scheme: string) => ['localhost', '127.0.0.1', '192.168.1.5'].map((host) => `${scheme}://${host}:18789`);
  const origins = (gateway: object) =>
    configureGateway(input({}, { dotEnv }), { gateway }, { sandbox: undefined, formerDotEnv: dotEnv }).find(
      ({ path }) => path === 'gateway.controlUi.allowedOrigins',
    );
  expect(origins({ tls: { enabled: true } })).toMatchObject({ value: own('https') });
  const withCertificate = { tls: { enabled: true }, controlUi: { allowedOrigins: own('http') } };
  expect(origins(withCertificate)).toMatchObject({ value: own('https') });
  expect(origins({ controlUi: { allowedOrigins: own('https') } })).toMatchObject({ value: own('http') });
});

it('the port that the running gateway publishes is the former one, whatever .env says now', () => {
  const config = {
    gateway: { controlUi: { allowedOrigins: ['https://a.example', 'http://localhost:1', 'http://127.0.0.1:1'] } },
  };
  const dotEnv = 'OPENCLAW_GATEWAY_PORT=2\n';
  const writes = configureGateway(input({}, { dotEnv }), config, {
    sandbox: undefined,
    formerDotEnv: dotEnv,
    publishedPort: 1,
  });
  expect(writes).toContainEqual({
    path: 'gateway.controlUi.allowedOrigins',
    value: ['https://a.example', 'http://localhost:2', 'http://127.0.0.1:2'],
  });
});
