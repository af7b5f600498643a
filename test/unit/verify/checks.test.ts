import { describe, expect, it } from 'vitest';
import type { Container } from '../../../build/engine/container.ts';
import { ANNOTATION } from '../../../build/oci/annotations.ts';
import type { ImageConfig } from '../../../build/oci/document.ts';
import type { Subject } from '../../../build/verify/check.ts';
import { CONTRACT } from '../../../build/verify/contract.ts';
import { IDENTITIES, parseIdentities } from '../../../build/verify/identity-checks.ts';
import { VALID_ANNOTATIONS } from '../../support/annotations.ts';

const CONFIG: NonNullable<ImageConfig['config']> = {
  User: '1000:1000',
  Env: [
    'NODE_ENV=production',
    'HOME=/home/node',
    'NPM_CONFIG_PREFIX=/home/node/.local',
    'PATH=/home/node/.local/bin:/usr/bin',
  ],
  Entrypoint: ['tini', '-s', '--'],
  Cmd: ['node', 'openclaw.mjs', 'gateway', '--allow-unconfigured'],
  WorkingDir: '/app',
  Labels: VALID_ANNOTATIONS,
  Healthcheck: { Test: ['CMD', 'node', '-e', "fetch('/healthz')"], StartPeriod: 300e9 },
};
const MANIFEST = { digest: 'sha256:1', platform: 'linux/amd64', annotations: VALID_ANNOTATIONS };

/** A container with fixed outputs: part of a command → output. */
const container = (outputs: Readonly<Record<string, string>>): Container => ({
  name: 'fake',
  exec: async (command) => {
    const line = command.join(' ');
    const stdout = Object.entries(outputs).find(([part]) => line.includes(part))?.[1] ?? '';
    return { exitCode: 0, stdout, stderr: '' };
  },
  state: async () => ({ running: true, exitCode: 0, health: 'healthy' }),
  lines: async () => [],
  restart: async () => {},
  stop: async () => ({ seconds: 1, exitCode: 0 }),
  remove: async () => {},
});

interface Change {
  readonly config?: Partial<typeof CONFIG>;
  readonly document?: Partial<Subject['document']>;
  readonly files?: Readonly<Record<string, string>>;
  readonly running?: Readonly<Record<string, string>>;
}

/** @returns the status of a check on an image that satisfies the contract, but for a change */
async function status(name: string, { config, document, files = {}, running = {} }: Change = {}): Promise<string> {
  const check = CONTRACT.find((candidate) => candidate.name === name);
  if (check === undefined) throw new Error(`there is no check ${name}`);
  const outcome = await check.run({
    reference: 'openclaw:local',
    config: { os: 'linux', architecture: 'amd64', config: { ...CONFIG, ...config } },
    document: { index: VALID_ANNOTATIONS, manifests: [MANIFEST], ...document },
    files: container(files),
    running: container(running),
    slowdown: 1,
  });
  return outcome.status;
}

const env = (...more: readonly string[]): Change => ({ config: { Env: [...(CONFIG.Env ?? []), ...more] } });
const labels = (change: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...VALID_ANNOTATIONS,
  ...change,
});
const PACKAGE = JSON.stringify({ engines: { node: '>=24.16.0 <25' }, devDependencies: { vitest: '1' } });

const GOOD: readonly (readonly [name: string, image: Change])[] = [
  ['entrypoint', {}],
  ['command', {}],
  ['user', {}],
  ['user', { config: { User: '1000' } }],
  ['workdir', {}],
  ['environment', {}],
  ['healthcheck', {}],
  ['no-build-settings', {}],
  ['labels', {}],
  ['manifest-annotations', {}],
  ['index-annotations', {}],
  ['base', {}],
  ['node-version', { files: { '/app/package.json': PACKAGE, 'node --version': 'v24.18.0' } }],
  ['no-development-dependencies', { files: { '/app/package.json': PACKAGE, 'ls -d': 'ms\n@google/genai' } }],
  // A development dependency of the gateway that one of its dependencies needs.
  [
    'no-development-dependencies',
    {
      files: {
        '/app/package.json': JSON.stringify({ dependencies: { hono: '1' }, devDependencies: { '@types/ws': '1' } }),
        'ls -d': 'hono\n@types/ws',
        '--input-type=module': JSON.stringify({ hono: ['@hono/ws'], '@hono/ws': ['@types/ws'], '@types/ws': ['hono'] }),
      },
    },
  ],
  ['no-source-maps', { files: { find: 'complete' } }],
  ['version', { running: { '--version': 'OpenClaw 2026.9.6 (fff)' } }],
];
it.each(GOOD)('%s passes with %j', async (name, image) => {
  expect(await status(name, image)).toBe('passed');
});

