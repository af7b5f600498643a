import { afterEach, describe, expect, it } from 'vitest';
import type { Credentials } from '../../../build/oci/credentials.ts';
import { connectRegistries } from '../../../build/oci/registry-connection.ts';
import { type Answer, type ReceivedRequest, serve, type TestServer } from '../../support/http-server.ts';

const LOGIN: Credentials = { kind: 'password', user: 'someone', password: 'U*U' };
const BASIC = `Basic ${Buffer.from('someone:U*U').toString('base64')}`;
const PULL = { method: 'GET', path: '/v2/openclaw/manifests/latest' } as const;
const PUSH = { ...PULL, method: 'PUT', body: { content: Buffer.from('{}'), size: 2, mediaType: 'x' } } as const;

const servers: TestServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function start(answer: (request: ReceivedRequest, address: string) => Answer): Promise<TestServer> {
  const server = await serve((request, address) =>
    request.path === '/v2/' ? { status: 200 } : answer(request, address),
  );
  servers.push(server);
  return server;
}

/** @param seconds time limit for retries */
function connect({ address }: TestServer, credentials?: Credentials, seconds = 5) {
  const waits: { readonly reason: string; readonly wait: number }[] = [];
  const connections = connectRegistries({
    credentials: async () => credentials,
    retries: { seconds, onWait: (reason, wait) => void waits.push({ reason, wait }) },
  });
  const { send, withRetries } = connections({ registry: address, repository: 'openclaw' });
  const text = (request: Parameters<typeof send>[0]) => withRetries(async () => (await send(request))?.body.text());
  return { text, waits };
}

/** Requests without those that find out whether the registry uses TLS. */
const sentTo = ({ requests }: TestServer) => requests.filter(({ path }) => path !== '/v2/');

describe('a registry with Basic authentication', () => {
  const answer = ({ headers }: ReceivedRequest): Answer =>
    headers.authorization === BASIC
      ? { status: 200, body: 'contents' }
      : { status: 401, headers: { 'www-authenticate': 'Basic realm="registry"' } };

  it('gets the login after its challenge, and then with each request', async () => {
    const server = await start(answer);
    const { text } = connect(server, LOGIN);
    expect(await text(PULL)).toBe('contents');
    expect(await text(PULL)).toBe('contents');
    expect(sentTo(server).map(({ headers }) => headers.authorization)).toEqual([undefined, BASIC, BASIC]);
  });

  it.each([
    ['no login', undefined],
    ['a wrong login', { ...LOGIN, password: 'wrong' }],
  ])('fails at once with %s, and the hint is docker login', async (_, credentials) => {
    const server = await start(answer);
    const { text, waits } = connect(server, credentials);
    await expect(text(PULL)).rejects.toMatchObject({
      failure: { kind: 'registry-denied', hint: expect.stringContaining(`docker login ${server.address}`) },
    });
    expect(waits).toEqual([]);
  });
});

describe('a registry with Bearer tokens, as ghcr.io and docker.io', () => {
  const bearer =
    (grant: (request: ReceivedRequest) => Answer) =>
    (request: ReceivedRequest, address: string): Answer => {
      if (request.path.startsWith('/token')) return grant(request);
      const action = request.method === 'GET' ? 'pull' : 'pull,push';
      if (request.headers.authorization === `Bearer token-for-${action}`) return { status: 200, body: 'contents' };
      const realm = `realm="http://${address}/token",service="registry.example",scope="repository:openclaw:${action}"`;
      return { status: 401, headers: { 'www-authenticate': `Bearer ${realm}` } };
    };
  const grant = (text: string): Answer => {
    const scope = new URLSearchParams(text).get('scope') ?? '';
    return { status: 200, body: JSON.stringify({ token: `token-for-${scope.replace('repository:openclaw:', '')}` }) };
  };
  const tokens = (server: TestServer) => sentTo(server).filter(({ path }) => path.startsWith('/token'));

  it('gets a token without a login for a public image, and uses it again', async () => {
    const server = await start(bearer(({ path }) => grant(path.split('?')[1] ?? '')));
    const { text } = connect(server);
    expect([await text(PULL), await text(PULL)]).toEqual(['contents', 'contents']);
    expect(tokens(server).map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/token?service=registry.example&scope=repository%3Aopenclaw%3Apull', undefined],
    ]);
  });

  it('sends the login to the token server only', async () => {
    const server = await start(bearer(({ path }) => grant(path.split('?')[1] ?? '')));
    await connect(server, LOGIN).text(PULL);
    expect(sentTo(server).map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      BASIC,
      'Bearer token-for-pull',
    ]);
  });

  it('requests another token for writing', async () => {
    const server = await start(bearer(({ path }) => grant(path.split('?')[1] ?? '')));
    const { text } = connect(server, LOGIN);
    await text(PULL);
    await text(PUSH);
    await text(PULL);
    expect(tokens(server)).toHaveLength(2);
  });

  it('requests each scope of a mount, which reads another repository', async () => {
    const scope = 'repository:openclaw:pull,push repository:library/node:pull';
    const server = await start((request, address) => {
      if (request.path.startsWith('/token')) return { status: 200, body: JSON.stringify({ token: 'both' }) };
      if (request.headers.authorization === 'Bearer both') return { status: 200, body: 'contents' };
      const challenge = `Bearer realm="http://${address}/token",service="registry.example",scope="${scope}"`;
      return { status: 401, headers: { 'www-authenticate': challenge } };
    });
    await connect(server, LOGIN).text(PUSH);
    const [token] = tokens(server);
    expect(new URLSearchParams(token?.path.split('?')[1]).getAll('scope')).toEqual(scope.split(' '));
  });

  it('exchanges an identity token of docker login', async () => {
    const server = await start(bearer(({ body }) => grant(body.toString())));
    expect(await connect(server, { kind: 'token', token: 'refresh' }).text(PULL)).toBe('contents');
    const [sent] = tokens(server);
    expect(sent?.method).toBe('POST');
    expect(Object.fromEntries(new URLSearchParams(sent?.body.toString()))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh',
      service: 'registry.example',
    });
  });

  it('renews an expired token', async () => {
    let version = 1;
    const server = await start(({ path, headers }, address) => {
      if (path.startsWith('/token')) return { status: 200, body: JSON.stringify({ access_token: `v${version}` }) };
      if (headers.authorization === `Bearer v${version}`) return { status: 200, body: 'contents' };
      return { status: 401, headers: { 'www-authenticate': `Bearer realm="http://${address}/token"` } };
    });
    const { text } = connect(server);
    await text(PULL);
    version = 2;
    expect(await text(PULL)).toBe('contents');
  });

  it('reports a refused token request', async () => {
    const denied = '{"errors":[{"code":"DENIED","message":"requested access is denied"}]}';
    const server = await start(bearer(() => ({ status: 403, body: denied })));
    await expect(connect(server).text(PULL)).rejects.toMatchObject({
      failure: { kind: 'registry-denied', reason: expect.stringContaining('requested access is denied') },
    });
  });
});

