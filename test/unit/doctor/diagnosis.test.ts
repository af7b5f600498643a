import { describe, expect, it } from 'vitest';
import { DOCTOR_CHECKS, diagnose } from '../../../build/doctor/diagnosis.ts';
import type { GatewayContainer, Installation } from '../../../build/doctor/installation.ts';
import { parseSnapshot } from '../../../build/stack/snapshot.ts';

const container: GatewayContainer = {
  id: 'c1',
  status: 'running',
  health: 'healthy',
  imageId: 'sha256:1',
  environment: new Map([
    ['OPENCLAW_GATEWAY_TOKEN', 'T'],
    ['TZ', 'UTC'],
  ]),
  imageVariables: new Set(['PATH']),
  mounts: [{ source: '/srv/config', target: '/home/node/.openclaw' }],
  folder: '/srv/p',
  composeFiles: ['/srv/p/docker-compose.yml'],
};
const folder = {
  variable: 'OPENCLAW_CONFIG_DIR',
  path: '/srv/config',
  exists: true,
  uid: '1000',
  foreign: 0,
  free: 9e9,
};
const well: Installation = {
  project: '/srv/p',
  engine: { version: '28.5.2', host: 'unix:///var/run/docker.sock', source: 'context default', memory: 4e9 },
  composeVersion: '2.40.3',
  dotEnv: 'OPENCLAW_GATEWAY_TOKEN=T\n',
  besideConfig: '',
  config: {},
  files: new Map(),
  wantedEnvironment: new Map([
    ['OPENCLAW_GATEWAY_TOKEN', 'T'],
    ['TZ', 'UTC'],
  ]),
  composeError: undefined,
  container,
  namesake: undefined,
  image: { name: 'openclaw:local', id: 'sha256:1', version: '2026.9.6' },
  newestRelease: '2026.9.6',
  folders: [folder],
  snapshots: [parseSnapshot(3, 'kind=update\nversion=2026.9.5\ncreated=2026-11-28T12:40:23Z\nbytes=208896\n', false)],
  ports: [{ variable: 'OPENCLAW_GATEWAY_PORT', port: 18789, published: true, holder: 'the container x', own: true }],
};

const problems = (change: Partial<Installation>) =>
  diagnose({ ...well, ...change }).filter(({ status }) => status !== 'passed');

it('passes each check of a correct installation, with a result for each', () => {
  expect(problems({})).toEqual([]);
  expect(diagnose(well).map(({ name }) => name)).toEqual(DOCTOR_CHECKS.map(({ name }) => name));
});

it('passes an installation whose proxy logs people in, which has no token', () => {
  const config = { gateway: { auth: { mode: 'trusted-proxy' } } };
  const dotEnv = 'OPENCLAW_GATEWAY_TOKEN=\n';
  expect(problems({ config, dotEnv }).filter(({ name }) => name === 'token')).toEqual([]);
  expect(problems({ dotEnv }).map(({ name }) => name)).toContain('token');
});

it.each<[string, Partial<Installation>]>([
  [
    'that a Compose file sets',
    {
      wantedEnvironment: new Map([['OPENCLAW_GATEWAY_TOKEN', 'other']]),
      container: { ...container, environment: new Map([['OPENCLAW_GATEWAY_TOKEN', 'other']]) },
    },
  ],
  ['beside openclaw.json', { dotEnv: '', besideConfig: 'OPENCLAW_GATEWAY_TOKEN=made\n', container: undefined }],
])('passes a token %s', (_, change) => {
  expect(problems(change).filter(({ name }) => name === 'token')).toEqual([]);
});

