import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The fault of one request; `pass` is none. */
export type Fault =
  | 'pass'
  | { readonly kind: 'status'; readonly status: number; readonly retryAfter?: number }
  /** The connection breaks after this many bytes of the request. */
  | { readonly kind: 'reset-upload'; readonly after: number }
  /** The connection breaks within the response. */
  | { readonly kind: 'reset-answer' }
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** Half of the response, with a matching content-length. */
  | { readonly kind: 'truncated' }
  | { readonly kind: 'wrong-digest' };

export interface FaultProxy {
  readonly address: string;
  /** Sets the fault for each following request. */
  readonly inject: (fault: (request: IncomingMessage) => Fault) => void;
  /** Number of requests with a fault since then. */
  readonly injected: () => number;
  /** Stops listening for this time. */
  readonly downFor: (milliseconds: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** A proxy before a registry that causes the faults of networks and registries. */
export async function startFaultProxy(registry: string): Promise<FaultProxy> {
  let faultOf: (request: IncomingMessage) => Fault = () => 'pass';
  let injected = 0;
  const [host = '', port = ''] = registry.split(':');

  const handle = (incoming: IncomingMessage, answer: ServerResponse): void => {
    const fault = faultOf(incoming);
    if (fault !== 'pass') injected += 1;
    if (fault !== 'pass' && fault.kind === 'status') {
      incoming.resume();
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      answer.writeHead(fault.status, headers).end('{"errors":[{"code":"INJECTED","message":"by the test"}]}');
      return;
    }
    if (fault !== 'pass' && fault.kind === 'slow') {
      setTimeout(() => forward(incoming, answer, 'pass'), fault.milliseconds);
      return;
    }
    forward(incoming, answer, fault);
  };

  const forward = (incoming: IncomingMessage, answer: ServerResponse, fault: Fault): void => {
    const outgoing = request(
      // The registry builds URLs from the Host header, so its answers lead through this proxy.
      { host, port, method: incoming.method, path: incoming.url, headers: incoming.headers },
      (response) => {
        if (fault === 'pass' || fault.kind === 'reset-upload') {
          answer.writeHead(response.statusCode ?? 500, response.headers);
          response.pipe(answer);
          return;
        }
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const body = Buffer.concat(chunks);
          const headers = { ...response.headers };
          if (fault.kind === 'wrong-digest') headers['docker-content-digest'] = `sha256:${'0'.repeat(64)}`;
          const half = body.subarray(0, body.length >> 1);
          if (fault.kind === 'truncated') headers['content-length'] = String(half.length);
          answer.writeHead(response.statusCode ?? 500, headers);
          if (fault.kind === 'reset-answer') answer.write(half, () => incoming.socket.destroy());
          else answer.end(fault.kind === 'truncated' ? half : body);
        });
      },
    );
    outgoing.on('error', () => incoming.socket.destroy());
    if (fault !== 'pass' && fault.kind === 'reset-upload') {
      let passed = 0;
      incoming.on('data', (chunk: Buffer) => {
        passed += chunk.length;
        if (passed < fault.after) return;
        outgoing.destroy();
        incoming.socket.destroy();
      });
    }
    incoming.pipe(outgoing);
  };

  let server = createServer(handle);
  const listen = (at: number): Promise<void> =>
    new Promise((resolve) => void server.listen(at, '127.0.0.1', () => resolve()));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  await listen(0);
  const own = (server.address() as AddressInfo).port;
  return {
    address: `localhost:${own}`,
    inject: (fault) => {
      injected = 0;
      faultOf = fault;
    },
    injected: () => injected,
    downFor: async (milliseconds) => {
      await close();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      server = createServer(handle);
      await listen(own);
    },
    stop: close,
  };
}
