import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { MEDIATYPE_PAYLOAD } from '@docker/actions-toolkit/lib/types/intoto/intoto.js';
import { execa } from 'execa';
import { pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readStatements } from '../../build/attest/attestation.ts';
import { baseOf } from '../../build/base/base-labels.ts';
import { mergeLayers } from '../../build/contents/merged-layers.ts';
import { readStoredAnnotations } from '../../build/engine/stored-annotations.ts';
import { readCheckoutPlugins } from '../../build/gateway/checkout-plugin.ts';
import { checkedManifest, checkedPackument } from '../../build/gateway/package-json.ts';
import { readPackedFiles } from '../../build/gateway/packed-file.ts';
import { parseWorkspace } from '../../build/gateway/pnpm-files.ts';
import { readSourceFile } from '../../build/gateway/source-file.ts';
import type { ContentSource } from '../../build/oci/content.ts';
import { readCredentials } from '../../build/oci/credentials.ts';
import { digestOf, MEDIA_TYPES, storeDocument } from '../../build/oci/descriptor.ts';
import { parseJson } from '../../build/oci/document.ts';
import { RequestError } from '../../build/problem.ts';
import { requireCache } from '../../build/release/build-cache.ts';
import { hasSystemStages } from '../../build/release/build-system-layers.ts';
import { markdownTable, table } from '../../build/report/table.ts';

// Inputs from programs, registries and the job that builds.

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-handed-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const DIGEST = `sha256:${'a'.repeat(64)}`;
const descriptor = (mediaType: string) => ({ mediaType, digest: DIGEST, size: 2 });

describe('a build cache that the job which signs gets', () => {
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.buildkit.cacheconfig.v0'),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar+gzip')],
  };
  const require = (document: object): void => requireCache(Buffer.from(JSON.stringify(document)), DIGEST);

  it('is a manifest with the config of a cache', () => expect(() => require(manifest)).not.toThrow());

  it.each([
    ['an image', { ...manifest, config: descriptor('application/vnd.oci.image.config.v1+json') }],
    ['a release record', { ...manifest, artifactType: 'application/vnd.openclaw.release.record.v1+json' }],
    ['an artifact about an image', { ...manifest, subject: descriptor('application/vnd.oci.image.index.v1+json') }],
    ['an index', { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }],
  ])('is not %s', (_, document) => {
    expect(() => require(document)).toThrow(
      expect.objectContaining({ failure: expect.objectContaining({ kind: 'invalid-content' }) }),
    );
  });
});

describe("npm's answers", () => {
  const dist = { integrity: `sha512-${'a'.repeat(86)}==` };
  it.each([
    ['1.0.0\nSH\nRUN --mount=type=secret,id=npmrc cat /run/secrets/npmrc'],
    ['../../../etc/x'],
    ['file:/etc'],
    ['latest'],
    [''],
  ])('with the version %j are refused', (version) => {
    const refused = expect.objectContaining({ failure: expect.objectContaining({ kind: 'unexpected-answer' }) });
    expect(() => checkedManifest({ version, dist }, 'openclaw')).toThrow(refused);
    expect(() => checkedPackument({ versions: { x: { version, dist } } }, 'x')).toThrow(refused);
  });

  it.each([['2026.9.6'], ['2026.1.29-1'], ['2026.9.1-beta.1'], ['1.0.0+build.5']])('%s is a version', (version) =>
    expect(checkedManifest({ version, dist }, 'openclaw').version).toBe(version),
  );

  it.each([
    ['a page of a proxy', Buffer.from('<html>login</html>')],
    ['a half archive', gzipSync(Buffer.alloc(10_000, 'x')).subarray(0, 20)],
    ['no archive in gzip', gzipSync(Buffer.from('not a tar'))],
  ])('%s in place of a package is an error that somebody catches', async (_, bytes) => {
    await expect(readPackedFiles(Readable.from([bytes]), [/./])).rejects.toThrow();
  });
});

