import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { digestOf } from '../../build/oci/descriptor.ts';
import { openRegistries } from '../../build/oci/registry.ts';

/** Bytes in a second. An upload of 3 MB, which takes 150 s, was once given up after 126 s. */
const SPEED = 20_000;

it('an upload of 20 kB in a second ends, and no byte is sent twice', {
  tags: ['nightly'],
  timeout: 400_000,
}, async () => {
  let received = 0;
  const server = createServer(async (request, response) => {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      received += chunk.length;
      await setTimeout((chunk.length / SPEED) * 1000);
    }
    const { method = '', url = '' } = request;
    const location = '/v2/openclaw/blobs/uploads/1';
    if (method === 'POST') response.writeHead(202, { location });
    else if (method === 'PATCH') response.writeHead(202, { location, range: `0-${received - 1}` });
    else if (method === 'PUT') response.writeHead(201);
    else response.writeHead(url === '/v2/' ? 200 : 404);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 60, onWait: () => {} } });
  const bytes = randomBytes(3_000_000);
  const blob = { digest: digestOf(bytes), size: bytes.length };
  await registry.putBlob({ registry: `127.0.0.1:${port}`, repository: 'openclaw' }, blob, async () => bytes);
  server.closeAllConnections();
  server.close();
  expect(received).toBe(bytes.length);
});
