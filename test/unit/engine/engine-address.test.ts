import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { isOnThisHost } from '../../../build/engine/engine-address.ts';

describe('an engine is on this host', () => {
  it.each([
    ['unix:///var/run/docker.sock', true],
    ['npipe:////./pipe/docker_engine', true],
    ['tcp://localhost:2375', true],
    ['tcp://LOCALHOST', true],
    ['tcp://127.0.0.1:2375', true],
    ['tcp://127.8.0.1/', true],
    ['tcp://[::1]:2375', true],
    ['tcp://[::1]', true],
    ['tcp://localhost.example.org:2375', false],
    ['tcp://127.0.0.1.example.org:2375', false],
    ['tcp://192.0.2.7:2376', false],
    ['tcp://[2001:db8::1]:2375', false],
    ['ssh://localhost', false],
    ['ssh://me@example.org', false],
  ])('%s: %s, for setup too', async (address, expected) => {
    expect(isOnThisHost(address)).toBe(expected);
    const file = join(import.meta.dirname, '../../../scripts/docker/setup/engine-address.sh');
    const line = '. "$1"; engine_host=$2; is_local_engine';
    const { exitCode } = await execa('bash', ['-c', line, 'bash', file, address], { reject: false });
    expect(exitCode === 0).toBe(expected);
  });
});
