import { afterEach, describe, expect, it } from 'vitest';
import { PROVENANCE_PREDICATE, type Provenance } from '../../../build/attest/provenance.ts';
import { MEDIA_TYPES, storeDocument } from '../../../build/oci/descriptor.ts';
import { openRegistries } from '../../../build/oci/registry.ts';
import { cacheExport, cacheImport, findCache, withCache } from '../../../build/release/build-cache.ts';
import {
  type Answer,
  memoryRegistry,
  type ReceivedRequest,
  serve,
  type TestServer,
} from '../../support/http-server.ts';

let server: TestServer | undefined;
afterEach(async () => server?.stop());

const CACHE = storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests: [] });
const { digest } = CACHE.descriptor;

/** Looks for a cache. @param isSigned whether it has a signature @param override answers some requests instead of the registry */
async function find(isSigned: boolean, override: (request: ReceivedRequest) => Answer | undefined = () => undefined) {
  const memory = memoryRegistry();
  server = await serve((request) => override(request) ?? memory(request));
  const registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 0, onWait: () => {} } });
  const repository = `${server.address}/cache`;
  await registry.putDocument({ registry: server.address, repository: 'cache' }, 'default-amd64', CACHE);
  const steps: string[] = [];
  const cache = { repository, check: async () => isSigned };
  const found = await findCache(cache, 'default', 'linux/amd64', registry, (step) => steps.push(step));
  return { found, steps, repository };
}

describe('the cache of an image', () => {
  it('is read by digest if it is signed', async () => {
    const { found, steps, repository } = await find(true);
    expect(found).toEqual({ name: `${repository}:default-amd64`, digest });
    expect(steps).toEqual([]);
    expect(found && cacheImport(found)).toBe(`type=registry,ref=${repository}@${digest}`);
  });

  it.each<[string, boolean, (request: ReceivedRequest) => Answer | undefined, string]>([
    ['is not signed', false, () => undefined, 'has no signature of the identity that signs releases'],
    ['is missing', true, ({ method }) => (method === 'GET' ? { status: 404 } : undefined), 'does not exist yet'],
    ['may not be read', true, ({ method }) => (method === 'GET' ? { status: 403 } : undefined), 'with 403'],
    ['is in a registry that fails', true, ({ method }) => (method === 'GET' ? { status: 500 } : undefined), 'with 500'],
    [
      'is damaged',
      true,
      ({ method, path }) =>
        method === 'GET' && path.includes('/manifests/')
          ? { status: 200, headers: { 'content-type': MEDIA_TYPES.index }, body: 'not JSON' }
          : undefined,
      'default-amd64',
    ],
  ])('is left out if it %s, and the build goes on', async (_, isSigned, override, reason) => {
    const { found, steps } = await find(isSigned, (request) =>
      request.path === '/v2/' ? undefined : override(request),
    );
    expect(found).toBeUndefined();
    expect(steps).toHaveLength(1);
    expect(steps[0]).toContain('building without a cache: ');
    expect(steps[0]).toContain(reason);
  });

  it('is exported with all stages, and as an image manifest, which every registry stores', () => {
    expect(cacheExport('/release', 'browser', 'linux/arm64')).toBe(
      'type=local,dest=/release/cache-browser-arm64,mode=max,image-manifest=true,oci-mediatypes=true',
    );
  });

  it('is listed in the provenance, after the other inputs', () => {
    const base = { uri: 'pkg:docker/node@24', digest: { sha256: 'a' } };
    const statement = {
      _type: 'https://in-toto.io/Statement/v1',
      subject: [],
      predicateType: PROVENANCE_PREDICATE,
      predicate: { buildDefinition: { buildType: 'b', resolvedDependencies: [base] }, runDetails: {} },
    } as const;
    const { predicate } = withCache(statement, { name: 'localhost:5000/cache:default-amd64', digest });
    expect((predicate as Provenance).buildDefinition).toEqual({
      buildType: 'b',
      resolvedDependencies: [
        base,
        {
          name: 'build cache',
          uri: 'pkg:docker/localhost:5000/cache@default-amd64',
          digest: { sha256: digest.replace('sha256:', '') },
        },
      ],
    });
    expect(withCache(statement, undefined)).toBe(statement);
    const other = withCache(statement, undefined, ['type=local,src=/a b,secret_access_key=SECRET,token=SECRET'])
      .predicate as Provenance;
    expect(other.buildDefinition?.resolvedDependencies).toEqual([
      base,
      { name: 'unverified build cache', uri: 'buildkit-cache:type=local,src=/a%20b' },
    ]);
  });
});