describe('a check fails', () => {
  const BAD: readonly (readonly [name: string, image: Change])[] = [
    ['entrypoint', { config: { Entrypoint: ['tini', '--'] } }],
    ['entrypoint', { config: { Entrypoint: [] } }],
    ['command', { config: { Cmd: ['node', 'openclaw.mjs'] } }],
    ['user', { config: { User: '' } }],
    ['user', { config: { User: 'root' } }],
    ['user', { config: { User: 'node' } }],
    ['user', { config: { User: '0:1000' } }],
    ['workdir', { config: { WorkingDir: '/' } }],
    ['environment', { config: { Env: ['NODE_ENV=production', 'PATH=/usr/bin'] } }],
    ['environment', { config: { Env: ['PATH=/home/node/.local/bin'] } }],
    ['environment', env('HOME=/root')],
    ['environment', env('NPM_CONFIG_PREFIX=/usr/local')],
    ['healthcheck', { config: { Healthcheck: {} } }],
    ['healthcheck', { config: { Healthcheck: { Test: ['CMD', 'fetch /healthz'], StartPeriod: 15e9 } } }],
    ['healthcheck', { config: { Healthcheck: { Test: ['CMD', 'true'], StartPeriod: 300e9 } } }],
    ['no-build-settings', env('https_proxy=http://proxy')],
    ['no-build-settings', env('NODE_EXTRA_CA_CERTS=/ca.pem')],
    ['no-build-settings', env('OPENAI_API_KEY=x')],
    ['no-build-settings', env('npm_config_registry=x')],
    ['labels', { config: { Labels: labels({ [ANNOTATION.version]: '1.2.3' }) } }],
    ['labels', { config: { Labels: {} } }],
    ['manifest-annotations', { document: { manifests: [{ ...MANIFEST, annotations: {} }] } }],
    [
      'manifest-annotations',
      { document: { manifests: [{ ...MANIFEST, annotations: labels({ [ANNOTATION.title]: 'x' }) }] } },
    ],
    ['manifest-annotations', { document: { manifests: [] } }],
    ['index-annotations', { document: { index: undefined } }],
    ['index-annotations', { document: { index: labels({ [ANNOTATION.revision]: 'e'.repeat(40) }) } }],
    ['node-version', { files: { '/app/package.json': PACKAGE, 'node --version': 'v22.18.0' } }],
    ['node-version', { files: { 'node --version': 'v24.18.0' } }],
    ['no-development-dependencies', { files: { '/app/package.json': PACKAGE, 'ls -d': 'ms\nvitest' } }],
    [
      'no-development-dependencies',
      {
        files: {
          '/app/package.json': PACKAGE,
          'ls -d': 'vitest',
          '--input-type=module': JSON.stringify({ vitest: ['vite'], '@vitest/x': ['vitest'] }),
        },
      },
    ],
    ['no-source-maps', { files: { find: '/app/dist/index.js.map\ncomplete' } }],
    // Without the last line, the list is not complete, and proves nothing.
    ['no-source-maps', { files: { find: '' } }],
    ['version', { running: { '--version': '2026.9.6-1' } }],
    ['version', { config: { Labels: {} }, running: { '--version': '2026.9.6' } }],
  ];
  it.each(BAD)('%s for %j', async (name, image) => {
    expect(await status(name, image)).toBe('failed');
  });
});

it('every check has a part, a requirement, a reason and a fix', () => {
  for (const { row, requires, why, fix } of CONTRACT)
    for (const text of [row, requires, why, fix]) expect(text).not.toBe('');
  expect(new Set(CONTRACT.map(({ name }) => name)).size).toBe(CONTRACT.length);
});

describe('--identity', () => {
  it.each([
    ['all', IDENTITIES],
    ['99:100', ['99:100']],
    ['99:100, 1000950000:0,99:100', ['99:100', '1000950000:0']],
  ])('reads %s', (text, identities) => {
    expect(parseIdentities(text)).toEqual(identities);
  });

  it.each(['', 'node', '99', '99:100:1', '-1:0', '99:100,', '99:users'])('refuses "%s"', (text) => {
    expect(parseIdentities(text)).toBeUndefined();
  });
});
