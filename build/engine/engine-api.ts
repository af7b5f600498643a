import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

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
export async function requestEngine(host: string, path: string): Promise<EngineAnswer | undefined> {
  if (!host.startsWith('unix://')) return undefined;
  const sent = request({ socketPath: host.slice('unix://'.length), path, timeout: TIMEOUT_MILLISECONDS }).end();
  sent.on('timeout', () => sent.destroy());
  // Also after the answer began.
  sent.on('error', () => {});
  try {
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode ?? 0, body: await text(response) };
  } catch {
    return undefined;
  }
}
