import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { $ } from 'zx';
import { cacheFolder } from '../../build/cache-folder.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { openRegistries, type Registry } from '../../build/oci/registry.ts';
import type { JournalStep } from '../../build/release/journal.ts';
import type { ReleaseRecord } from '../../build/release/release-record.ts';
import { stateFolder } from '../../build/state-folder.ts';
import { makeCertificate } from './certificate.ts';
import { engine, ROOT, run } from './command.ts';
import type { TestGateway } from './gateway.ts';
import { makeCheckout } from './make-checkout.ts';
import { publishBase } from './published-base.ts';
import { startRegistry, type TestRegistry } from './registry.ts';

/** A test vector of crypt_blowfish, so that the test need not compute a hash. */
export const USER = {
  name: 'someone',
  password: 'U*U',
  hash: '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
};

export const PASSWORD_OF_KEY = 'a password of a key';

/** Everything that a release needs: two registries, a login, a base and a key. */
export interface ReleaseFixture {
  /** Without login and TLS. */
  readonly open: TestRegistry;
  /** With login and TLS, whose authority only this fixture trusts. */
  readonly closed: TestRegistry;
  /** `localhost:5000/node:24-bookworm-slim`. */
  readonly base: string;
  readonly privateKey: string;
  readonly publicKey: string;
  readonly folder: string;
  /** Runs the command line with the logins and authorities of this fixture. */
  readonly run: (...args: readonly string[]) => ReturnType<typeof run>;
  readonly environment: Readonly<Record<string, string>>;
  /** Version of the gateway that is released. */
  readonly version: string;
  /** Its git tag. */
  readonly ref: string;
  /** The repository in the open registry, and its mirror in the closed one. */
  readonly repositories: readonly [first: string, mirror: string];
  /** Reads and writes both. */
  readonly read: Registry;
  /** Tags of a repository and their digests, without those of the record and the lock. */
  readonly tagsOf: (repository: string) => Promise<Readonly<Record<string, string | undefined>>>;
  /** Options that all release commands share. */
  readonly common: (registries: readonly string[]) => readonly string[];
  readonly tearDown: () => Promise<void>;
}

/** JSON output of `release publish` and `release join`. */
export interface Published {
  readonly record: ReleaseRecord;
  readonly steps: readonly JournalStep[];
  readonly error?: { readonly kind: string; readonly reason: string };
}

const versionBuilt = (): string =>
  (JSON.parse(inject('built')) as { readonly gateway: { readonly version: string } }).gateway.version;

/** Tags a checkout with its version. @returns the version */
async function tagVersion(checkout: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    readonly version: string;
  };
  await $`git -C ${checkout} tag ${`v${version}`}`;
  return version;
}

