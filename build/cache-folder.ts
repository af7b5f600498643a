import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where everything lives that can be made again: toolchain, private engine, bases, gateways. */
export const cacheFolder = (...parts: readonly string[]): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'openclaw-image', ...parts);
