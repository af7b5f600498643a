import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A socket that leads to an engine, and that can go away, as that of an engine that restarts. */
export interface EngineProxy {
  /** Value for DOCKER_HOST. */
  readonly host: string;
  /** Ends all connections, and accepts new ones after a time. @param milliseconds until then */
  readonly goAway: (milliseconds: number) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** @param engine `unix:///path` @param path of the new socket */
export async function startEngineProxy(engine: string, path: string): Promise<EngineProxy> {
  const open = new Set<Socket>();
  let server: Server | undefined;
  const listen = async (): Promise<void> => {
    await rm(path, { force: true });
    server = createServer({ allowHalfOpen: true }, (client) => {
      const upstream = connect({ path: engine.replace(/^unix:\/\//, ''), allowHalfOpen: true });
      for (const socket of [client, upstream]) {
        open.add(socket);
        socket.on('error', () => undefined).on('close', () => open.delete(socket));
      }
      client.pipe(upstream).pipe(client);
    });
    await new Promise<void>((resolve) => server?.listen(path, resolve));
  };
  const end = async (): Promise<void> => {
    const closed = new Promise((resolve) => server?.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
    await rm(path, { force: true });
  };
  await listen();
  return {
    host: `unix://${path}`,
    goAway: async (milliseconds) => {
      await end();
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      await listen();
    },
    close: end,
  };
}
