import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkSetup } from '../../../build/stack/check-setup.ts';
import { readDotEnv } from '../../../build/stack/dot-env.ts';
import { configureGateway, planSetup } from '../../../build/stack/plan-setup.ts';
import { SETUP_VARIABLES, type SetupInput } from '../../../build/stack/setup-values.ts';
import { STACK_VARIABLES } from '../../../build/stack/stack-variable.ts';
import { BAD_INPUTS } from './bad-values.ts';
import { setupInput as input } from './setup-input.ts';

const plan = (given: SetupInput, config?: unknown) => planSetup(given, config, undefined, () => 'n'.repeat(64));
const problemsOf = (given: SetupInput): readonly string[] => checkSetup(given).problems.map(({ source }) => source);

const DEFAULTS = [
  ...['OPENCLAW_IMAGE', 'OPENCLAW_CONFIG_DIR', 'OPENCLAW_WORKSPACE_DIR', 'OPENCLAW_AUTH_PROFILE_SECRET_DIR'],
  ...['OPENCLAW_GATEWAY_PORT', 'OPENCLAW_BRIDGE_PORT', 'OPENCLAW_GATEWAY_BIND', 'OPENCLAW_GATEWAY_TOKEN'],
  'COMPOSE_PROJECT_NAME',
];

describe('bad input', () => {
  it('is at least two hundred', () => expect(BAD_INPUTS.length).toBeGreaterThan(200));

  it.each(BAD_INPUTS)('$variable: $name', ({ variable, value }) => {
    const given = input({ [variable]: value });
    const { problems } = checkSetup(given);
    if (problems.length > 0) {
      // Refused: by name, with a reason and a hint, and without characters that would break the line.
      for (const { source, reason, hint, value: shown } of problems) {
        expect(SETUP_VARIABLES).toContain(source);
        expect(reason).toMatch(/./);
        expect(hint).toMatch(/./);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u);
        expect(shown.length).toBeLessThan(220);
      }
      return;
    }
    // Taken literally: the written files have the usual keys and services, and this value in one place.
    const planned = plan(given);
    const read = readDotEnv(planned.dotEnv);
    const added = [...read.keys()].filter((key) => !DEFAULTS.includes(key));
    expect(added.filter((key) => key !== variable && key !== 'COMPOSE_FILE')).toEqual([]);
    if (value.trim() !== '' && STACK_VARIABLES.find(({ name }) => name === variable)?.write === undefined)
      expect(read.get(variable)).toBe(value);
    if (planned.extra !== undefined) {
      const overlay = parse(planned.extra);
      expect(Object.keys(overlay.services)).toEqual(['openclaw-gateway', 'openclaw-cli']);
      expect(Object.keys(overlay.services['openclaw-gateway'])).toEqual(['volumes']);
    }
  });

  it('of a secret is never shown', () => {
    for (const secret of ['OPENCLAW_GATEWAY_TOKEN', 'ANTHROPIC_API_KEY']) {
      const { problems } = checkSetup(input({ [secret]: 'hunter2\nhunter2' }));
      expect(problems).toMatchObject([{ source: secret, value: '(not shown)' }]);
    }
  });
});

