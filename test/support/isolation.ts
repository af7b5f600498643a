// Tests and benchmarks import this file first: they get a cache folder, a state folder, Docker settings and a Docker Engine of their own,
// so they change nothing that belongs to the user. OPENCLAW_TEST_ENGINE names another engine (`unix:///var/run/docker.sock`).
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const NAME = 'openclaw-image-test';
const userCache = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');

// Several runs of vitest in one process, and the processes that they start, load this file.
if (!userCache.includes(NAME)) {
  const folder = join(userCache, NAME);
  const cache = join(folder, 'cache');
  mkdirSync(join(cache, 'openclaw-image'), { recursive: true });
  // Node and pnpm are downloaded once for both.
  const [toolchain, link] = [userCache, cache].map((parent) => join(parent, 'openclaw-image/toolchain'));
  if (existsSync(toolchain ?? '') && !existsSync(link ?? '')) symlinkSync(toolchain ?? '', link ?? '');
  process.env['OPENCLAW_TEST_USER_CACHE'] = userCache;
  process.env['XDG_CACHE_HOME'] = cache;
  process.env['XDG_STATE_HOME'] = join(folder, 'state');
  process.env['DOCKER_CONFIG'] = join(folder, 'docker');
  delete process.env['DOCKER_CONTEXT'];
  delete process.env['DOCKER_HOST'];
}
