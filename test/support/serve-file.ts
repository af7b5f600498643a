import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A web server with a single page. */
export interface FileServer {
  /** `http://127.0.0.1:12345/` */
  readonly address: string;
  /** Paths that were requested, except that of the page. */
  readonly others: readonly string[];
  readonly stop: () => void;
}

/** Serves an HTML file on this host. @param file its path */
export async function serveFile(file: string): Promise<FileServer> {
  const content = await readFile(file);
  const others: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    if (url !== '/') others.push(url);
    response.writeHead(url === '/' ? 200 : 404, { 'Content-Type': 'text/html; charset=utf-8' }).end(content);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}/`, others, stop: () => void server.close() };
}