describe('checkSetup', () => {
  it('lists every problem at once', () => {
    expect(
      problemsOf(
        input({
          OPENCLAW_GATEWAY_PORT: '99999',
          OPENCLAW_GATEWAY_BIND: '0.0.0.0',
          OPENCLAW_TZ: 'Mars/Olympus',
          OPENCLAW_IMAGE_APT_PACKAGES: 'curl; rm',
          OPENCLAW_EXTRA_MOUNTS: 'data:/data,/srv:/app',
        }),
      ),
    ).toEqual([
      ...['OPENCLAW_GATEWAY_PORT', 'OPENCLAW_GATEWAY_BIND', 'OPENCLAW_EXTRA_MOUNTS', 'OPENCLAW_EXTRA_MOUNTS'],
      ...['OPENCLAW_TZ', 'OPENCLAW_IMAGE_APT_PACKAGES'],
    ]);
  });

  it.each<[string, string, string]>([
    ['OPENCLAW_CONFIG_DIR', '/home/me', 'contains /home/me'],
    ['OPENCLAW_CONFIG_DIR', '/home/me/.ssh', 'belongs to another program'],
    ['OPENCLAW_WORKSPACE_DIR', '/home/me/.aws/x', 'belongs to another program'],
    ['OPENCLAW_AUTH_PROFILE_SECRET_DIR', '/home/me/.config', 'belongs to another program'],
    ...['.config/BraveSoftware', '.config/git', '.local/share/containers/storage', '.local/bin', '.m2', '.cache/x'].map(
      (path): [string, string, string] => ['OPENCLAW_CONFIG_DIR', `/home/me/${path}`, 'belongs to another program'],
    ),
    ['OPENCLAW_CONFIG_DIR', '/Users/x/Library/Keychains', 'belongs to another program'],
    ['OPENCLAW_SNAPSHOT_DIR', '/home/me/.ssh', 'belongs to another program'],
    ['OPENCLAW_CONFIG_DIR', '/var/lib/containers/storage', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/srv/project/.git', 'belongs to another program'],
    ['OPENCLAW_CONFIG_DIR', '/srv', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/srv/openclaw-image/', 'contains /srv/openclaw-image'],
    ['OPENCLAW_WORKSPACE_DIR', '/home/me/.openclaw', 'is the same folder as OPENCLAW_CONFIG_DIR'],
    ['OPENCLAW_SNAPSHOT_DIR', '/home/me/.openclaw/snapshots', 'is in the folder of OPENCLAW_CONFIG_DIR'],
    ['OPENCLAW_SNAPSHOT_DIR', '/home/me', 'contains the folder of OPENCLAW_CONFIG_DIR'],
    ['OPENCLAW_SNAPSHOT_DIR', 'snapshots', 'is not an absolute path'],
    ['OPENCLAW_SNAPSHOTS', '0', 'is not a number from 1'],
    ['OPENCLAW_CONFIG_DIR', '/usr/local/x', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/etc/ssh', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/var/lib/docker', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/home/other', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/Users/x', 'belongs to the system'],
    ['OPENCLAW_CONFIG_DIR', '/private/etc/x', 'belongs to the system'],
    ['OPENCLAW_EXTRA_MOUNTS', '/var/run:/x', "contains the engine's socket"],
    ['OPENCLAW_EXTRA_MOUNTS', '/:/host', "contains the engine's socket"],
    ['OPENCLAW_EXTRA_MOUNTS', '/srv:/home/node/./.openclaw/', 'has the reserved target'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'htp://user:hunter2@collector', 'is not a valid http'],
    ['OPENCLAW_BRIDGE_PORT', '18789', 'is also the port of the gateway'],
    ['OPENCLAW_EXTRA_MOUNTS', '/var/run/docker.sock:/sock', 'could control the engine'],
    ['OPENCLAW_EXTRA_MOUNTS', '/a:/x,/b:/x/', 'is the second mount on /x'],
    ['OPENCLAW_EXTRA_MOUNTS', '/a:/home/node/.openclaw', 'has the reserved target'],
    ['OPENCLAW_HOME_VOLUME', '/srv/home', 'is a path'],
    ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc', 'is not supported'],
    ['OPENCLAW_GATEWAY_BIND', '127.0.0.1', 'is not a bind mode'],
    ['OPENCLAW_HOST_ADDRESS', 'localhost', 'is not an IP address'],
    ['OPENCLAW_HOST_ADDRESS', '::1', 'is not an IP address'],
    ['OPENCLAW_SELINUX_LABEL', 'x', 'is not a label'],
    ['OPENCLAW_SELINUX_LABEL', 'Z', 'is not a label that several containers can share'],
    ['OPENCLAW_HOST_ADDRESS', '[fe80::1%eth0]', 'is not an IP address'],
    ['OPENCLAW_GATEWAY_TOKEN', 'change-me-now', 'is a placeholder'],
    ['OPENCLAW_GATEWAY_TOKEN', 'undefined', 'is a placeholder'],
    ['OPENCLAW_UID', 'node', 'is not the number of a user'],
    ['OPENCLAW_UID', '0', 'is root'],
    ['OPENCLAW_GID', '2147483648', 'is not the number of a group'],
  ])('refuses %s=%s', (variable, value, reason) => {
    expect(checkSetup(input({ [variable]: value })).problems).toMatchObject([
      { source: variable, reason: expect.stringContaining(reason) },
    ]);
  });

  it('refuses a folder of secrets that contains another folder', () => {
    const folders = { OPENCLAW_AUTH_PROFILE_SECRET_DIR: '/srv/oc', OPENCLAW_WORKSPACE_DIR: '/srv/oc/workspace' };
    expect(checkSetup(input(folders)).problems).toMatchObject([
      { source: 'OPENCLAW_AUTH_PROFILE_SECRET_DIR', reason: 'contains the folder of OPENCLAW_WORKSPACE_DIR' },
    ]);
  });

  it.each([
    ['OPENCLAW_CONFIG_DIR', "/srv/it's a $folder"],
    ['OPENCLAW_CONFIG_DIR', '/tmp/données'],
    ['OPENCLAW_EXTRA_MOUNTS', '/srv/a b:/b:ro, /c:/d:Z'],
    ['OPENCLAW_TZ', 'Asia/Taipei'],
    ['OPENCLAW_HOST_ADDRESS', '127.0.0.1'],
    ['OPENCLAW_HOST_ADDRESS', '[2001:db8::7]'],
    ['OPENCLAW_SELINUX_LABEL', 'z'],
    ['OPENCLAW_UID', '1000950000'],
    ['OPENCLAW_IMAGE', 'ghcr.io/openclaw/openclaw:latest@sha256:'.padEnd(104, 'a')],
    ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'https://user:pw@collector:4318/v1'],
    ['OPENCLAW_CONFIG_DIR', '/home/me/.config/openclaw'],
    ['OPENCLAW_CONFIG_DIR', '/home/me/.local/share/clawd/state'],
    ['OPENCLAW_SNAPSHOT_DIR', '/var/backups/openclaw'],
    ['OPENCLAW_CONFIG_DIR', '/srv/library/mail-archive'],
    ['OPENCLAW_CONFIG_DIR', '/Users/x/Library/Mailbox'],
    ['OPENCLAW_CONFIG_DIR', '/Users/x/Library/Application Support/OpenClaw'],
  ])('accepts %s=%s', (variable, value) => expect(problemsOf(input({ [variable]: value }))).toEqual([]));

  it('shows no password of a refused address', () => {
    const { problems } = checkSetup(input({ OTEL_EXPORTER_OTLP_ENDPOINT: 'htp://user:hunter2@collector' }));
    expect(JSON.stringify(problems)).not.toContain('hunter2');
  });

  it('resolves symbolic links', () => {
    const physical = new Map([['OPENCLAW_CONFIG_DIR', '/etc/openclaw']]);
    const { problems } = plan(input({ OPENCLAW_CONFIG_DIR: '/data/openclaw' }, { physical }));
    expect(problems).toMatchObject([{ source: 'OPENCLAW_CONFIG_DIR', value: '/etc/openclaw' }]);
  });

  it('refuses values that Compose would expand in .env, and accepts others with $', () => {
    expect(problemsOf(input({}, { dotEnv: 'OPENCLAW_CONFIG_DIR=/srv/$USER/oc\n' }))).toEqual(['OPENCLAW_CONFIG_DIR']);
    expect(problemsOf(input({}, { dotEnv: 'OPENCLAW_TZ="${ZONE}"\n' }))).toEqual(['OPENCLAW_TZ', 'OPENCLAW_TZ']);
    expect(problemsOf(input({}, { dotEnv: "OPENCLAW_CONFIG_DIR='/srv/$USER'\nMINE=$HOME\n" }))).toEqual([]);
  });

  it('passes a boolean to the build in the form that the Dockerfile reads', () => {
    const given = { OPENCLAW_INSTALL_BROWSER: 'no', OPENCLAW_INSTALL_DOCKER_CLI: 'Yes' };
    const { buildVariables } = checkSetup(input(given));
    expect([buildVariables.get('OPENCLAW_INSTALL_BROWSER'), buildVariables.get('OPENCLAW_INSTALL_DOCKER_CLI')]).toEqual(
      ['', '1'],
    );
  });

  it('uses the named socket', () => {
    expect(checkSetup(input()).socket).toBe('/var/run/docker.sock');
    expect(checkSetup(input({ DOCKER_HOST: 'unix:///run/user/1/docker.sock' })).socket).toBe('/run/user/1/docker.sock');
    expect(checkSetup(input({ DOCKER_HOST: 'tcp://x:1' })).socket).toBe('/var/run/docker.sock');
    const both = { DOCKER_HOST: 'unix:///a.sock', OPENCLAW_DOCKER_SOCKET: 'unix:///b.sock' };
    expect(checkSetup(input(both)).socket).toBe('/b.sock');
  });

  it('has a folder for everything without HOME', () => {
    expect(checkSetup({ ...input(), environment: new Map() })).toMatchObject({
      problems: [],
      configDir: '/tmp/.openclaw',
    });
  });
});

describe('planSetup', () => {
  it('changes nothing the second time', () => {
    const given = {
      OPENCLAW_SKIP_ONBOARDING: 'yes',
      OPENCLAW_EXTRA_MOUNTS: '/srv/a:/a:ro',
      OPENCLAW_TZ: 'Asia/Taipei',
    };
    const first = plan(input(given));
    const second = plan(
      input({}, { dotEnv: first.dotEnv, present: new Set(['docker-compose.extra.yml']), terminal: false }),
    );
    expect(second.problems).toEqual([]);
    expect({ dotEnv: second.dotEnv, extra: second.extra }).toEqual({ dotEnv: first.dotEnv, extra: first.extra });
    expect(second.token).toEqual({ value: 'n'.repeat(64), from: '.env' });
  });

  it("keeps the user's own lines, and removes empty variables", () => {
    const dotEnv = '# mine\nMY_KEY="a b"\nOPENCLAW_TZ=UTC\nOPENCLAW_GATEWAY_PORT=1234\n';
    const planned = plan(input({ OPENCLAW_TZ: '', OPENCLAW_GATEWAY_PORT: '' }, { dotEnv }));
    expect(planned.dotEnv).toMatch(/^# mine\nMY_KEY="a b"\nOPENCLAW_GATEWAY_PORT=18789\n/);
    expect(planned.dotEnv).not.toContain('OPENCLAW_TZ');
  });

  it('names the overlays for Compose, after the override of the user', () => {
    const present = new Set(['docker-compose.override.yml']);
    expect(plan(input({}, { present })).composeFiles).toEqual(['docker-compose.yml', 'docker-compose.override.yml']);
    const mounted = plan(input({ OPENCLAW_HOME_VOLUME: 'openclaw_home' }, { present }));
    const files = ['docker-compose.yml', 'docker-compose.override.yml', 'docker-compose.extra.yml'];
    expect(mounted.composeFiles).toEqual(files);
    expect(readDotEnv(mounted.dotEnv).get('COMPOSE_FILE')).toBe(files.join(':'));
    const after = plan(
      input({ OPENCLAW_HOME_VOLUME: '' }, { present: new Set([...present, files[2] ?? '']), dotEnv: mounted.dotEnv }),
    );
    expect(after).toMatchObject({ extra: undefined, composeFiles: files.slice(0, 2) });
    expect(readDotEnv(after.dotEnv).has('COMPOSE_FILE')).toBe(false);
    // An override that does not exist is not listed.
    const gone = plan(input({}, { dotEnv: mounted.dotEnv }));
    expect(gone.composeFiles).toEqual(['docker-compose.yml', 'docker-compose.extra.yml']);
    const own = plan(input({ OPENCLAW_HOME_VOLUME: 'h1' }, { dotEnv: 'COMPOSE_FILE=docker-compose.yml:mine.yml\n' }));
    expect(own.composeFiles).toEqual(['docker-compose.yml', 'mine.yml', 'docker-compose.extra.yml']);
  });

  it('adds the home volume and the mounts to both services', () => {
    const { extra = '' } = plan(
      input({ OPENCLAW_HOME_VOLUME: 'openclaw_home', OPENCLAW_EXTRA_MOUNTS: '/srv/$a "b":/b:ro,/c:/d:z' }),
    );
    const volumes = [
      { type: 'volume', source: 'openclaw-home', target: '/home/node' },
      { type: 'bind', source: '/srv/$$a "b"', target: '/b', read_only: true, bind: { create_host_path: false } },
      { type: 'bind', source: '/c', target: '/d', bind: { create_host_path: false, selinux: 'z' } },
    ];
    expect(parse(extra)).toEqual({
      services: { 'openclaw-gateway': { volumes }, 'openclaw-cli': { volumes } },
      volumes: { 'openclaw-home': { name: 'openclaw_home' } },
    });
  });

  it.each([
    ['skipped', { OPENCLAW_SKIP_ONBOARDING: '1', ANTHROPIC_API_KEY: 'k' }, undefined, true],
    ['done', { ANTHROPIC_API_KEY: 'k' }, { wizard: { lastRunAt: 'then' } }, false],
    ['headless', { ANTHROPIC_API_KEY: 'k' }, {}, false],
    ['headless', { ANTHROPIC_API_KEY: 'k' }, { gateway: { auth: { token: 'mine' } } }, false],
    ['other-login', { ANTHROPIC_API_KEY: 'k' }, { gateway: { auth: { mode: 'password', password: 'mine' } } }, false],
    [
      'other-login',
      { ANTHROPIC_API_KEY: 'k' },
      { gateway: { auth: { token: { source: 'file', provider: 'default', id: 'x' } } } },
      false,
    ],
    ['asks', {}, {}, true],
  ] as const)('onboarding: %s', (kind, environment, config, terminal) =>
    expect(plan(input(environment, { terminal }), config)).toMatchObject({ problems: [], onboarding: { kind } }),
  );

  it.each([
    ['in another variable, which stays there', { dotEnv: "MY_TOKEN='two words'\n" }, '${MY_TOKEN}', []],
    [
      'beside openclaw.json',
      { besideConfig: "OPENCLAW_GATEWAY_TOKEN='two words'\n" },
      undefined,
      [{ source: 'the .env beside openclaw.json', reason: expect.stringContaining('is not a valid token') }],
    ],
    [
      'that is a placeholder, in another variable',
      { dotEnv: 'MY_TOKEN=undefined\n' },
      '${MY_TOKEN}',
      [{ source: '.env', reason: expect.stringContaining('is a placeholder') }],
    ],
    [
      'that refers to a further variable',
      { dotEnv: 'S=abc\nMY_TOKEN=${S}\n' },
      '${MY_TOKEN}',
      [{ source: 'MY_TOKEN', reason: expect.stringContaining('which setup does not expand') }],
    ],
  ])('does not plan what the next setup refuses: a token %s', (_, files, token, problems) => {
    const config = token === undefined ? undefined : { gateway: { auth: { token } } };
    const found = plan(input({ OPENCLAW_SKIP_ONBOARDING: '1' }, files), config);
    expect(found.problems).toMatchObject(problems);
    if (problems.length > 0) return;
    expect(readDotEnv(found.dotEnv).get('OPENCLAW_GATEWAY_TOKEN')).not.toBe('two words');
    expect(found.credential).toBe('MY_TOKEN in .env');
  });

  it('asks no questions without a terminal, and puts no key into an argument', () => {
    expect(plan(input({}, { terminal: false })).problems).toMatchObject([{ source: 'OPENCLAW_SKIP_ONBOARDING' }]);
    const { onboarding, dotEnv } = plan(input({ GEMINI_API_KEY: 'the-key' }, { terminal: false }));
    expect(onboarding).toMatchObject({
      args: expect.arrayContaining(['--auth-choice', 'gemini-api-key', '--accept-risk']),
    });
    expect(JSON.stringify(onboarding)).not.toContain('the-key');
    expect(readDotEnv(dotEnv).get('GEMINI_API_KEY')).toBe('the-key');
  });

  it('writes booleans in the form that the gateway reads', () => {
    const { dotEnv } = plan(input({ OPENCLAW_DISABLE_BONJOUR: 'No', OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS: 'ON' }));
    expect(dotEnv).toContain('OPENCLAW_DISABLE_BONJOUR=0\nOPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS=1\n');
  });
});

describe('the state of the sandbox', () => {
  const facts = {
    socket: '/s',
    isSocket: true,
    group: 1,
    hasCli: true,
    answers: true,
    image: 'i',
    hasImage: true,
  };
  const state = (environment: Record<string, string>, more: Partial<SetupInput> = {}, found?: typeof facts) =>
    planSetup(input(environment, more), undefined, found, () => 'n').sandboxState;

  it('is on if all checks pass, off if one fails or the user turned it off, and unchanged otherwise', () => {
    expect(state({ OPENCLAW_SANDBOX: '1' }, {}, facts)).toBe('on');
    expect(state({ OPENCLAW_SANDBOX: '1' }, {}, { ...facts, hasCli: false })).toBe('off');
    expect(state({ OPENCLAW_SANDBOX: '0' })).toBe('off');
    expect(state({ OPENCLAW_SANDBOX: '' })).toBe('off');
    expect(state({}, { dotEnv: 'OPENCLAW_SANDBOX=0\n' })).toBe('off');
    expect(state({}, { present: new Set(['docker-compose.sandbox.yml']) })).toBe('off');
    expect(state({})).toBeUndefined();
  });

  it('is written to the configuration', () => {
    const config = { agents: { defaults: { sandbox: { mode: 'all' } } } };
    const mode = (sandbox: 'on' | 'off' | undefined) =>
      configureGateway(input(), config, { sandbox }).filter(({ path }) => path === 'agents.defaults.sandbox.mode');
    expect(mode('off')).toEqual([{ path: 'agents.defaults.sandbox.mode', value: 'off' }]);
    expect([...mode('on'), ...mode(undefined)]).toEqual([]);
  });
});
