import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlannedTag } from '../../build/release/plan-release.ts';
import { engine, run } from '../support/command.ts';
import { startRegistry } from '../support/registry.ts';

/** A test vector of crypt_blowfish, so that the test need not compute a hash. */
const USER = { name: 'someone', password: 'U*U', hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW' };

let open: Awaited<ReturnType<typeof startRegistry>>;
let closed: Awaited<ReturnType<typeof startRegistry>>;
let folder = '';
/** A folder with Docker settings that contain a login. */
let loggedIn = '';
let withHelper = '';

beforeAll(async () => {
  open = await startRegistry();
  closed = await startRegistry({ htpasswd: `${USER.name}:${USER.hash}\n` });
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-release-'));
  loggedIn = await mkdtemp(join(folder, 'config-'));
  const auth = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
  await writeFile(join(loggedIn, 'config.json'), JSON.stringify({ auths: { [closed.address]: { auth } } }), {
    mode: 0o600,
  });
  // docker looks for buildx in its settings folder.
  const plugins = join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'cli-plugins');
  await symlink(plugins, join(loggedIn, 'cli-plugins'));
  withHelper = await mkdtemp(join(folder, 'helper-'));
  await writeFile(join(withHelper, 'config.json'), JSON.stringify({ credHelpers: { [closed.address]: 'test' } }));
  const helper = join(withHelper, 'docker-credential-test');
  await writeFile(
    helper,
    `#!/bin/sh\nread -r server\n[ "$server" = "${closed.address}" ] || exit 1\necho '${JSON.stringify({ Username: USER.name, Secret: USER.password })}'\n`,
  );
  await chmod(helper, 0o755);
  await publish(open.address, '2026.3.12', '2026.3.12', 'latest', '2026.3.12-amd64');
  await publish(open.address, '2026.3.14-beta.1', '2026.3.14-beta.1');
  await publish(open.address, undefined, 'main');
  await publish(closed.address, '2026.3.14', '2026.3.14');
});
afterAll(async () => {
  await open.stop();
  await closed.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Pushes an image with a version annotation. */
async function publish(registry: string, version: string | undefined, ...tags: readonly string[]): Promise<void> {
  const context = await mkdtemp(join(folder, 'image-'));
  await writeFile(join(context, 'Dockerfile'), 'FROM scratch\nCOPY version /\n');
  await writeFile(join(context, 'version'), `${version}\n`);
  const { docker, environment } = engine();
  const names = tags.map((tag) => `${registry}/openclaw:${tag}`).join(',');
  const annotation = version === undefined ? [] : ['--annotation', `index:org.opencontainers.image.version=${version}`];
  await execa(
    docker,
    [
      ...['buildx', 'build', '--builder=default', '--build-arg=BUILDKIT_MULTI_PLATFORM=1', '--provenance=false'],
      ...[...annotation, '--output', `type=image,"name=${names}",push=true,store=false`, context],
    ],
    {
      env: {
        ...environment,
        BUILDX_CONFIG: join(folder, 'buildx'),
        ...(registry === closed.address ? { DOCKER_CONFIG: loggedIn } : {}),
      },
    },
  );
}

interface Plan {
  readonly tags: readonly PlannedTag[];
  readonly error?: { readonly kind: string };
}

async function plan(ref: string, registries: readonly string[], config?: string) {
  const args = [
    'release',
    'plan',
    '--ref',
    ref,
    '--registries',
    registries.join(','),
    '--variants',
    'default',
    '--json',
  ];
  const env = config === undefined ? {} : { DOCKER_CONFIG: config, PATH: `${config}:${process.env['PATH']}` };
  const { exitCode, stdout, stderr } = await run([...args, '--platforms', 'linux/amd64'], { env });
  const parsed = JSON.parse(stdout) as Plan;
  const tags = (parsed.tags ?? []).map(({ registry, tag, action }) => `${action} ${registry.split('/')[0]} ${tag}`);
  return { exitCode, stderr, stdout, tags, parsed };
}

describe('image:release plan on a real registry', () => {
  it('reads existing tags, and moves latest to a newer version', async () => {
    const { tags, parsed } = await plan('refs/tags/v2026.3.13', [`${open.address}/openclaw`]);
    expect(tags).toEqual([
      `create ${open.address} 2026.3.13`,
      `create ${open.address} 2026.3.13-amd64`,
      `move ${open.address} latest`,
      `create ${open.address} latest-amd64`,
    ]);
    expect(parsed.tags[2]?.now).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('finds no tags in a repository that does not exist', async () => {
    const { tags } = await plan('refs/heads/main', [`${open.address}/absent/absent`]);
    expect(tags).toEqual([`create ${open.address} main`, `create ${open.address} main-amd64`]);
  });

  it.each([
    ['config.json', () => loggedIn],
    ['a credential helper', () => withHelper],
  ])('logs in with %s, and uses the tags that only that registry has', async (_, config) => {
    const registries = [`${open.address}/openclaw`, `${closed.address}/openclaw`];
    const { exitCode, tags, stderr, stdout } = await plan('refs/tags/v2026.3.13', registries, config());
    expect(exitCode, stderr).toBe(0);
    expect(tags.filter((tag) => tag.endsWith(' latest'))).toEqual([
      `keep ${open.address} latest`,
      `keep ${closed.address} latest`,
    ]);
    expect(stdout + stderr).not.toContain(USER.password);
  });

  it('explains a registry without a login', async () => {
    const { exitCode, parsed } = await plan('refs/heads/main', [`${closed.address}/openclaw`], folder);
    expect(exitCode).toBe(1);
    expect(parsed.error?.kind).toBe('registry-denied');
  });

  it('explains a registry that does not exist', async () => {
    const { exitCode, parsed } = await plan('refs/heads/main', ['localhost:9/openclaw']);
    expect(exitCode).toBe(1);
    expect(parsed.error?.kind).toBe('registry-unreachable');
  });

  it('stops if the version of latest is unknown', async () => {
    await publish(open.address, undefined, 'latest');
    const { exitCode, tags } = await plan('refs/tags/v2026.3.13', [`${open.address}/openclaw`]);
    expect(exitCode).toBe(1);
    expect(tags).toContain(`conflict ${open.address} latest`);
    const table = await run([
      'release',
      'plan',
      '--ref',
      'refs/tags/v2026.3.13',
      '--registries',
      `${open.address}/openclaw`,
    ]);
    expect(table.stdout).toContain('CONFLICT');
  });

  it('refuses content that does not match its digest', async () => {
    const address = await proxied((request, response) => {
      if (request.url?.includes('/tags/list') === true) response.end('{"tags":["main"]}');
      else response.writeHead(200, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }).end('{"annotations":{}}');
    });
    const { exitCode, parsed } = await plan('refs/heads/main', [`${address}/openclaw`]);
    expect(exitCode).toBe(1);
    expect(parsed.error?.kind).toBe('digest-mismatch');
  });

  it.each([
    [['--ref', 'refs/heads/feature', '--offline'], 'refs/heads/feature'],
    [['--ref', 'refs/heads/main', '--event', 'often', '--variants', 'fat', '--registries', 'No:1'], 'often'],
    [['--nonsense'], '--nonsense'],
  ])('refuses %j', async (args, named) => {
    const { exitCode, stderr } = await run(['release', 'plan', ...args]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(named);
  });

  const servers: ReturnType<typeof createServer>[] = [];
  const proxied = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return `localhost:${(server.address() as AddressInfo).port}`;
  };
  afterAll(() => {
    for (const server of servers) server.close();
  });
});