it.each([
  ['a name that is none', { 'org.opencontainers.image.base.name': 'A B\n::error::', digest: DIGEST }],
  ['a tag in place of a digest', { 'org.opencontainers.image.base.name': 'node:24', digest: 'latest' }],
  ['a path', { 'org.opencontainers.image.base.name': 'node:24', digest: '../../x' }],
  ['nothing', {}],
])('labels with %s name no base', (_, labels) => {
  const { digest = '', ...name } = labels as Readonly<Record<string, string>>;
  expect(baseOf({ ...name, 'org.opencontainers.image.base.digest': digest })).toBeUndefined();
});

it.each([['null'], ['1'], ['[']])("Docker's logins that are %s are named", async (text) => {
  await writeFile(join(folder, 'config.json'), text);
  await expect(readCredentials('ghcr.io', { DOCKER_CONFIG: folder })).rejects.toMatchObject({
    failure: { kind: 'credentials' },
  });
});

it('prints its own colors in a table, and removes those in a text', () => {
  const start = String.fromCharCode(27);
  const cells = [{ color: 'green', text: `ok${start}[31m` }, `${start}[32mfine${start}[8m hidden\n::error::`] as const;
  expect(stripVTControlCharacters(table(['', 'name'], [cells]))).toContain('ok [31m   [32mfine [8m hidden ::error::');
  expect(markdownTable([''], [['a\\|b <img src=x> [c](https://example.org)']])).toContain(
    '| a\\\\\\|b \\<img src=x> \\[c](https\\://example.org) |',
  );
  expect(markdownTable(['', 'name'], [cells])).toContain('| ok \\[31m |  \\[32mfine \\[8m hidden ::error:: |');
});

it('asks a cosign on PATH for its version without a line on standard output', async () => {
  const cosign = join(folder, 'cosign');
  await writeFile(cosign, '#!/bin/sh\necho \'{ "gitVersion": "v3.0.4" }\'\n');
  await chmod(cosign, 0o755);
  const line = `import('${join(import.meta.dirname, '../../build/attest/cosign.ts')}').then((m) => m.findCosign(() => {})).then((path) => process.stdout.write(path))`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', line], {
    env: { PATH: `${folder}:${process.env['PATH']}` },
  });
  expect(stdout).toBe(cosign);
});

describe('a checkout', () => {
  it('with a pipe in the place of a file is refused, and reading it ends', async () => {
    const pipe = join(folder, 'package.json');
    await execa('mkfifo', [pipe]);
    await expect(readSourceFile(pipe)).rejects.toMatchObject({ problems: [{ source: pipe, reason: 'is not a file' }] });
  });

  it.each([
    ['a link that leads nowhere', 'nowhere', /cannot be read: ENOENT/],
    ['a link to itself', 'package.json', /cannot be read: ELOOP/],
    ['a device', '/dev/zero', /is not a file/],
  ])('with %s is refused', async (_, target, reason) => {
    const file = join(folder, 'package.json');
    await symlink(target, file);
    await expect(readSourceFile(file)).rejects.toMatchObject({ problems: [{ reason: expect.stringMatching(reason) }] });
  });

  it('with a plugin that is a link to nowhere has no such plugin', async () => {
    await mkdir(join(folder, 'extensions'));
    await symlink('nowhere', join(folder, 'extensions/x'));
    expect(await readCheckoutPlugins(folder)).toEqual({ plugins: [], others: ['x'] });
  });

  it.each([['../../**'], ['/**'], ['!/x'], ['a/{b,c}/{d,e}/{f,g}/{h,i}/*'], ['packages/../../x']])(
    'with the workspace pattern %s is refused',
    async (pattern) => {
      await expect(parseWorkspace(`packages: ['${pattern}']\n`, 'pnpm-workspace.yaml')).rejects.toThrow(RequestError);
    },
  );

  it.each([['.'], ['packages/*'], ['extensions/{a,b}'], ['!**/test/**'], ['ui']])(
    'with the workspace pattern %s is read',
    async (pattern) => {
      expect((await parseWorkspace(`packages: ['${pattern}']\n`, 'pnpm-workspace.yaml')).packages).toEqual([pattern]);
    },
  );
});

