import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the kernel's range for outgoing connections (ip(7), ip_local_port_range), so that no connection can take the port. */
const [FIRST, BEYOND] = [20_000, 32_000];

/** Nothing may listen on them yet: an installation has two, and setup refuses the same one twice. */
const given = new Set<number>();

/** A port of this host on which no program listens, on any address; never the same one twice. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, BEYOND);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '0.0.0.0', () => server.close(() => resolve(true)));
  });