describe('a redirect', () => {
  it('to a blob store is followed without the login', async () => {
    const store = await start(() => ({ status: 200, body: 'blob' }));
    const server = await start(({ headers }) =>
      headers.authorization === BASIC
        ? { status: 307, headers: { location: `http://${store.address}/blob?signature=1` } }
        : { status: 401, headers: { 'www-authenticate': 'Basic realm="registry"' } },
    );
    expect(await connect(server, LOGIN).text(PULL)).toBe('blob');
    expect(sentTo(store).map(({ path, headers }) => [path, headers.authorization])).toEqual([
      ['/blob?signature=1', undefined],
    ]);
  });

  it('does not give the login to a blob store that requests one', async () => {
    const store = await start(() => ({ status: 401, headers: { 'www-authenticate': 'Basic realm="store"' } }));
    const server = await start(() => ({ status: 302, headers: { location: `http://${store.address}/blob` } }));
    await expect(connect(server, LOGIN).text(PULL)).rejects.toMatchObject({ failure: { kind: 'registry-denied' } });
    expect(sentTo(store).every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('that never ends is reported', async () => {
    const server = await start(({ path }) => ({ status: 301, headers: { location: `${path}x` } }));
    await expect(connect(server).text(PULL)).rejects.toMatchObject({ failure: { kind: 'registry-failed' } });
  });
});

describe('a temporary failure', () => {
  /** Fails a number of times, then answers. */
  const failing = (times: number, failure: Answer): (() => Answer) => {
    let left = times;
    return () => {
      left -= 1;
      return left >= 0 ? failure : { status: 200, body: 'contents' };
    };
  };

  it.each([408, 429, 500, 502, 503, 504])('with status %i is retried', async (status) => {
    const { text, waits } = connect(await start(failing(1, { status, headers: { 'retry-after': '0' } })));
    expect(await text(PULL)).toBe('contents');
    expect(waits).toHaveLength(1);
  });

  it('waits as long as Retry-After requests', async () => {
    const { text, waits } = connect(await start(failing(1, { status: 429, headers: { 'retry-after': '1' } })));
    await text(PULL);
    expect(waits.map(({ wait }) => wait)).toEqual([1]);
  });

  it('is reported when the time for retries is over', async () => {
    const { text } = connect(await start(failing(99, { status: 503, headers: { 'retry-after': '60' } })));
    await expect(text(PULL)).rejects.toMatchObject({ failure: { kind: 'registry-failed' } });
  });

  it('such as a body that ends too early is retried', async () => {
    const { text, waits } = connect(await start(failing(1, { status: 200, body: 'cont', truncated: true })));
    expect(await text(PULL)).toBe('contents');
    expect(waits).toHaveLength(1);
  });

  it('such as a closed connection is retried', async () => {
    let left = 1;
    const server = await start(() => {
      left -= 1;
      if (left >= 0) throw new Error('closes the connection');
      return { status: 200, body: 'contents' };
    });
    expect(await connect(server).text(PULL)).toBe('contents');
  });
});

it.each([400, 403, 405, 413])('status %i is not retried', async (status) => {
  const { text, waits } = connect(await start(() => ({ status, body: '{"errors":[{"message":"because"}]}' })));
  await expect(text(PULL)).rejects.toMatchObject({
    failure: { reason: expect.stringContaining(`${status} (because)`) },
  });
  expect(waits).toEqual([]);
});

it('status 404 is a failure only for writes', async () => {
  const server = await start(() => ({ status: 404 }));
  expect(await connect(server).text(PULL)).toBeUndefined();
  await expect(connect(server).text(PUSH)).rejects.toMatchObject({ failure: { kind: 'registry-failed' } });
});
