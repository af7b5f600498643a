import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { PinStatus } from '../../build/base/pinned-base.ts';
import { cacheFolder } from '../../build/cache-folder.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { openRegistries, type Registry } from '../../build/oci/registry.ts';
import type { ReleaseRecord } from '../../build/release/release-record.ts';
import type { TagStatus } from '../../build/release/release-status.ts';
import type { SpdxDocument } from '../../build/sbom/spdx.ts';
import { docker, engine, inImage, runUntil } from '../command.ts';
import { type Fault, type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import { publishBase } from '../published-base.ts';
import { startRegistry, type TestRegistry } from '../registry.ts';
import { enterReleaseRoom, PASSWORD_OF_KEY, type ReleaseRoom, USER } from '../release-room.ts';

const { gateway } = JSON.parse(inject('built')) as { readonly gateway: { readonly version: string } };
const { version } = gateway;
const REF = `refs/tags/v${version}`;

let room: ReleaseRoom;
let read: Registry;
let pieces = '';

beforeAll(async () => {
  room = await enterReleaseRoom();
  const auth = { kind: 'password', user: USER.name, password: USER.password } as const;
  process.env['XDG_CONFIG_HOME'] = room.environment['XDG_CONFIG_HOME'];
  read = openRegistries({
    credentials: async (registry) => (registry === room.closed.address ? auth : undefined),
    patience: { seconds: 5, onWait: () => {} },
  });
  pieces = join(room.folder, 'pieces');
  await forgetJournals();
});
afterAll(async () => {
  await forgetJournals();
  await room.leave();
});

const forgetJournals = (): Promise<void> => rm(cacheFolder('releases'), { recursive: true, force: true });

/** Tags of a repository, but those of the record and the lock, and what they name. */
async function tagsOf(repository: string): Promise<Readonly<Record<string, string | undefined>>> {
  const names = await read.tags(parseReference(repository));
  const released = names.filter((name) => !name.startsWith('release-') && !name.startsWith('sha256-')).sort();
  const digests = await Promise.all(
    released.map(async (name) => (await read.document(parseReference(repository), name))?.descriptor.digest),
  );
  return Object.fromEntries(released.map((name, index) => [name, digests[index]]));
}

const both = (): readonly string[] => [`${room.open.address}/openclaw`, `${room.closed.address}/openclaw`];
const common = (registries: readonly string[]): readonly string[] => [
  ...['--ref', REF, '--platforms', 'linux/amd64', '--registries', registries.join(',')],
];
const joinArgs = (registries: readonly string[]): readonly string[] => [
  ...['release', 'join', ...common(registries), '--variants', 'default', '--from', pieces],
  ...['--sign', room.privateKey, '--json'],
];

interface Published {
  readonly record: ReleaseRecord;
  readonly error?: { readonly kind: string; readonly reason: string };
}

async function join_(registries: readonly string[]) {
  const { exitCode, stdout, stderr } = await room.run(...joinArgs(registries));
  return { exitCode, stdout, stderr, said: JSON.parse(stdout) as Published };
}

describe('a release to two registries', () => {
  let printed = '';
  let record: ReleaseRecord;

  beforeAll(async () => {
    const { exitCode, stdout, stderr } = await room.run(
      ...['release', 'publish', ...common(both()), '--variants', 'default,slim', '--base', room.base],
      ...['--sign', room.privateKey, '--json'],
    );
    printed = stdout + stderr;
    expect(exitCode, printed).toBe(0);
    record = (JSON.parse(stdout) as Published).record;
  });

  it('has the same tags with the same digests on both', async () => {
    const [first = '', mirror = ''] = both();
    const tags = await tagsOf(first);
    expect(Object.keys(tags)).toEqual(
      [version, `${version}-amd64`, `${version}-slim`, `${version}-slim-amd64`]
        .concat('latest', 'latest-amd64', 'slim', 'slim-amd64')
        .sort(),
    );
    expect(await tagsOf(mirror)).toEqual(tags);
    expect(tags[version]).toBe(tags['latest']);
    expect(record.signed).toBe(true);
  });

  it('prints no password', () => {
    expect(printed).not.toContain(USER.password);
    expect(printed).not.toContain(Buffer.from(`${USER.name}:${USER.password}`).toString('base64'));
    expect(printed).not.toContain(PASSWORD_OF_KEY);
  });

  it("shows its provenance and its SBOM to Docker's own tools", async () => {
    const inspect = async (format: string): Promise<string> => {
      const { stdout } = await docker('buildx', 'imagetools', 'inspect', '--format', format, `${both()[0]}:${version}`);
      return stdout;
    };
    const { SLSA } = JSON.parse(await inspect('{{json .Provenance}}')) as {
      readonly SLSA: { readonly runDetails: { readonly builder: { readonly id: string } } };
    };
    expect(SLSA.runDetails.builder.id).toBe('urn:openclaw-image:local');
    const { SPDX } = JSON.parse(await inspect('{{json .SBOM}}')) as { readonly SPDX: SpdxDocument };
    expect(SPDX.spdxVersion).toBe('SPDX-2.3');
  });

  it('lists in its SBOM what dpkg and the lockfile in the image list', async () => {
    const image = `${both()[0]}:${version}`;
    const { stdout } = await docker('buildx', 'imagetools', 'inspect', '--format', '{{json .SBOM.SPDX}}', image);
    const sbom = JSON.parse(stdout) as SpdxDocument;
    const listed = (kind: string): readonly string[] =>
      sbom.packages
        .filter(({ externalRefs }) => externalRefs[0]?.referenceLocator.startsWith(`pkg:${kind}/`))
        .map(({ name, versionInfo }) => `${name} ${versionInfo}`)
        .sort();
    const dpkg = await inImage(image, "dpkg-query -W -f '${binary:Package} ${Version}\\n' | sed 's/:[a-z0-9]* / /'");
    expect(listed('deb')).toEqual(dpkg.stdout.trim().split('\n').sort());
    const lock = await inImage(image, 'cat /app/node_modules/.package-lock.json');
    const { packages } = JSON.parse(lock.stdout) as {
      readonly packages: Readonly<Record<string, { readonly name?: string; readonly version: string }>>;
    };
    const locked = Object.entries(packages).map(
      ([path, one]) => `${one.name ?? path.replace(/^.*node_modules\//, '')} ${one.version}`,
    );
    const npm = new Set(listed('npm'));
    // A package that was locked for another processor is in the lockfile, and not in the image.
    const absent = locked.filter((one) => !npm.has(one));
    const there = await inImage(image, `cd /app && ls -d ${Object.keys(packages).join(' ')} 2>/dev/null`);
    const folders = new Set(there.stdout.split('\n'));
    const missing = absent.filter((one) =>
      Object.entries(packages).some(
        ([path, { name, version: its }]) =>
          folders.has(path) && one === `${name ?? path.replace(/^.*node_modules\//, '')} ${its}`,
      ),
    );
    expect(missing).toEqual([]);
    expect(locked.length - absent.length).toBeGreaterThan(200);
  });

  it('is verified as whoever pulls it would, and not with another key', async () => {
    const reference = `${both()[1]}:latest`;
    const args = ['release', 'verify', reference, '--platforms', 'linux/amd64', '--json', '--key'];
    const { exitCode, stdout } = await room.run(...args, room.publicKey);
    expect(exitCode, stdout).toBe(0);
    const cosign = cacheFolder('cosign', 'usr/bin/cosign');
    const checked = ['verify', '--key', room.publicKey, '--insecure-ignore-tlog', `${both()[0]}:latest`];
    const { stdout: said } = await execa(cosign, checked, { env: room.environment });
    expect(said).toContain('"docker-manifest-digest"');
    const folder = await mkdtemp(join(room.folder, 'other-'));
    await execa(cosign, ['generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: '' } });
    const other = await room.run(...args, join(folder, 'cosign.pub'));
    expect(other.exitCode).toBe(1);
    const { checks } = JSON.parse(other.stdout) as {
      readonly checks: readonly { readonly name: string; readonly passed: boolean }[];
    };
    expect(checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['signature']);
  });

  it('changes nothing when it is published again', async () => {
    const before = await tagsOf(both()[0] ?? '');
    const again = await room.run(
      ...['release', 'publish', ...common(both()), '--variants', 'default,slim', '--base', room.base],
      ...['--sign', room.privateKey, '--json'],
    );
    expect(again.exitCode, again.stdout).toBe(0);
    expect(await tagsOf(both()[0] ?? '')).toEqual(before);
    expect((JSON.parse(again.stdout) as Published).record.images).toEqual(record.images);
  });

  describe('that has drifted', () => {
    const status = async () => {
      const { exitCode, stdout } = await room.run('release', 'status', '--registries', both().join(','), '--json');
      const { tags, mend } = JSON.parse(stdout) as { readonly tags: readonly TagStatus[]; readonly mend?: string };
      return { exitCode, mend, drift: tags.filter(({ state }) => state !== 'ok') };
    };
    const retag = async (registry: string, tag: string, from: string): Promise<void> => {
      const document = await read.document(parseReference(registry), from);
      if (document === undefined) throw new Error(`there is no ${from}`);
      await read.putDocument(parseReference(registry), tag, document);
    };

    it('is as recorded at first', async () => {
      expect(await status()).toEqual({ exitCode: 0, mend: undefined, drift: [] });
    });

    it('shows a mirror that is behind, a version that was overwritten, and what is missing; and mends them', async () => {
      const [first = '', mirror = ''] = both();
      const lock = `release-${version}`;
      await retag(first, `${version}-amd64`, lock);
      await retag(mirror, 'latest', lock);
      const { exitCode, drift, mend } = await status();
      expect(exitCode).toBe(1);
      expect(drift.map(({ registry, tag, state }) => `${registry} ${tag}: ${state}`)).toEqual([
        `${first} ${version}-amd64: wrong digest`,
        `${mirror} latest: stale mirror`,
      ]);
      const [, ...args] = mend?.split(' ') ?? [];
      const mended = await room.run(...args);
      expect(mended.exitCode, mended.stderr).toBe(0);
      expect(await status()).toEqual({ exitCode: 0, mend: undefined, drift: [] });
    });

    it('stops where a version is there with other contents', async () => {
      const [first = '', mirror = ''] = both();
      await retag(mirror, `${version}-slim`, `release-${version}`);
      const { exitCode, stdout } = await room.run(
        ...['release', 'publish', ...common(both()), '--variants', 'default,slim', '--base', room.base, '--json'],
      );
      expect(exitCode).toBe(1);
      const { error } = JSON.parse(stdout) as Published;
      expect(error).toMatchObject({ kind: 'version-exists' });
      expect(error?.reason).toContain(`${mirror}:${version}-slim`);
      await retag(mirror, `${version}-slim`, version);
      expect(await tagsOf(mirror)).toEqual(await tagsOf(first));
    });
  });

  it('finds the newest record, and says where there is none', async () => {
    const { exitCode, stdout } = await room.run(
      ...['release', 'status', '--release', '2020.1.1', '--registries', both().join(','), '--json'],
    );
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error?.kind).toBe('not-found');
  });
});

describe('a newer base', () => {
  const pin = (): string => join(room.folder, 'pinned.Dockerfile');
  const rebase = (base: string, date: string) =>
    room.run('rebase', `${both()[0]}:${version}`, '--base', base, '--date', date, '--sign', 'none', '--json');

  it('is seen, pinned, and then the newest', async () => {
    const { stdout } = await docker('buildx', 'imagetools', 'inspect', '--format', '{{json .Manifest}}', room.base);
    const { digest } = JSON.parse(stdout) as { readonly digest: string };
    await writeFile(pin(), `FROM ${room.base}@${digest}\n`);
    expect((await room.run('base', 'status', '--file', pin())).exitCode).toBe(0);
    await publishBase(engine(), room.base, 'two');
    const behind = await room.run('base', 'status', '--file', pin(), '--json');
    expect(behind.exitCode).toBe(1);
    const [status] = JSON.parse(behind.stdout) as readonly PinStatus[];
    expect(status?.pinned).toMatchObject({ digest, nodeVersion: expect.stringMatching(/^24\./) });
    expect(status?.newest.digest).not.toBe(digest);
    expect((await room.run('base', 'update', '--file', pin())).exitCode).toBe(0);
    expect(await readFile(pin(), 'utf8')).toBe(`FROM ${room.base}@${status?.newest.digest}\n`);
    expect((await room.run('base', 'status', '--file', pin())).exitCode).toBe(0);
  });

  it('goes under a published release without a build, as a refresh that moves the channels', async () => {
    const [first = '', mirror = ''] = both();
    const before = await tagsOf(first);
    const { exitCode, stdout, stderr } = await rebase(room.base, '20300401');
    expect(exitCode, stdout + stderr).toBe(0);
    const tags = await tagsOf(first);
    expect(tags[`${version}-r20300401`]).toBeDefined();
    expect(tags['latest']).toBe(tags[`${version}-r20300401`]);
    expect(tags[version]).toBe(before[version]);
    expect(await tagsOf(mirror)).toEqual(tags);
    const told = await inImage(`${first}:latest`, 'cat /etc/base-version && openclaw --version');
    expect(told.stdout).toMatch(new RegExp(`^two\n.*${RegExp.escape(version)}`));
  });

  it.each([
    ['other Debian packages', 'RUN sed -i "s/^Version: /Version: 1:/" /var/lib/dpkg/status', 'system packages'],
    ['another ABI of Node', 'ENV NODE_VERSION=25.1.0', 'Node 24'],
  ])('does not where it has %s', async (_, also, reason) => {
    const name = `${room.open.address}/node:other`;
    await publishBase(engine(), name, 'three', { also });
    const { exitCode, stdout } = await rebase(name, '20300402');
    expect(exitCode).toBe(1);
    const { error } = JSON.parse(stdout) as Published;
    expect(error?.kind).toBe('cannot-rebase');
    expect(error?.reason).toContain(reason);
  });
});

describe('a release of machines that build a platform each', () => {
  let proxy: FaultProxy;
  let mirrorProxy: FaultProxy;
  let mirror: TestRegistry;
  /** What both registries have after a release in which nothing went wrong. */
  let wanted: Readonly<Record<string, string | undefined>>;
  let steps: readonly string[];

  beforeAll(async () => {
    proxy = await startFaultProxy(room.open.address);
    mirror = await startRegistry();
    mirrorProxy = await startFaultProxy(mirror.address);
    await forgetTags();
    const built = await room.run(
      ...[
        'release',
        'build',
        ...common(both()),
        '--variants',
        'default',
        '--base',
        room.base,
        '--to',
        pieces,
        '--json',
      ],
    );
    expect(built.exitCode, built.stdout + built.stderr).toBe(0);
    const { exitCode, said } = await joinSaying();
    expect(exitCode, said).toBe(0);
    wanted = await tagsOf(both()[0] ?? '');
    expect(await tagsOf(both()[1] ?? '')).toEqual(wanted);
    steps = said
      .split('\n')
      .filter((line) => line.startsWith('- '))
      .map((line) => line.slice(2))
      // Steps of the journal, and not what is read or told between them.
      .filter((line) => /^(?:built|verified|pushed|checked|signed|recorded|tagged|reading every) /.test(line));
  });
  afterAll(async () => {
    await proxy.stop();
    await mirrorProxy.stop();
    await mirror.stop();
  });
  beforeEach(async () => {
    await forgetTags();
    await forgetJournals();
  });

  const forgetTags = async (): Promise<void> => {
    await room.open.forgetTags('openclaw');
    await room.closed.forgetTags('openclaw');
    await mirror.forgetRepository('openclaw');
  };
  const through = (): readonly string[] => [`${proxy.address}/openclaw`, `${room.closed.address}/openclaw`];

  /** With what it says, for people. */
  async function joinSaying() {
    const args = joinArgs(both()).filter((arg) => arg !== '--json');
    const { exitCode, stdout, stderr } = await room.run(...args);
    return { exitCode, said: `${stdout}\n${stderr}` };
  }

  it('is refused where a machine is missing', async () => {
    const { exitCode, stdout } = await room.run(
      ...['release', 'join', '--ref', REF, '--registries', both().join(','), '--variants', 'default'],
      ...['--from', pieces, '--json'],
    );
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error).toMatchObject({ kind: 'incomplete' });
    expect(await tagsOf(both()[0] ?? '')).toEqual({});
  });

  const isManifest = (url = ''): boolean => /\/manifests\/sha256:/.test(url);
  interface FaultCase {
    readonly name: string;
    readonly at: 'first' | 'mirror';
    readonly inject: () => (request: {
      readonly url?: string | undefined;
      readonly method?: string | undefined;
    }) => Fault;
    /** Kind of the error where it is refused. */
    readonly refused?: string;
  }
  const counted = (most: number, fault: Fault): (() => Fault) => {
    let count = 0;
    return () => {
      count += 1;
      return count <= most ? fault : 'pass';
    };
  };
  const FAULTS: readonly FaultCase[] = [
    {
      name: 'a storm of 429',
      at: 'first',
      inject: () => {
        const until = performance.now() + 3000;
        return () => (performance.now() < until ? { kind: 'status', status: 429, retryAfter: 1 } : 'pass');
      },
    },
    {
      name: '500 for every fifth request',
      at: 'first',
      inject: () => {
        let count = 0;
        return () => {
          count += 1;
          return count % 5 === 0 ? { kind: 'status', status: 500 } : 'pass';
        };
      },
    },
    {
      name: 'uploads that break off',
      at: 'mirror',
      inject: () => {
        const broken = counted(4, { kind: 'reset-upload', after: 100_000 });
        return ({ method, url }) => (method === 'PUT' && url?.includes('/blobs/uploads/') === true ? broken() : 'pass');
      },
    },
    {
      name: 'answers that break off',
      at: 'first',
      inject: () => {
        const broken = counted(5, { kind: 'reset-answer' });
        return ({ method }) => (method === 'GET' ? broken() : 'pass');
      },
    },
    { name: 'a slow network', at: 'first', inject: () => () => ({ kind: 'slow', milliseconds: 100 }) },
    {
      name: 'truncated manifests',
      at: 'first',
      inject:
        () =>
        ({ method, url }) =>
          method === 'GET' && isManifest(url) ? { kind: 'truncated' } : 'pass',
      refused: 'digest-mismatch',
    },
    {
      name: 'a wrong digest for what was pushed',
      at: 'mirror',
      inject:
        () =>
        ({ method, url }) =>
          method === 'PUT' && isManifest(url) ? { kind: 'wrong-digest' } : 'pass',
      refused: 'digest-mismatch',
    },
    {
      name: '401 for what is pushed',
      at: 'mirror',
      inject:
        () =>
        ({ method }) =>
          method === 'POST' ? { kind: 'status', status: 401 } : 'pass',
      refused: 'registry-denied',
    },
    {
      name: '403 for the record',
      at: 'first',
      inject:
        () =>
        ({ method, url }) =>
          method === 'PUT' && url?.endsWith(`/manifests/release-${version}`) === true
            ? { kind: 'status', status: 403 }
            : 'pass',
      refused: 'registry-denied',
    },
  ];

  it.each(FAULTS)('$name: complete, or nothing is tagged', async ({ at, inject: make, refused }) => {
    const chosen = at === 'first' ? proxy : mirrorProxy;
    const registries =
      at === 'first' ? through() : [`${room.open.address}/openclaw`, `${mirrorProxy.address}/openclaw`];
    chosen.inject(make());
    const { exitCode, said, stdout, stderr } = await join_(registries);
    expect(chosen.injected()).toBeGreaterThan(0);
    chosen.inject(() => 'pass');
    const found = await Promise.all(
      [`${room.open.address}/openclaw`, at === 'first' ? (both()[1] ?? '') : `${mirror.address}/openclaw`].map(tagsOf),
    );
    if (refused === undefined) {
      expect(exitCode, stdout + stderr).toBe(0);
      expect(found).toEqual([wanted, wanted]);
    } else {
      expect(exitCode).toBe(1);
      expect(said.error).toMatchObject({ kind: refused });
      expect(found).toEqual([{}, {}]);
      // And goes on where it was, once that is over.
      const again = await join_(registries);
      expect(again.exitCode, again.stdout).toBe(0);
    }
  });

  it('does not ask again where it is not let in', async () => {
    mirrorProxy.inject(({ method }) => (method === 'POST' ? { kind: 'status', status: 403 } : 'pass'));
    const { said } = await join_([`${room.open.address}/openclaw`, `${mirrorProxy.address}/openclaw`]);
    expect(said.error?.kind).toBe('registry-denied');
    // Several uploads begin side by side, each once.
    expect(mirrorProxy.injected()).toBeLessThanOrEqual(5);
    mirrorProxy.inject(() => 'pass');
  });

  it('outlasts a registry that is down for 20 s in the midst of tagging', async () => {
    let down: Promise<void> | undefined;
    proxy.inject(({ method, url }) => {
      if (method === 'PUT' && url?.endsWith(`/manifests/${version}`) === true) down ??= proxy.downFor(20_000);
      return 'pass';
    });
    const { exitCode, stdout } = await join_(through());
    await down;
    expect(down).toBeDefined();
    expect(exitCode, stdout).toBe(0);
    expect(await Promise.all(both().map(tagsOf))).toEqual([wanted, wanted]);
  });

  it('is made by one of two that come at once, and the other says who it is', async () => {
    const results = await Promise.all([join_(both()), join_(both())]);
    const lost = results.filter(({ exitCode }) => exitCode !== 0);
    expect(lost.length).toBe(1);
    expect(lost[0]?.said.error, lost[0]?.stdout).toMatchObject({ kind: 'release-held' });
    expect(lost[0]?.said.error?.reason).toMatch(/process \d+ is releasing to/);
    expect(await Promise.all(both().map(tagsOf))).toEqual([wanted, wanted]);
  });

  it('stops after Ctrl-C between two steps, and gives the repository free', async () => {
    const args = joinArgs(both()).filter((arg) => arg !== '--json');
    const interrupt = (pid: number) => process.kill(pid, 'SIGINT');
    const { exitCode, said } = await runUntil(/^- pushed /m, args, interrupt, [], room.environment);
    expect(exitCode, said).toBe(130);
    expect(said).toContain('the same command goes on there');
    expect(await tagsOf(both()[0] ?? '')).toEqual({});
    expect((await join_(both())).exitCode).toBe(0);
  });

  it('is built once, where it was killed while it was verified', async () => {
    const args = [
      ...['release', 'publish', ...common(both()), '--variants', 'default', '--base', room.base],
      ...['--sign', room.privateKey],
    ];
    const kill = (pid: number) => process.kill(pid, 'SIGKILL');
    const { reached } = await runUntil(/: healthz$/m, args, kill, [], room.environment);
    expect(reached).toBe(true);
    // Nothing cleans up after a SIGKILL.
    const left = await docker('ps', '--all', '--quiet', '--filter', 'name=^openclaw-image-[0-9a-f]{8}$');
    await docker('rm', '--force', ...left.stdout.split('\n'));
    expect(await Promise.all(both().map(tagsOf))).toEqual([{}, {}]);
    const { exitCode, stdout, stderr } = await room.run(...args);
    expect(exitCode, stdout + stderr).toBe(0);
    expect(stderr).toContain('- verified default for linux/amd64');
    expect(stderr).not.toContain('- built default');
    const [tags, mirrored] = await Promise.all(both().map(tagsOf));
    expect(Object.keys(tags ?? {})).toEqual(Object.keys(wanted));
    expect(mirrored).toEqual(tags);
  });

  it('ends in the same state, wherever it was killed', async () => {
    expect(steps.length).toBeGreaterThan(15);
    const ended: string[] = [];
    for (const step of steps) {
      await forgetTags();
      await forgetJournals();
      const args = joinArgs(both()).filter((arg) => arg !== '--json');
      const pattern = new RegExp(`^- ${RegExp.escape(step)}$`, 'm');
      const { reached } = await runUntil(pattern, args, (pid) => process.kill(pid, 'SIGKILL'), [], room.environment);
      expect(reached, `never came to: ${step}`).toBe(true);
      // Channels are last: where latest is, every version is.
      const cut = await Promise.all(both().map(tagsOf));
      for (const tags of cut) {
        for (const [tag, digest] of Object.entries(tags)) expect(digest, `${step}: ${tag}`).toBe(wanted[tag]);
        if (tags['latest'] !== undefined) expect(tags[version], step).toBe(wanted[version]);
      }
      const { exitCode, stdout } = await join_(both());
      expect(exitCode, `${step}: ${stdout}`).toBe(0);
      expect(await Promise.all(both().map(tagsOf)), step).toEqual([wanted, wanted]);
      ended.push(step);
    }
    console.log(`killed and carried on: ${ended.length}`);
    const verified = await room.run(
      ...['release', 'verify', `${both()[1]}:latest`, '--platforms', 'linux/amd64', '--key', room.publicKey],
    );
    expect(verified.exitCode, verified.stdout).toBe(0);
  });
});
