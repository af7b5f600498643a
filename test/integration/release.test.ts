import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder } from '../../build/cache-folder.ts';
import { releaseFolderName } from '../../build/commands/release/publish.ts';
import type { SpdxDocument } from '../../build/contents/spdx.ts';
import { withFolderLock } from '../../build/folder-lock.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { readRegistryImage } from '../../build/release/registry-image.ts';
import type { ReleaseRecord } from '../../build/release/release-record.ts';
import type { TagStatus } from '../../build/release/release-status.ts';
import { stateFolder } from '../../build/state-folder.ts';
import { docker, inImage } from '../support/command.ts';
import { testGateway } from '../support/gateway.ts';
import { makeInstallation } from '../support/installation.ts';
import {
  createReleaseFixture,
  PASSWORD_OF_KEY,
  type Published,
  type ReleaseFixture,
  USER,
} from '../support/release-fixture.ts';

let fixture: ReleaseFixture;

beforeAll(async () => {
  fixture = await createReleaseFixture(testGateway());
});
afterAll(() => fixture.tearDown());

describe('a release to two registries', () => {
  const publish = (): readonly string[] => [
    ...[
      'release',
      'publish',
      ...fixture.common(fixture.repositories),
      '--variants',
      'default,slim',
      '--base',
      fixture.base,
    ],
    ...['--sign', fixture.privateKey],
  ];
  let printed = '';
  let record: ReleaseRecord;

  beforeAll(async () => {
    const { exitCode, stdout, stderr } = await fixture.run(...publish(), '--json');
    printed = stdout + stderr;
    expect(exitCode, printed).toBe(0);
    ({ record } = JSON.parse(stdout) as Published);
  });

  it('has the same tags with the same digests on both', async () => {
    const [first, mirror] = fixture.repositories;
    const tags = await fixture.tagsOf(first);
    expect(Object.keys(tags)).toEqual(
      [fixture.version, `${fixture.version}-amd64`, `${fixture.version}-slim`, `${fixture.version}-slim-amd64`]
        .concat('latest', 'latest-amd64', 'slim', 'slim-amd64')
        .sort(),
    );
    expect(await fixture.tagsOf(mirror)).toEqual(tags);
    expect(tags[fixture.version]).toBe(tags['latest']);
    expect(record.signed).toBe(true);
  });

  it("has the base's layers byte for byte, although the base has another compression", async () => {
    const layersOf = async (name: string, tag: string): Promise<readonly string[]> => {
      const repository = parseReference(name);
      const document = await fixture.read.document(repository, tag);
      const { digest = '' } = document?.descriptor ?? {};
      const image = await readRegistryImage(fixture.read, repository, digest, 'linux/amd64');
      return image?.manifest.layers.map((layer) => layer.digest) ?? [];
    };
    const below = await layersOf(fixture.base, '24-bookworm-slim');
    expect(below.length).toBeGreaterThan(1);
    expect((await layersOf(fixture.repositories[0], 'latest')).slice(0, below.length)).toEqual(below);
  });

  it('can be built again by everybody, with equal layers', async () => {
    const { exitCode, stdout, stderr } = await fixture.run(
      'release',
      'reproduce',
      `${fixture.repositories[0]}:latest`,
      ...['--attest', fixture.privateKey],
      '--json',
    );
    expect(exitCode, stdout + stderr).toBe(0);
    const { reproduced, lockfile, attested, layers } = JSON.parse(stdout) as {
      readonly reproduced: boolean;
      readonly lockfile: string;
      readonly attested: boolean;
      readonly layers: readonly { readonly status: string; readonly published?: string }[];
    };
    expect(reproduced).toBe(true);
    expect(lockfile).toBe('of the image');
    expect(layers.length).toBeGreaterThan(5);
    expect(new Set(layers.map(({ status }) => status))).toEqual(new Set(['equal']));
    expect(attested).toBe(true);
    const check = [
      ...['verify-attestation', '--type', 'https://openclaw.ai/attestations/reproduced/v1'],
      ...['--key', fixture.publicKey, '--insecure-ignore-tlog', `${fixture.repositories[0]}:latest`],
    ];
    const statement = await execa(cacheFolder('cosign', 'usr/bin/cosign'), check, { env: fixture.environment });
    const { payload } = JSON.parse(statement.stdout) as { readonly payload: string };
    const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString());
    expect(predicate).toMatchObject({
      platform: 'linux/amd64',
      layers: expect.arrayContaining([layers[0]?.published]),
    });
  });

  it('prints no password', () => {
    expect(printed).not.toContain(USER.password);
    expect(printed).not.toContain(Buffer.from(`${USER.name}:${USER.password}`).toString('base64'));
    expect(printed).not.toContain(PASSWORD_OF_KEY);
  });

  it("shows provenance and SBOM in Docker's own tools", async () => {
    const inspect = async (format: string): Promise<string> => {
      const { stdout } = await docker(
        'buildx',
        'imagetools',
        'inspect',
        '--format',
        format,
        `${fixture.repositories[0]}:${fixture.version}`,
      );
      return stdout;
    };
    const { SLSA } = JSON.parse(await inspect('{{json .Provenance}}')) as {
      readonly SLSA: { readonly runDetails: { readonly builder: { readonly id: string } } };
    };
    expect(SLSA.runDetails.builder.id).toBe('urn:openclaw-image:local');
    const { SPDX } = JSON.parse(await inspect('{{json .SBOM}}')) as { readonly SPDX: SpdxDocument };
    expect(SPDX.spdxVersion).toBe('SPDX-2.3');
  });

  it('lists the packages of dpkg and of the lockfile in its SBOM', async () => {
    const image = `${fixture.repositories[0]}:${fixture.version}`;
    const { stdout } = await docker('buildx', 'imagetools', 'inspect', '--format', '{{json .SBOM.SPDX}}', image);
    const sbom = JSON.parse(stdout) as SpdxDocument;
    const listed = (kind: string): readonly string[] =>
      sbom.packages
        .filter(({ externalRefs }) => externalRefs[0]?.referenceLocator.startsWith(`pkg:${kind}/`))
        .map(({ name, versionInfo }) => `${name} ${versionInfo}`)
        .sort();
    const dpkg = await inImage(image, "dpkg-query -W -f '${binary:Package} ${Version}\\n' | sed 's/:[a-z0-9]* / /'");
    expect(listed('deb')).toEqual(dpkg.stdout.trim().split('\n').sort());
    const node = await inImage(image, 'node --version');
    expect(listed('generic')).toContain(`node ${node.stdout.trim().slice(1)}`);
    // Packages of the base are in its layers, not in that of the packages that were added.
    const layerOf = (package_: string): string | undefined =>
      /sha256:[0-9a-f]{64}/.exec(sbom.packages.find(({ name }) => name === package_)?.sourceInfo ?? '')?.[0];
    expect(layerOf('tini')).toBeDefined();
    for (const name of ['base-files', 'node']) expect([undefined, layerOf('tini')]).not.toContain(layerOf(name));
    // The packages that pnpm installed, for the small gateway.
    if (testGateway() === 'small') {
      expect(listed('npm')).toEqual(expect.arrayContaining(['ms 2.1.3', `openclaw ${fixture.version}`]));
      return;
    }
    const lock = await inImage(image, 'cat /app/node_modules/.package-lock.json');
    const { packages } = JSON.parse(lock.stdout) as {
      readonly packages: Readonly<Record<string, { readonly name?: string; readonly version: string }>>;
    };
    const locked = Object.entries(packages).map(
      ([path, one]) => `${one.name ?? path.replace(/^.*node_modules\//, '')} ${one.version}`,
    );
    const npm = new Set(listed('npm'));
    // A package for another processor is in the lockfile, but not in the image.
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

  it('can be verified by its users, but not with another key', async () => {
    const reference = `${fixture.repositories[1]}:latest`;
    const source = testGateway() === 'small' ? ['--source', 'https://example.org/fixture'] : [];
    const args = ['release', 'verify', reference, '--platforms', 'linux/amd64', ...source, '--json', '--key'];
    const { exitCode, stdout } = await fixture.run(...args, fixture.publicKey);
    expect(exitCode, stdout).toBe(0);
    const rows = JSON.parse(stdout).checks as readonly { name: string; checked: string; by: string }[];
    for (const { name, checked, by } of rows) {
      expect(checked, name).not.toBe('');
      expect(by, name).toContain('cosign.pub');
    }
    const cosign = cacheFolder('cosign', 'usr/bin/cosign');
    const checked = [
      'verify',
      '--key',
      fixture.publicKey,
      '--insecure-ignore-tlog',
      `${fixture.repositories[0]}:latest`,
    ];
    const { stdout: output } = await execa(cosign, checked, { env: fixture.environment });
    expect(output).toContain('"docker-manifest-digest"');
    const folder = await mkdtemp(join(fixture.folder, 'other-'));
    await execa(cosign, ['generate-key-pair'], { cwd: folder, env: { COSIGN_PASSWORD: '' } });
    const other = await fixture.run(...args, join(folder, 'cosign.pub'));
    expect(other.exitCode).toBe(1);
    const { checks } = JSON.parse(other.stdout) as {
      readonly checks: readonly { readonly name: string; readonly passed: boolean }[];
    };
    expect(checks.filter(({ passed }) => !passed).map(({ name }) => name)).toEqual(['signature']);
  });

  it('is run by setup, which requires its signature and pulls the verified digest', async () => {
    const here = await makeInstallation('trusted', 'with Node', testGateway());
    const folder = await mkdtemp(join(fixture.folder, 'other-'));
    await execa(cacheFolder('cosign', 'usr/bin/cosign'), ['generate-key-pair'], {
      cwd: folder,
      env: { COSIGN_PASSWORD: '' },
    });
    const reference = `${fixture.repositories[0]}:latest`;
    const setup = (image: string, trust?: string) =>
      here.setup(
        {
          ...{ PATH: process.env['PATH'] ?? '', XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? '', NO_COLOR: '1' },
          ...{ OPENCLAW_IMAGE: image, OPENCLAW_SKIP_ONBOARDING: '1', ...here.ports },
          ...(trust === undefined ? {} : { OPENCLAW_IMAGE_TRUST: trust }),
        },
        { args: [] },
      );
    try {
      const refused = await setup(reference, join(folder, 'cosign.pub'));
      expect(refused.exitCode, refused.output).toBe(1);
      expect(refused.output).toContain(`${reference} is not the image of a trusted release`);
      expect(existsSync(join(here.project, '.env'))).toBe(false);
      const { exitCode, output } = await setup(reference, fixture.publicKey);
      expect({ exitCode }, output).toEqual({ exitCode: 0 });
      const index = await fixture.read.document(parseReference(reference), 'latest');
      expect(output).toContain(`Pulling ${fixture.repositories[0]}@${index?.descriptor.digest}`);
      // The policy in .env also refuses an update to an unsigned image.
      const unsigned = `${fixture.open.address}/unsigned:latest`;
      await docker('tag', reference, unsigned);
      await docker('push', unsigned);
      const update = await setup(unsigned);
      expect(update.exitCode, update.output).toBe(1);
      expect(update.output).toContain('OPENCLAW_IMAGE_TRUST=unsigned');
      expect((await fetch(`http://127.0.0.1:${here.port}/healthz`)).status).toBe(200);
    } finally {
      await here.remove();
    }
  });

  it('changes nothing if it is published again', async () => {
    const before = await fixture.tagsOf(fixture.repositories[0]);
    const again = await fixture.run(...publish(), '--json');
    expect(again.exitCode, again.stdout).toBe(0);
    expect(await fixture.tagsOf(fixture.repositories[0])).toEqual(before);
    expect((JSON.parse(again.stdout) as Published).record.images).toEqual(record.images);
  });

  it('is not published while another process of this host publishes it, whatever the lock in the registry says', async () => {
    const target = releaseFolderName({ name: fixture.version, registries: fixture.repositories });
    await withFolderLock(stateFolder('releases', `${target}.json`), async () => {
      const { exitCode, stdout } = await fixture.run(...publish(), '--json');
      expect(exitCode).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({
        error: { kind: 'folder-in-use', reason: expect.stringContaining(`Process ${process.pid} works in `) },
      });
    });
  });

  describe('with changed tags', () => {
    const status = async () => {
      const { exitCode, stdout } = await fixture.run(
        'release',
        'status',
        '--registries',
        fixture.repositories.join(','),
        '--json',
      );
      const { tags, repair } = JSON.parse(stdout) as { readonly tags: readonly TagStatus[]; readonly repair?: string };
      return { exitCode, repair, drift: tags.filter(({ state }) => state !== 'ok') };
    };
    const retag = async (registry: string, tag: string, from: string): Promise<void> => {
      const document = await fixture.read.document(parseReference(registry), from);
      if (document === undefined) throw new Error(`there is no ${from}`);
      await fixture.read.putDocument(parseReference(registry), tag, document);
    };

    it('matches its record at first', async () => {
      expect(await status()).toEqual({ exitCode: 0, repair: undefined, drift: [] });
    });

    it('shows an outdated mirror, an overwritten version and missing tags; and repairs them', async () => {
      const [first, mirror] = fixture.repositories;
      const lock = `release-${fixture.version}`;
      await retag(first, `${fixture.version}-amd64`, lock);
      await retag(mirror, 'latest', lock);
      const { exitCode, drift, repair } = await status();
      expect(exitCode).toBe(1);
      expect(drift.map(({ registry, tag, state }) => `${registry} ${tag}: ${state}`)).toEqual([
        `${first} ${fixture.version}-amd64: wrong digest`,
        `${mirror} latest: stale mirror`,
      ]);
      const [, ...args] = repair?.split(' ') ?? [];
      const repaired = await fixture.run(...args);
      expect(repaired.exitCode, repaired.stderr).toBe(0);
      expect(await status()).toEqual({ exitCode: 0, repair: undefined, drift: [] });
    });

    it('stops if a version exists with other contents', async () => {
      const [first, mirror] = fixture.repositories;
      await retag(mirror, `${fixture.version}-slim`, `release-${fixture.version}`);
      const { exitCode, stdout } = await fixture.run(
        ...[
          'release',
          'publish',
          ...fixture.common(fixture.repositories),
          '--variants',
          'default,slim',
          '--base',
          fixture.base,
          '--json',
        ],
      );
      expect(exitCode).toBe(1);
      const { error } = JSON.parse(stdout) as Published;
      expect(error).toMatchObject({ kind: 'version-exists' });
      expect(error?.reason).toContain(`${mirror}:${fixture.version}-slim`);
      await retag(mirror, `${fixture.version}-slim`, fixture.version);
      expect(await fixture.tagsOf(mirror)).toEqual(await fixture.tagsOf(first));
    });
  });

  it('finds the newest record, and reports if there is none', async () => {
    const { exitCode, stdout } = await fixture.run(
      ...['release', 'status', '--release', '2020.1.1', '--registries', fixture.repositories.join(','), '--json'],
    );
    expect(exitCode).toBe(1);
    expect((JSON.parse(stdout) as Published).error?.kind).toBe('not-found');
  });
});
