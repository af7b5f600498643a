import { afterEach, beforeEach } from 'vitest';
import { openRegistries, type Registry } from '../../build/oci/registry.ts';
import { memoryRegistry, serve, type TestServer } from './http-server.ts';

/** A registry in memory, with one repository. */
interface MemoryRegistry {
  server: TestServer;
  registry: Registry;
  /** `127.0.0.1:5000/openclaw`. */
  repository: string;
}

/** Gives each test of a file a registry in memory. @returns the one of the current test */
export function useMemoryRegistry(): MemoryRegistry {
  const current = {} as MemoryRegistry;
  beforeEach(async () => {
    const server = await serve(memoryRegistry());
    const registry = openRegistries({ credentials: async () => undefined, retries: { seconds: 1, onWait: () => {} } });
    Object.assign(current, { server, registry, repository: `${server.address}/openclaw` });
  });
  afterEach(() => current.server.stop());
  return current;
}
