import { describe, expect, it } from 'vitest';
import { RequestError } from '../../../build/problem.ts';
import { quadletOf } from '../../../build/stack/quadlet.ts';

const OPTIONS = {
  image: 'ghcr.io/openclaw/openclaw:latest',
  name: 'claw-openclaw-gateway-1',
  environmentFile: '/srv/claw/.env.quadlet',
  labels: { 'com.docker.compose.project': 'claw' },
};

/** The unit of a gateway with the settings of an override. */
const quadlet = (settings: object, options = OPTIONS) => {
  const gateway = {
    image: 'openclaw:local',
    user: '1000:1000',
    hostname: 'claw',
    command: ['node', 'index.js'],
    ...settings,
  };
  return quadletOf(JSON.stringify({ services: { 'openclaw-gateway': gateway } }), options);
};
const linesOf = (settings: object, options = OPTIONS) => quadlet(settings, options).unit.split('\n');

describe('the unit of systemd', () => {
  it.each<[string, object, string]>([
    [
      'a port on one address',
      { ports: [{ target: 18789, published: '80', host_ip: '127.0.0.1' }] },
      'PublishPort=127.0.0.1:80:18789',
    ],
    [
      'a port on an IPv6 address',
      { ports: [{ target: 1, published: '80', host_ip: '::1', protocol: 'udp' }] },
      'PublishPort=[::1]:80:1/udp',
    ],
    [
      'a mount for reading',
      { volumes: [{ type: 'bind', source: '/srv/a b', target: '/a', read_only: true }] },
      'Volume=/srv/a b:/a:ro',
    ],
    [
      'a label for SELinux',
      { volumes: [{ type: 'bind', source: '/srv', target: '/a', bind: { selinux: 'z' } }] },
      'Volume=/srv:/a:z',
    ],
    ['a limit of memory', { mem_limit: '4294967296' }, 'PodmanArgs=--memory=4294967296'],
    ['a limit of processes', { pids_limit: 4096 }, 'PidsLimit=4096'],
    ['another security option', { security_opt: ['label=disable'] }, 'PodmanArgs=--security-opt=label=disable'],
    ['no new privileges', { security_opt: ['no-new-privileges:true'] }, 'NoNewPrivileges=true'],
    ['a group', { group_add: ['998'] }, 'GroupAdd=998'],
    ['a host', { extra_hosts: ['host.docker.internal=host-gateway'] }, 'AddHost=host.docker.internal:host-gateway'],
    ['a read-only root', { read_only: true }, 'ReadOnly=true'],
    ['a health check', { healthcheck: { test: ['CMD-SHELL', "curl '*'"], interval: '30s' } }, "HealthCmd=curl '*'"],
    [
      'a health check without a shell',
      { healthcheck: { test: ['CMD', 'curl', 'a?b=1&c=2'] } },
      'HealthCmd=["curl","a?b=1&c=2"]',
    ],
    ['a health check that is turned off', { healthcheck: { test: ['NONE'] } }, 'HealthCmd=none'],
    ['a folder in memory', { volumes: [{ type: 'tmpfs', target: '/x' }] }, 'Tmpfs=/x'],
    ['a volume without a name', { volumes: [{ type: 'volume', target: '/x', volume: {} }] }, 'Volume=/x'],
    ['a port that Podman chooses', { ports: [{ target: 18789 }] }, 'PublishPort=18789'],
    ['a label with blanks', { labels: { note: 'a 50%h $$b' } }, 'Label="note=a 50%%h $$b"'],
    ['no health check', { healthcheck: { disable: true } }, 'HealthCmd=none'],
    ['a time to stop', { stop_grace_period: '1m30s' }, 'StopTimeout=90'],
    ['a command with a space', { command: ['node', 'a b', 'say "c"'] }, 'Exec=node "a b" "say \\"c\\""'],
    // Compose writes $ as $$, and systemd expands $NAME and %n.
    [
      'a dollar and a percent sign',
      { volumes: [{ type: 'bind', source: '/srv/$$a%n', target: '/a' }] },
      'Volume=/srv/$$a%%n:/a',
    ],
  ])('has %s', (_, settings, line) => {
    expect(linesOf(settings)).toContain(line);
  });

  it('has the image, the name and the labels that setup finds it by', () => {
    expect(linesOf({})).toEqual(
      expect.arrayContaining([
        'Image=ghcr.io/openclaw/openclaw:latest',
        'ContainerName=claw-openclaw-gateway-1',
        'Label=com.docker.compose.project=claw',
        'EnvironmentFile=/srv/claw/.env.quadlet',
        'User=1000',
        'Group=1000',
      ]),
    );
  });

  it('names a volume as Podman does', () => {
    const gateway = {
      image: 'a',
      user: '1',
      hostname: 'a',
      command: null,
      volumes: [{ type: 'volume', source: 'home', target: '/home' }],
    };
    const config = { services: { 'openclaw-gateway': gateway }, volumes: { home: { name: 'my_home' } } };
    expect(quadletOf(JSON.stringify(config), OPTIONS).unit).toContain('\nVolume=my_home:/home\n');
  });

  it('keeps the environment in another file, without variables that are not set', () => {
    const { unit, environment } = quadlet({ environment: { TOKEN: 'a$$b %n "c"', EMPTY: '', UNSET: null } });
    expect(environment).toBe('TOKEN=a$b %n "c"\nEMPTY=\n');
    expect(unit).not.toContain('TOKEN');
  });

  it.each<[string, object, string]>([
    ['a setting that a unit cannot have', { devices: ['/dev/kvm'] }, 'devices'],
    [
      'options of a network',
      { networks: { default: {}, proxy: { aliases: ['claw'], ipv4_address: '10.0.0.2' } } },
      'networks: proxy: aliases, ipv4_address',
    ],
    ['a sidecar that it needs', { depends_on: { redis: {} } }, 'redis'],
    [
      'an option of a mount',
      { volumes: [{ type: 'bind', source: '/a', target: '/b', bind: { propagation: 'rshared' } }] },
      '/b',
    ],
    ['a command with several lines', { command: ['sh', '-c', 'x\n[Service]\nExecStartPre=y'] }, 'line end'],
    ['a label with several lines', { labels: { a: 'x\n[Service]' } }, 'line end'],
    ['a variable with several lines', { environment: { KEY: 'a\nb' } }, 'KEY'],
  ])('is not written for %s', (_, settings, named) => {
    let problem: unknown;
    try {
      quadlet(settings);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(RequestError);
    expect(JSON.stringify((problem as RequestError).problems)).toContain(named);
    expect(JSON.stringify((problem as RequestError).problems)).not.toContain('a\\nb');
  });
});

it('is in the networks of the Compose files', () => {
  const gateway = { image: 'a', user: '1', hostname: 'a', command: null, networks: { default: null, proxy: null } };
  const config = { services: { 'openclaw-gateway': gateway }, networks: { default: { name: 'claw_default' } } };
  const { unit } = quadletOf(JSON.stringify(config), OPTIONS);
  expect(unit).toContain('\nNetwork=claw_default\nNetwork=proxy\n');
});

it('names its file with blanks as one word', () => {
  expect(linesOf({}, { ...OPTIONS, environmentFile: '/home/me/My 100% Claw/.env.quadlet' })).toContain(
    'EnvironmentFile="/home/me/My 100%% Claw/.env.quadlet"',
  );
});
