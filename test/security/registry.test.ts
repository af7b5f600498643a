import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchBlob, layoutContent, readTree, registryContent } from '../../build/oci/content.ts';
import {
  ATTESTATION_MANIFEST,
  ATTESTED_DIGEST,
  ATTESTED_TYPE,
  type Descriptor,
  digestOf,
  MEDIA_TYPES,
  type StoredDocument,
  storeDocument,
} from '../../build/oci/descriptor.ts';
import { openRegistries } from '../../build/oci/registry.ts';
import { readPublishedImage } from '../../build/release/published-checks.ts';
import { failureText } from '../../build/report/failure-report.ts';
import { type Answer, memoryRegistry, type ReceivedRequest, serve, type TestServer } from '../support/http-server.ts';

const servers: { readonly stop: () => Promise<void> }[] = [];
const folders: string[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const registry = () =>
  openRegistries({ credentials: async () => undefined, retries: { seconds: 2, onWait: () => {} } });
const at = ({ address }: { readonly address: string }) => ({ registry: address, repository: 'openclaw' });

async function start(answer: (request: ReceivedRequest, address: string) => Answer): Promise<TestServer> {
  const server = await serve((request, address) =>
    request.path === '/v2/' ? { status: 200 } : answer(request, address),
  );
  servers.push(server);
  return server;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-security-'));
  folders.push(folder);
  return folder;
}

/** A server that answers with a stream, and counts its connections. */
async function startRaw(answer: (path: string, response: ServerResponse) => void) {
  const sockets = new Set<Socket>();
  let most = 0;
  const server: Server = createServer((request, response) => {
    request.resume();
    answer(request.url ?? '', response);
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    most = Math.max(most, sockets.size);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push({
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, connections: () => most };
}

const index = (manifests: readonly object[]): StoredDocument =>
  storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.index, manifests } as never);
const manifest = (layers: readonly Descriptor[]): StoredDocument =>
  storeDocument({ schemaVersion: 2, mediaType: MEDIA_TYPES.manifest, config: layerOf(0), layers } as never);
const layerOf = (number: number): Descriptor => ({
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  digest: digestOf(Buffer.from(String(number))),
  size: 1,
});

describe('a digest from a document', () => {
  const BAD = [
    'sha256:../../../../tmp/planted',
    '../../planted',
    'sha256:abc',
    'sha512:aa',
    `sha256:${'A'.repeat(64)}`,
    '',
  ];

  it.each(BAD)('that is %j becomes no path and no request', async (digest) => {
    const folder = await newFolder();
    const opened: string[] = [];
    const open = async (name: string) => {
      opened.push(name);
      throw new Error('was opened');
    };
    const invalid = { failure: { kind: 'invalid-content' } };
    await expect(fetchBlob({ open }, { digest, size: 10 }, join(folder, 'layout'))).rejects.toMatchObject(invalid);
    await expect(layoutContent(folder).document(digest)).rejects.toMatchObject(invalid);
    const document = index([{ mediaType: MEDIA_TYPES.manifest, digest, size: 10 }]);
    await expect(readTree({ document: async () => document.bytes }, document.descriptor)).rejects.toMatchObject(
      invalid,
    );
    expect(opened).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('whose bytes differ leaves no file', async () => {
    const folder = await newFolder();
    const server = await start(() => ({ status: 200, body: 'other bytes' }));
    const source = registryContent(registry(), at(server));
    const digest = digestOf(Buffer.from('some bytes'));
    await expect(fetchBlob(source, { digest, size: 11 }, folder)).rejects.toMatchObject({
      failure: { kind: 'digest-mismatch' },
    });
    expect(await readdir(join(folder, 'blobs/sha256'))).toEqual([]);
  });

  it('with more bytes than promised is not read to its end', async () => {
    const folder = await newFolder();
    const server = await startRaw((path, response) => {
      if (path === '/v2/') return void response.end();
      const more = (): void => {
        while (response.write(Buffer.alloc(1 << 16))) {}
      };
      response.on('drain', more);
      more();
    });
    const source = registryContent(registry(), at(server));
    const digest = digestOf(Buffer.from('x'));
    await expect(fetchBlob(source, { digest, size: 1000 }, folder)).rejects.toMatchObject({
      failure: { kind: 'digest-mismatch' },
    });
    expect(await readdir(join(folder, 'blobs/sha256'))).toEqual([]);
  });
});

describe('a registry that sends too much', () => {
  it('is not read to the end of a manifest without end', async () => {
    let sent = 0;
    const server = await startRaw((path, response) => {
      if (path === '/v2/') return void response.end();
      const chunk = Buffer.alloc(1 << 16, ' ');
      const more = (): void => {
        do sent += chunk.length;
        while (response.write(chunk));
      };
      response.on('drain', more);
      more();
    });
    await expect(registry().document(at(server), 'latest')).rejects.toMatchObject({ failure: { kind: 'too-large' } });
    expect(sent).toBeLessThan(64 << 20);
  });

  it.each([
    ['to itself', () => '/v2/openclaw/tags/list?n=1000'],
    ['without an end', (page: number) => `/v2/openclaw/tags/list?n=1000&last=${page}`],
  ])('gets few requests for pages of tags that lead %s', async (_, next) => {
    let page = 0;
    const server = await start(() => {
      page += 1;
      return { status: 200, headers: { link: `<${next(page)}>; rel="next"` }, body: '{"tags":["a"]}' };
    });
    await expect(registry().tags(at(server))).rejects.toMatchObject({ failure: { kind: 'unexpected-answer' } });
    expect(server.requests.length).toBeLessThan(200);
  });

  it('may have 200,000 tags on one page', async () => {
    const tags = Array.from({ length: 200_000 }, (_, number) => `v${number}`);
    const server = await start(() => ({ status: 200, body: JSON.stringify({ tags }) }));
    expect((await registry().tags(at(server))).length).toBe(200_000);
  });

  it('gets one request for each document of nested indexes, and none below three levels', async () => {
    const documents = new Map<string, StoredDocument>();
    let below = index([]);
    documents.set(below.descriptor.digest, below);
    for (let depth = 0; depth < 12; depth += 1) {
      below = index([below.descriptor, { ...below.descriptor, annotations: { again: 'yes' } }]);
      documents.set(below.descriptor.digest, below);
    }
    let read = 0;
    const document = async (digest: string): Promise<Buffer> => {
      read += 1;
      return documents.get(digest)?.bytes ?? Buffer.alloc(0);
    };
    await expect(readTree({ document }, below.descriptor)).rejects.toMatchObject({
      failure: { kind: 'invalid-content' },
    });
    expect(read).toBeLessThan(20);
  });

  it.each<[string, (image: StoredDocument, attestation: StoredDocument) => readonly Descriptor[]]>([
    ['one image eight times', (image) => Array.from({ length: 8 }, () => image.descriptor)],
    [
      'one image with 92 attestations',
      (image, attestation) => [
        image.descriptor,
        ...Array.from({ length: 92 }, (_, number) => ({
          ...attestation.descriptor,
          digest: layerOf(number).digest,
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: { [ATTESTED_TYPE]: ATTESTATION_MANIFEST, [ATTESTED_DIGEST]: image.descriptor.digest },
        })),
      ],
    ],
    ['an image of 1000 layers', (image) => [image.descriptor]],
  ])('gets few requests for an index with %s', async (_, entries) => {
    const image = manifest(Array.from({ length: 1000 }, (__, number) => layerOf(number)));
    const attestation = manifest([]);
    const top = index(entries(image, attestation));
    const documents = new Map([top, image, attestation].map((stored) => [stored.descriptor.digest, stored]));
    const server = await start(({ path }) => {
      const stored = documents.get(path.split('/').at(-1) ?? '') ?? top;
      return { status: 200, headers: { 'content-type': stored.descriptor.mediaType }, body: stored.bytes.toString() };
    });
    await expect(readPublishedImage(registry(), at(server), 'latest')).rejects.toMatchObject({
      failure: { kind: 'invalid-content' },
    });
    expect(server.requests.length).toBeLessThan(200);
  });

  it('gets at most 16 connections at once', async () => {
    const body = index([]).bytes;
    const server = await startRaw((path, response) => {
      if (path === '/v2/') return void response.end();
      setImmediate(() => response.writeHead(200, { 'content-type': MEDIA_TYPES.index }).end(body));
    });
    const read = registry();
    await Promise.all(Array.from({ length: 2000 }, (_, number) => read.document(at(server), `v${number}`)));
    // One more asks whether the registry uses TLS.
    expect(server.connections()).toBeLessThanOrEqual(17);
  });
});

describe('an answer that is not one of a registry', () => {
  const PAGE = '<!DOCTYPE html><html><title>Sign in\u001b[2J</title>\n::error::injected';
  const login = (address: string): Answer => ({
    status: 401,
    headers: { 'www-authenticate': `Bearer realm="http://${address}/token",service="registry"` },
  });

  it('from the token server is explained with host, status and first words', async () => {
    const server = await start(({ path }, address) =>
      path.startsWith('/token') ? { status: 200, body: PAGE } : login(address),
    );
    const error: unknown = await registry()
      .tags(at(server))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ failure: { kind: 'unexpected-answer' } });
    const text = failureText(error);
    expect(text).toContain(server.address);
    expect(text).toContain('status 200');
    expect(text).toContain('<!DOCTYPE html>');
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/^\s*::/m);
  });

  it.each(['"a string"', '[]', '{"tags":"all"}', '{"tags":[1]}', '', 'nothing'])(
    '%j for tags is explained',
    async (body) => {
      const server = await start(() => ({ status: 200, body }));
      await expect(registry().tags(at(server))).rejects.toMatchObject({ failure: { kind: 'unexpected-answer' } });
    },
  );

  it('for a manifest is explained', async () => {
    const server = await start(() => ({ status: 200, headers: { 'content-type': 'text/html' }, body: PAGE }));
    await expect(registry().document(at(server), 'latest')).rejects.toMatchObject({
      failure: { kind: 'unexpected-answer', reason: expect.stringContaining('<!DOCTYPE html>') },
    });
  });
});

describe('an upload', () => {
  const SIZE = 40 * (1 << 20);
  const bytes = Buffer.alloc(SIZE, 'some bytes ');
  const blob = { digest: digestOf(bytes), size: SIZE };

  /** A registry that takes chunks. @param refuse says which chunks fail, after how many of their bytes */
  async function startChunked(refuse: (chunk: number) => number | undefined) {
    let stored = Buffer.alloc(0);
    let received = 0;
    let chunks = 0;
    const server = await start(({ method, path, headers, body }) => {
      if (method === 'HEAD') return { status: 404 };
      if (method === 'POST') {
        stored = Buffer.alloc(0);
        return { status: 202, headers: { location: '/v2/openclaw/blobs/uploads/1' } };
      }
      if (method === 'GET') return { status: 204, headers: { range: `0-${Math.max(0, stored.length - 1)}` } };
      received += body.length;
      if (method === 'PATCH') {
        chunks += 1;
        expect(headers['content-range']).toBe(`${stored.length}-${stored.length + body.length - 1}`);
        const taken = refuse(chunks);
        stored = Buffer.concat([stored, body.subarray(0, taken ?? body.length)]);
        return taken === undefined
          ? { status: 202, headers: { location: '/v2/openclaw/blobs/uploads/1' } }
          : { status: 503 };
      }
      const all = Buffer.concat([stored, body]);
      return { status: digestOf(all) === decodeURIComponent(path.split('digest=')[1] ?? '') ? 201 : 400 };
    });
    return { server, received: () => received, chunks: () => chunks };
  }

  it('sends again only what the registry did not get', async () => {
    const { server, received } = await startChunked((chunk) => (chunk === 2 ? 1 << 20 : undefined));
    await registry().putBlob(at(server), blob, async () => bytes);
    // The second chunk of 16 MiB was sent twice, the second time without the MiB that had arrived.
    expect(received()).toBe(SIZE + (15 << 20));
  });

  it('ends although many chunks fail, because each makes progress', async () => {
    const { server, chunks } = await startChunked((chunk) => (chunk % 2 === 1 ? 8 << 20 : undefined));
    await registry().putBlob(at(server), blob, async () => bytes);
    expect(chunks()).toBe(5);
  });

  it('is sent at once to a registry that takes no chunks', async () => {
    const memory = memoryRegistry();
    const server = await start((request) => (request.method === 'PATCH' ? { status: 405 } : memory(request)));
    await registry().putBlob(at(server), blob, async () => bytes);
    expect(await registry().hasBlob(at(server), blob)).toBe(true);
  });

  it('waits for a registry that stores the blob for 40 seconds', { tags: ['nightly'] }, async () => {
    let puts = 0;
    const server = await startRaw((path, response) => {
      if (path === '/v2/') return void response.end();
      if (!path.includes('digest='))
        return void response.writeHead(202, { location: '/v2/openclaw/blobs/uploads/1' }).end();
      puts += 1;
      setTimeout(() => response.writeHead(201).end(), 40_000);
    });
    const small = Buffer.from('x');
    await registry().putBlob(at(server), { digest: digestOf(small), size: 1 }, async () => small);
    expect(puts).toBe(1);
  });
});
