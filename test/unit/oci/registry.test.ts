import { afterEach, describe, expect, it } from 'vitest';
import { digestOf, MEDIA_TYPES, storeDocument } from '../../../build/oci/descriptor.ts';
import { openRegistries } from '../../../build/oci/registry.ts';
import {
  type Answer,
  memoryRegistry,
  type ReceivedRequest,
  serve,
  type TestServer,
} from '../../support/http-server.ts';

let server: TestServer | undefined;
afterEach(async () => server?.stop());

/** @param override answers some requests instead of the registry */
async function open(override: (request: ReceivedRequest) => Answer | undefined = () => undefined) {
  const registry = memoryRegistry();
  server = await serve((request) => override(request) ?? registry(request));
  const repository = { registry: server.address, repository: 'openclaw' };
  return {
    registry: openRegistries({ credentials: async () => undefined, retries: { seconds: 2, onWait: () => {} } }),
    repository,
  };
}

const BYTES = Buffer.from('some bytes');
const BLOB = { mediaType: 'x', digest: digestOf(BYTES), size: BYTES.length };
const INDEX = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [], annotations: { a: 'b' } });

it('stores a blob and reads it back', async () => {
  const { registry, repository } = await open();
  expect(await registry.hasBlob(repository, BLOB)).toBe(false);
  await registry.putBlob(repository, BLOB, async () => BYTES);
  expect(await registry.hasBlob(repository, BLOB)).toBe(true);
  expect(await registry.blob(repository, BLOB.digest)).toEqual(BYTES);
});

it('stores a document under a tag, and reads it with its annotations', async () => {
  const { registry, repository } = await open();
  await registry.putDocument(repository, 'latest', INDEX);
  expect(await registry.document(repository, 'latest')).toMatchObject({
    descriptor: { digest: INDEX.descriptor.digest },
    annotations: { a: 'b' },
  });
  expect(await registry.document(repository, 'missing')).toBeUndefined();
});

it('reads all pages of tags', async () => {
  const { registry, repository } = await open(({ path }) => {
    if (path.includes('last=b')) return { status: 200, body: '{"tags":["c"]}' };
    const link = '</v2/openclaw/tags/list?n=1000&last=b>; rel="next"';
    return path.includes('/tags/list') ? { status: 200, headers: { link }, body: '{"tags":["a","b"]}' } : undefined;
  });
  expect(await registry.tags(repository)).toEqual(['a', 'b', 'c']);
});

it('has no tags in a repository that does not exist', async () => {
  const { registry, repository } = await open(({ path }) => (path.includes('/tags/') ? { status: 404 } : undefined));
  expect(await registry.tags(repository)).toEqual([]);
});

it('refuses a blob whose bytes do not match its digest, without a retry', async () => {
  let requests = 0;
  const { registry, repository } = await open(({ path }) => {
    if (!path.includes('/blobs/')) return undefined;
    requests += 1;
    return { status: 200, body: 'other bytes' };
  });
  await expect(registry.blob(repository, BLOB.digest)).rejects.toMatchObject({ failure: { kind: 'digest-mismatch' } });
  expect(requests).toBe(1);
});

it('refuses a document that does not match the requested digest', async () => {
  const { registry, repository } = await open(({ path }) =>
    path.includes('/manifests/')
      ? { status: 200, headers: { 'content-type': MEDIA_TYPES.index }, body: '{"schemaVersion":2}' }
      : undefined,
  );
  await expect(registry.document(repository, INDEX.descriptor.digest)).rejects.toMatchObject({
    failure: { kind: 'digest-mismatch' },
  });
});

it('refuses an upload that the registry stored under another digest', async () => {
  const { registry, repository } = await open(({ method, path }) =>
    method === 'PUT' && path.includes('/manifests/')
      ? { status: 201, headers: { 'docker-content-digest': BLOB.digest } }
      : undefined,
  );
  await expect(registry.putDocument(repository, 'latest', INDEX)).rejects.toMatchObject({
    failure: { kind: 'digest-mismatch' },
  });
});

it('reads no referrers from a registry that answers with a page', async () => {
  const { registry, repository } = await open(({ path }) =>
    path.includes('/referrers/')
      ? { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>' }
      : undefined,
  );
  expect(await registry.referrers(repository, BLOB.digest)).toBeUndefined();
});

describe('a mount from another repository', () => {
  const mountWith = async (answer: Answer) => {
    const { registry, repository } = await open(({ method, path }) =>
      method === 'POST' && path.includes('mount=') ? answer : method === 'DELETE' ? { status: 204 } : undefined,
    );
    const isMounted = await registry.mountBlob(repository, BLOB, { ...repository, repository: 'library/node' });
    return { isMounted, requests: server?.requests.map(({ method, path }) => `${method} ${path}`) ?? [] };
  };

  it('sends no bytes', async () => {
    const { isMounted, requests } = await mountWith({ status: 201, headers: { 'docker-content-digest': BLOB.digest } });
    expect(isMounted).toBe(true);
    const query = `mount=${encodeURIComponent(BLOB.digest)}&from=library%2Fnode`;
    expect(requests).toContain(`POST /v2/openclaw/blobs/uploads/?${query}`);
    expect(server?.requests.every(({ body }) => body.length === 0)).toBe(true);
  });

  it('cancels the upload that the registry begins instead', async () => {
    const { isMounted, requests } = await mountWith({
      status: 202,
      headers: { location: '/v2/openclaw/blobs/uploads/7' },
    });
    expect(isMounted).toBe(false);
    expect(requests.at(-1)).toBe('DELETE /v2/openclaw/blobs/uploads/7');
  });

  it.each([401, 403, 404, 405])('is not made if the registry refuses it: status %i', async (status) => {
    expect(await mountWith({ status })).toMatchObject({ isMounted: false });
  });
});
