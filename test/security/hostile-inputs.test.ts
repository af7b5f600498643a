import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readCheckoutPlugins, selectPlugins } from '../../build/gateway/checkout-plugin.ts';
import { parseBuildInfo, parsePackageJson, parsePluginCatalog } from '../../build/gateway/package-json.ts';
import { putArtifact, putSmallBlob } from '../../build/oci/artifact.ts';
import { fetchBlob, readTree, registryContent } from '../../build/oci/content.ts';
import { copyContent } from '../../build/oci/copy-content.ts';
import { digestOf, MEDIA_TYPES, storeDocument } from '../../build/oci/descriptor.ts';
import { parseReference } from '../../build/oci/reference.ts';
import { listReferrers } from '../../build/oci/referrers.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import { findRecord } from '../../build/release/find-record.ts';
import { publishedChecks, readPublishedImage } from '../../build/release/published-checks.ts';
import { takeLock } from '../../build/release/release-lock.ts';
import { releaseStatus, restrictedTo } from '../../build/release/release-status.ts';
import { repairRelease } from '../../build/release/repair-release.ts';
import { parseImageSpec } from '../../build/spec/parse-image-spec.ts';
import { endsInWords, mutated, VALUE, WORD } from '../support/hostile.ts';
import { type Answer, memoryRegistry, serve, type TestServer } from '../support/http-server.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const descriptor = (mediaType: string) => ({ mediaType, digest: DIGEST, size: 10 });
const MANIFEST = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.manifest,
  artifactType: 'application/vnd.openclaw.release.record.v1+json',
  config: descriptor('application/vnd.oci.image.config.v1+json'),
  layers: [descriptor('application/vnd.in-toto+json')],
  annotations: { a: 'b' },
};
const INDEX = {
  schemaVersion: 2,
  mediaType: MEDIA_TYPES.index,
  manifests: [{ ...descriptor(MEDIA_TYPES.manifest), platform: { os: 'linux', architecture: 'amd64' } }],
};
const RECORD = {
  ...{
    name: '2026.9.6',
    ref: 'refs/tags/v2026.9.6',
    event: 'push',
    date: '20260907',
    revision: 'f',
    source: 'x',
    base: '',
  },
  ...{ created: '', signed: false, registries: ['ghcr.io/a/b'], variants: ['default'], platforms: ['linux/amd64'] },
  images: { default: { index: descriptor(MEDIA_TYPES.index), platforms: {} } },
  tags: [{ registry: 'ghcr.io/a/b', tag: 'latest', kind: 'channel', digest: DIGEST }],
};
const LOCK = { id: 'a', who: 'b', processes: 'c', process: 1, until: 0 };

const BODY = fc.oneof(
  VALUE.map((value) => JSON.stringify(value) ?? ''),
  fc
    .oneof(mutated(MANIFEST), mutated(INDEX), mutated(RECORD), mutated(LOCK))
    .map((value) => JSON.stringify(value) ?? ''),
  fc.constantFrom('', '<html>', '{', '[]', 'null', '"x"', '{"tags":null}'),
  fc.string(),
);
const ANSWER = fc.record({
  status: fc.constantFrom(200, 200, 200, 404, 401, 403, 418),
  type: fc.constantFrom<string>(MEDIA_TYPES.index, MEDIA_TYPES.manifest, 'application/json', 'text/html', ''),
  body: BODY,
  link: fc.option(WORD, { nil: undefined }),
});
type HostileAnswer = typeof ANSWER extends fc.Arbitrary<infer T> ? T : never;

