import { request } from 'node:http';

export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MILLISECONDS = 10_000;

/**
 * Sends a request to the API of an engine on a Unix socket. Takes a millisecond; starting `docker` takes a hundred.
 * Source: https://docs.docker.com/reference/api/engine/
 *
 * @returns undefined if nothing answers, or if the engine is not on a socket
 */
export function requestEngine(host: string, path: string): Promise<EngineAnswer | undefined> {
  if (!host.startsWith('unix://')) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const sent = request(
      { socketPath: host.slice('unix://'.length), path, timeout: TIMEOUT_MILLISECONDS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
        );
        response.on('error', () => resolve(undefined));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}
