import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { digestOf } from '../../build/oci/descriptor.ts';

/** A request that a test server got. */
export interface ReceivedRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: string | Buffer;
  /** Ends the connection after the body, whatever content-length says. */
  readonly truncated?: true;
}

export interface TestServer {
  /** `127.0.0.1:40123`. */
  readonly address: string;
  readonly requests: readonly ReceivedRequest[];
  readonly stop: () => Promise<void>;
}

/** Serves HTTP on a free port. @param answer for each request; may throw, which ends the connection */
export async function serve(answer: (request: ReceivedRequest, address: string) => Answer): Promise<TestServer> {
  const requests: ReceivedRequest[] = [];
  const server = createServer(async (message, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    const { method = '', url: path = '', headers } = message;
    const request = { method, path, headers, body: Buffer.concat(chunks) };
    requests.push(request);
    try {
      send(response, answer(request, address));
    } catch {
      response.destroy();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address,
    requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, { status, headers = {}, body = '', truncated }: Answer): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) + (truncated === true ? 10 : 0), ...headers });
  response.write(body);
  if (truncated === true) setImmediate(() => response.destroy());
  else response.end();
}

/** A registry in memory: blobs, manifests, tags. Source: OCI distribution-spec. */
export function memoryRegistry(): (request: ReceivedRequest) => Answer {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, { readonly type: string; readonly body: Buffer }>();
  return ({ method, path, headers, body }) => {
    const [, kind = '', name = ''] = /^\/v2\/.+\/(blobs|manifests|tags)\/([^?]*)/.exec(path) ?? [];
    if (path === '/v2/') return { status: 200 };
    if (kind === 'blobs' && method === 'POST')
      return { status: 202, headers: { location: path.replace(/uploads\/$/, 'uploads/1') } };
    if (kind === 'blobs' && method === 'PUT') {
      const digest = new URLSearchParams(path.split('?')[1]).get('digest') ?? '';
      if (digestOf(body) !== digest) return { status: 400, body: '{"errors":[{"code":"DIGEST_INVALID"}]}' };
      blobs.set(digest, body);
      return { status: 201, headers: { 'docker-content-digest': digest } };
    }
    if (kind === 'blobs') {
      const blob = blobs.get(name);
      if (blob === undefined) return { status: 404 };
      return { status: 200, headers: { 'content-length': blob.length }, body: method === 'HEAD' ? '' : blob };
    }
    if (kind === 'manifests' && method === 'PUT') {
      const document = { type: String(headers['content-type']), body };
      manifests.set(name, document);
      manifests.set(digestOf(body), document);
      return { status: 201, headers: { 'docker-content-digest': digestOf(body) } };
    }
    if (kind === 'manifests') {
      const document = manifests.get(name);
      if (document === undefined) return { status: 404 };
      return { status: 200, headers: { 'content-type': document.type }, body: document.body };
    }
    if (kind === 'tags')
      return { status: 200, body: JSON.stringify({ tags: [...manifests.keys()].filter((tag) => !tag.includes(':')) }) };
    return { status: 404 };
  };
}