describe('a layer', () => {
  const merge = (bytes: Buffer, mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip') =>
    mergeLayers({ open: async () => Readable.from([bytes]) }, [{ ...descriptor(mediaType), size: bytes.length }], {
      texts: () => true,
      fingerprints: true,
    });

  it.each([
    ['a page', Buffer.from('<html>')],
    ['half of one', gzipSync(Buffer.alloc(100_000, 1)).subarray(0, 30)],
    ['no tar', gzipSync(Buffer.alloc(2000, 'x'))],
  ])('that is %s is named', async (_, bytes) => {
    await expect(merge(bytes)).rejects.toMatchObject({ failure: { kind: 'invalid-content' } });
  });

  /** A layer with a text, which is written while it is read. */
  const textLayer = (megabytes: number) => async (): Promise<Readable> => {
    const archive = pack();
    const entry = archive.entry({ name: 'var/lib/dpkg/status', size: megabytes * 1_000_000 });
    const chunk = Buffer.alloc(1_000_000, 'a');
    (async () => {
      for (let count = 0; count < megabytes; count += 1) if (!entry.write(chunk)) await once(entry, 'drain');
      entry.end(undefined);
      archive.finalize();
    })().catch(() => {});
    return archive as unknown as Readable;
  };

  it.each([
    ['a huge text', 1, 70],
    ['huge texts together with others', 6, 50],
  ])('with %s is refused before it fills the memory', async (_, layers, megabytes) => {
    const layer = { ...descriptor('application/vnd.oci.image.layer.v1.tar'), size: 1 };
    const wanted = { texts: () => true, fingerprints: false };
    await expect(mergeLayers({ open: textLayer(megabytes) }, Array(layers).fill(layer), wanted)).rejects.toMatchObject({
      failure: { kind: 'invalid-content' },
    });
  });
});

describe('JSON that needs a hundred times its size in memory', () => {
  const many = (count: number): Buffer =>
    Buffer.from(`{"predicate":{"a":[${'{},'.repeat(count)}{}]},"predicateType":"${count}","subject":[]}`);

  it('is refused in a document, before it is parsed', () => {
    expect(() => parseJson(many(600_000), 'the record')).toThrow(/the record: it has more than 1000000 values/);
    expect(parseJson(many(1000), 'the record')).toMatchObject({ predicateType: '1000' });
  });

  it('is refused in the statements of an image together', async () => {
    const blobs = new Map([150_000, 150_001].map((count) => [digestOf(many(count)), many(count)]));
    const layers = [...blobs].map(([digest, { length: size }]) => ({ mediaType: MEDIATYPE_PAYLOAD, digest, size }));
    const statements = (of: typeof layers) => {
      const { bytes, descriptor: about } = storeDocument({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.manifest,
        config: descriptor('x/y'),
        layers: of,
      });
      const blob = async (digest: string) => blobs.get(digest) ?? Buffer.of();
      return readStatements({ document: async () => bytes, blob } as unknown as ContentSource, about);
    };
    expect((await statements(layers.slice(1))).size).toBe(1);
    await expect(statements(layers)).rejects.toMatchObject({ failure: { kind: 'invalid-content' } });
  });
});

it.each([['null'], ['<html>'], ['{"manifests": 5}'], ['{"manifests": [null]}']])(
  'the document %s of an image is named',
  async (text) => {
    await expect(readStoredAnnotations(DIGEST, async () => text)).rejects.toMatchObject({
      failure: { kind: 'invalid-content' },
    });
  },
);

it.each([
  [
    'the stage and the argument',
    '# x\nFROM base AS system\nARG OPENCLAW_PACKAGES_DATE\nRUN x\n\nFROM system AS with-tools\n',
    true,
  ],
  [
    'another name of the stage',
    '# x\nFROM base AS system\nARG OPENCLAW_PACKAGES_DATE\nRUN x\n\nFROM system AS equipped\n',
    false,
  ],
  ['no argument', 'FROM base AS system\nRUN x\n\nFROM system AS with-tools\n', false],
])('a Dockerfile of an earlier release with %s can install its packages again: %s', (_, dockerfile, expected) =>
  expect(hasSystemStages(dockerfile)).toBe(expected),
);