let folder = '';
let server: TestServer;
let answers: readonly HostileAnswer[] = [];
let requests = 0;
let before: string | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-hostile-'));
  await mkdir(join(folder, 'inside'));
  before = process.env['XDG_STATE_HOME'];
  process.env['XDG_STATE_HOME'] = join(folder, 'state');
  server = await serve(({ path }): Answer => {
    if (path === '/v2/') return { status: 200 };
    const answer = answers[requests % answers.length];
    requests += 1;
    const { status = 404, type = '', body = '', link } = answer ?? {};
    return {
      status,
      headers: {
        ...(type === '' ? {} : { 'content-type': type }),
        ...(link === undefined ? {} : { link: `<${encodeURI(link.toWellFormed())}>; rel="next"` }),
        'www-authenticate': `Bearer realm="http://${server.address}/token"`,
      },
      body,
    };
  });
});
afterAll(async () => {
  if (before === undefined) delete process.env['XDG_STATE_HOME'];
  else process.env['XDG_STATE_HOME'] = before;
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const RUNS = 300;
const TRUSTING = async (): Promise<boolean> => true;
const open = () => openRegistries({ credentials: async () => undefined, retries: { seconds: 0, onWait: () => {} } });

it('survives whatever a registry answers', async () => {
  const memory = process.memoryUsage().rss;
  const repository = parseReference(`${server.address}/openclaw`);
  const registry = open();
  const source = registryContent(registry, repository);
  const name = `${server.address}/openclaw`;
  const root = { mediaType: MEDIA_TYPES.index, digest: DIGEST, size: 1 };
  const operations: readonly (() => Promise<unknown>)[] = [
    () => registry.tags(repository),
    () => registry.document(repository, 'latest'),
    () => readTree(source, root),
    () => copyContent(source, root, registry, repository),
    () => fetchBlob(source, root, join(folder, 'inside/layout')),
    () => listReferrers(registry, repository, DIGEST),
    () => findRecord(registry, [name], '2026.9.6', undefined),
    () => findRecord(registry, [name], undefined, TRUSTING),
    () => takeLock(registry, [repository], { minutes: -1, onWait: () => {} }),
    async () => {
      const image = await readPublishedImage(registry, repository, 'latest');
      return image === undefined ? [] : publishedChecks(image, ['linux/amd64']);
    },
    () => releaseStatus({ ...RECORD, registries: [name], tags: [] } as never, registry, TRUSTING),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(ANSWER, { minLength: 1, maxLength: 6 }),
      fc.nat(operations.length - 1),
      async (given, at) => {
        answers = given;
        requests = 0;
        await endsInWords(operations[at] ?? (async () => {}));
        expect(requests).toBeLessThan(200);
      },
    ),
    { numRuns: RUNS },
  );
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['inside']));
  expect((await readdir(folder)).filter((entry) => entry !== 'inside' && entry !== 'state')).toEqual([]);
  expect(existsSync(join(folder, '../planted'))).toBe(false);
  expect(process.memoryUsage().rss - memory).toBeLessThan(300 << 20);
});

it('reads whatever the answer is by its digest', async () => {
  const repository = parseReference(`${server.address}/openclaw`);
  const registry = open();
  await fc.assert(
    fc.asyncProperty(fc.oneof(mutated(MANIFEST), mutated(INDEX)), async (document) => {
      const body = JSON.stringify(document) ?? '';
      answers = [{ status: 200, type: MEDIA_TYPES.index, body, link: undefined }];
      requests = 0;
      const digest = digestOf(Buffer.from(body));
      await endsInWords(() =>
        readTree(registryContent(registry, repository), { ...INDEX.manifests[0], digest } as never),
      );
      await endsInWords(async () => {
        const image = await readPublishedImage(registry, repository, digest);
        return image === undefined ? [] : publishedChecks(image, ['linux/amd64']);
      });
      expect(requests).toBeLessThan(200);
    }),
    { numRuns: RUNS },
  );
});