describe('finds a problem, and its fix', () => {
  const extra = new Map([['docker-compose.extra.yml', 'services: {}\n']]);
  const CASES: readonly (readonly [name: string, change: Partial<Installation>, found: RegExp, hint: RegExp])[] = [
    ['engine', { engine: { ...well.engine, version: '20.10.1' } }, /20\.10\.1 is older/, /docs\.docker\.com/],
    [
      'engine',
      { engine: { ...well.engine, host: 'ssh://me@example.org' } },
      /ssh:\/\/me@example\.org is on another machine/,
      /^docker context use default$/,
    ],
    [
      'engine',
      { engine: { ...well.engine, host: 'ssh://me@example.org', source: 'DOCKER_HOST' } },
      /ssh:\/\/me@example\.org is on another machine/,
      /^unset DOCKER_HOST$/,
    ],
    ['compose', { composeVersion: undefined }, /Compose v2 is not installed/, /docs\.docker\.com/],
    ['compose', { composeVersion: '2.23.9' }, /older than 2\.24/, /docs\.docker\.com/],
    ['compose-files', { composeError: 'invalid' }, /invalid/, /docker compose config/],
    ['memory', { engine: { ...well.engine, memory: 1e9 } }, /1\.0 GB/, /OPENCLAW_IMAGE=/],
    ['disk', { folders: [{ ...folder, free: 1e9 }] }, /1\.0 GB free/, /prune/],
    [
      'ports',
      {
        ports: [
          { variable: 'OPENCLAW_GATEWAY_PORT', port: 18789, published: true, holder: 'process 7 (nginx)', own: false },
        ],
      },
      /7 \(nginx\)/,
      /^OPENCLAW_GATEWAY_PORT=28789 scripts/,
    ],
    [
      'ports',
      { ports: [{ variable: 'OPENCLAW_BRIDGE_PORT', port: 60000, published: true, holder: 'x', own: false }] },
      /is used by x/,
      /=28789 /,
    ],
    ['ownership', { folders: [{ ...folder, foreign: 3 }] }, /^3 files/, /setup\.sh/],
    ['ownership', { folders: [{ ...folder, exists: false }] }, /does not exist/, /setup\.sh/],
    ['token', { dotEnv: '' }, /no OPENCLAW_GATEWAY_TOKEN/, /setup\.sh/],
    [
      'token',
      { config: { gateway: { auth: { token: 'other' } } } },
      /openclaw\.json and \.env have different tokens/,
      /setup\.sh/,
    ],
    [
      'token',
      {
        container: {
          ...container,
          environment: new Map([
            ['OPENCLAW_GATEWAY_TOKEN', 'old'],
            ['TZ', 'UTC'],
          ]),
        },
      },
      /the running gateway and \.env have different tokens/,
      /compose up/,
    ],
    ['environment', { wantedEnvironment: new Map([['TZ', 'Asia/Taipei']]) }, /values of TZ/, /compose up/],
    [
      'overlays',
      {
        files: new Map([['docker-compose.sandbox.yml', '']]),
        dotEnv: 'OPENCLAW_GATEWAY_TOKEN=T\nCOMPOSE_FILE=docker-compose.yml:docker-compose.sandbox.yml\n',
        container: { ...container, composeFiles: ['/srv/p/docker-compose.yml', '/srv/p/docker-compose.sandbox.yml'] },
      },
      /OPENCLAW_SANDBOX is off/,
      /setup\.sh/,
    ],
    [
      'overlays',
      { container: { ...container, composeFiles: ['/srv/p/docker-compose.yml', '/srv/p/old.yml'] } },
      /created from docker-compose\.yml, old\.yml/,
      /compose up/,
    ],
    ['config-file', { config: 'unreadable' }, /not valid JSON5/, /--no-deps .* doctor/],
    [
      'gateway',
      { container: undefined, namesake: { project: 'p', folder: '/srv/other/p' } },
      /project name p belongs to the installation in \/srv\/other\/p/,
      /COMPOSE_PROJECT_NAME=p-2 /,
    ],
    [
      'config-file',
      {
        container: {
          ...container,
          mounts: [{ source: '/srv/c/openclaw.json', target: '/home/node/.openclaw/openclaw.json' }],
        },
      },
      /single file/,
      /OPENCLAW_CONFIG_DIR='\/srv\/c' /,
    ],
    ['image', { newestRelease: '2026.9.6-1' }, /2026\.9\.6 is older than 2026\.9\.6-1/, /setup\.sh/],
    [
      'image',
      { container: { ...container, imageId: 'sha256:0' } },
      /another image than that of the container/,
      /setup\.sh/,
    ],
    ['image', { image: undefined }, /engine does not have the image/, /setup\.sh/],
    ['snapshots', { snapshots: undefined }, /cannot be read/, /run doctor as/],
    [
      'snapshots',
      { snapshots: [parseSnapshot(4, 'kind=update\n', true)] },
      /update after snapshot 4 was interrupted/,
      /setup\.sh/,
    ],
    ['gateway', { container: undefined }, /container does not exist/, /compose up/],
    ['gateway', { container: { ...container, health: 'unhealthy' } }, /unhealthy/, /logs/],
    ['gateway', { container: { ...container, status: 'exited' } }, /exited/, /compose up/],
  ];
  it.each(CASES)('%s: %o', (name, change, found, hint) => {
    expect(problems(change)).toEqual([
      { name, status: expect.any(String), found: expect.stringMatching(found), hint: expect.stringMatching(hint) },
    ]);
  });

  it('an overlay that Compose does not read, and that does not match .env', () => {
    expect(problems({ files: extra })).toMatchObject([
      { name: 'overlays', found: expect.stringContaining('does not name it') },
      { name: 'overlays', found: expect.stringContaining('does not match .env') },
    ]);
    expect(
      problems({
        dotEnv: 'OPENCLAW_GATEWAY_TOKEN=T\nCOMPOSE_FILE=docker-compose.yml:docker-compose.extra.yml\n',
        container: undefined,
      }),
    ).toContainEqual(
      expect.objectContaining({ name: 'overlays', status: 'failed', found: expect.stringContaining('does not exist') }),
    );
  });

  it('works without an answer of the registry', () => expect(problems({ newestRelease: undefined })).toEqual([]));
});

it.each([
  ['$OPENCLAW_GATEWAY_TOKEN'],
  ['${OPENCLAW_GATEWAY_TOKEN}'],
  ['secretref-env:OPENCLAW_GATEWAY_TOKEN'],
  [' T '],
])('takes the token %j for that of .env', (token) =>
  expect(problems({ config: { gateway: { auth: { token } } } })).toEqual([]),
);

it('changes to the folder before a command for another project', () => {
  const hints = (here: string) =>
    diagnose({ ...well, container: undefined, project: "/srv/it's" }, here).flatMap(({ hint = '' }) => hint);
  expect(hints('/elsewhere')).toContain("cd '/srv/it'\\''s' && docker compose up --detach openclaw-gateway");
  expect(hints("/srv/it's")).toContain('docker compose up --detach openclaw-gateway');
});