/** Gives the fixture's checkout the next version, and tags it. @returns the version */
export async function nextVersion({ environment }: Pick<ReleaseFixture, 'environment'>): Promise<string> {
  const { OPENCLAW_SOURCE: checkout = '' } = environment;
  const file = join(checkout, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as { version: string };
  const [year, month, day] = manifest.version.split('.').map(Number);
  manifest.version = `${year}.${month}.${(day ?? 0) + 1}`;
  await writeFile(file, `${JSON.stringify(manifest, null, 2)}\n`);
  const git = $({ cwd: checkout });
  await git`git -c user.name=Test -c user.email=test@example.org commit --quiet --all --message ${'Next version'}`;
  await git`git tag ${`v${manifest.version}`}`;
  return manifest.version;
}

/** Publishes the fixture's checkout under its version, on both registries, signed. @returns JSON output */
export async function publishVersion(
  { run, repositories, base, privateKey }: ReleaseFixture,
  version: string,
  variants: string,
): Promise<Published> {
  const { exitCode, stdout, stderr } = await run(
    ...['release', 'publish', '--ref', `refs/tags/v${version}`, '--platforms', 'linux/amd64'],
    ...['--registries', repositories.join(','), '--variants', variants, '--base', base],
    ...['--sign', privateKey, '--json'],
  );
  if (exitCode !== 0) throw new Error(`${version} was not published: ${stdout}${stderr}`);
  return JSON.parse(stdout) as Published;
}

/** Removes the journals of earlier tests. */
export const forgetJournals = (): Promise<void> => rm(stateFolder('releases'), { recursive: true, force: true });

/** @param gateway the package that all tests share, or a checkout of the small gateway, for tests of registries only */
export async function createReleaseFixture(gateway: TestGateway = 'whole'): Promise<ReleaseFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-release-'));
  const { ca, cert, key } = await makeCertificate('127.0.0.1', folder);
  const open = await startRegistry();
  const closed = await startRegistry({ htpasswd: `${USER.name}:${USER.hash}\n`, tls: { cert, key } });
  // In the format of docker login.
  const auth = Buffer.from(`${USER.name}:${USER.password}`).toString('base64');
  const config = join(folder, 'docker');
  await mkdir(config);
  await writeFile(join(config, 'config.json'), JSON.stringify({ auths: { [closed.address]: { auth } } }), {
    mode: 0o600,
  });
  // docker looks for buildx in its settings folder.
  await symlink(
    join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'cli-plugins'),
    join(config, 'cli-plugins'),
  );
  const settings = join(folder, 'settings');
  await mkdir(join(settings, 'docker/certs.d'), { recursive: true });
  await mkdir(join(settings, 'docker/certs.d', closed.address));
  await symlink(ca, join(settings, 'docker/certs.d', closed.address, 'ca.crt'));
  const checkout = gateway === 'small' ? await makeCheckout('new') : undefined;
  const environment = {
    DOCKER_CONFIG: config,
    XDG_CONFIG_HOME: settings,
    COSIGN_PASSWORD: PASSWORD_OF_KEY,
    ...(checkout === undefined ? {} : { OPENCLAW_SOURCE: checkout }),
  };
  const base = `${open.address}/node:24-bookworm-slim`;
  // Unchanged, so that builds on it are cached. Another compression than that of the release: its bytes must last.
  await publishBase(engine(), base, undefined, { compression: 'zstd' });
  const cosign = cacheFolder('cosign');
  await $`${join(ROOT, 'scripts/debian-unpack')} forky ${cosign} ${'cosign>=3'}`;
  await $({
    cwd: folder,
    env: { ...process.env, ...environment },
  })`${join(cosign, 'usr/bin/cosign')} generate-key-pair`;
  const version = checkout === undefined ? versionBuilt() : await tagVersion(checkout);
  const ref = `refs/tags/v${version}`;
  process.env['XDG_CONFIG_HOME'] = settings;
  const login = { kind: 'password', user: USER.name, password: USER.password } as const;
  const read = openRegistries({
    credentials: async (registry) => (registry === closed.address ? login : undefined),
    retries: { seconds: 5, onWait: () => {} },
  });
  await forgetJournals();
  return {
    open,
    closed,
    base,
    privateKey: join(folder, 'cosign.key'),
    publicKey: join(folder, 'cosign.pub'),
    folder,
    environment,
    run: (...args) => run(args, { env: environment }),
    version,
    ref,
    repositories: [`${open.address}/openclaw`, `${closed.address}/openclaw`],
    read,
    tagsOf: async (repository) => {
      const names = await read.tags(parseReference(repository));
      const released = names.filter((name) => !/^(?:release|decision|sha256)-/.test(name)).sort();
      const digests = await Promise.all(
        released.map(async (name) => (await read.document(parseReference(repository), name))?.descriptor.digest),
      );
      return Object.fromEntries(released.map((name, index) => [name, digests[index]]));
    },
    common: (registries) => [
      ...['--ref', ref, '--platforms', 'linux/amd64'],
      ...['--registries', registries.join(',')],
    ],
    tearDown: async () => {
      await forgetJournals();
      await open.stop();
      await closed.stop();
      for (const made of [folder, ...(checkout === undefined ? [] : [checkout])])
        await rm(made, { recursive: true, force: true });
    },
  };
}