it('survives whatever a record, a lock, a config or a statement contains, with the right digest', async () => {
  const memory = await serve(memoryRegistry());
  const name = `${memory.address}/openclaw`;
  const repository = parseReference(name);
  const registry = open();
  const artifact = (tag: string, type: string, content: unknown) =>
    putArtifact(registry, repository, tag, {
      type: `application/vnd.openclaw.release.${type}.v1+json`,
      annotations: {},
      content,
    });
  const put = async (content: unknown, mediaType: string) => {
    const bytes = Buffer.from(JSON.stringify(content) ?? 'null');
    const blob = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await putSmallBlob(registry, repository, blob, bytes);
    return blob;
  };
  const own = { ...RECORD, registries: [name], tags: [{ ...RECORD.tags[0], registry: name }] };
  const SPDX = { packages: [{ externalRefs: [{ referenceLocator: 'pkg:deb/debian/git' }] }] };
  const statementOf = (predicateType: string, predicate: unknown) => ({
    ...{ _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: 'a'.repeat(64) } }] },
    ...{ predicateType, predicate },
  });
  const PROVENANCE = {
    buildDefinition: { externalParameters: { request: { args: { a: 'b' } } } },
    runDetails: { builder: { id: 'x' } },
  };
  const CONFIG = { os: 'linux', architecture: 'amd64', config: { Labels: { a: 'b' } }, rootfs: { diff_ids: [DIGEST] } };
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        record: mutated(own),
        lock: mutated(LOCK),
        config: mutated(CONFIG),
        sbom: mutated(statementOf('https://spdx.dev/Document', SPDX)),
        provenance: mutated(statementOf('https://slsa.dev/provenance/v1', PROVENANCE)),
      }),
      async ({ record, lock, config, sbom, provenance }) => {
        const at = memory.requests.length;
        await artifact('release-2026.9.6', 'record', record);
        await endsInWords(async () => {
          const found = await findRecord(registry, [name], '2026.9.6', TRUSTING);
          await releaseStatus(restrictedTo(found, [name]), registry, TRUSTING);
          await repairRelease(found, [name], registry, TRUSTING, () => {});
        });
        await artifact('release-lock', 'lock', lock);
        await endsInWords(async () => {
          const held = await takeLock(registry, [repository], { minutes: -1, onWait: () => {} });
          await held.release();
        });
        await artifact('release-lock', 'lock', LOCK);
        const layers = [
          await put(sbom, 'application/vnd.in-toto+json'),
          await put(provenance, 'application/vnd.in-toto+json'),
        ];
        const manifest = storeDocument({
          ...MANIFEST,
          config: await put(config, MANIFEST.config.mediaType),
          layers: [],
        } as never);
        const attestation = storeDocument({ ...MANIFEST, config: await put({}, 'x'), layers } as never);
        for (const part of [manifest, attestation])
          await registry.putDocument(repository, part.descriptor.digest, part);
        const index = storeDocument({
          ...INDEX,
          manifests: [
            { ...manifest.descriptor, platform: { os: 'linux', architecture: 'amd64' } },
            {
              ...attestation.descriptor,
              platform: { os: 'unknown', architecture: 'unknown' },
              annotations: {
                'vnd.docker.reference.type': 'attestation-manifest',
                'vnd.docker.reference.digest': manifest.descriptor.digest,
              },
            },
          ],
        } as never);
        await registry.putDocument(repository, 'latest', index);
        await endsInWords(async () => {
          const image = await readPublishedImage(registry, repository, 'latest');
          return image === undefined ? [] : publishedChecks(image, ['linux/amd64'], { source: 'x', builder: /x/ });
        });
        expect(memory.requests.length - at).toBeLessThan(200);
      },
    ),
    { numRuns: RUNS },
  );
  await memory.stop();
}, 300_000);

it('explains whatever a package, a plugin or a checkout contains', async () => {
  const root = join(folder, 'inside/checkout');
  const manifest = join(root, 'extensions/a/openclaw.plugin.json');
  await mkdir(join(root, 'extensions/a'), { recursive: true });
  const PACKAGE = {
    name: 'openclaw',
    version: '2026.9.6',
    dependencies: { a: '1' },
    scripts: { build: 'x' },
    files: ['dist'],
  };
  const CATALOG = { entries: [{ name: '@openclaw/slack', openclaw: { plugin: { id: 'slack' } } }] };
  const text = (document: object) =>
    fc.oneof(
      mutated(document).map((value) => JSON.stringify(value) ?? ''),
      fc.string(),
    );
  await fc.assert(
    fc.asyncProperty(
      text(PACKAGE),
      text(CATALOG),
      text({ id: 'slack' }),
      WORD,
      async (packed, catalog, plugin, word) => {
        await endsInWords(() => parsePackageJson(packed, 'package.json'));
        await endsInWords(() => parseBuildInfo(packed, 'build-info.json'));
        await endsInWords(() => {
          for (const { name } of parsePluginCatalog(catalog, 'catalog.json')) expect(name).not.toMatch(/\.\.\/|^\./);
        });
        await writeFile(manifest, plugin);
        await endsInWords(async () => selectPlugins([word], await readCheckoutPlugins(root)));
        const { problems } = parseImageSpec(
          { extensions: word, apt: word, pip: word, tag: [word], platform: word },
          {},
          undefined,
        );
        expect(Array.isArray(problems)).toBe(true);
      },
    ),
    { numRuns: RUNS },
  );
});
