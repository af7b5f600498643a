import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';

const PARTS = join(import.meta.dirname, '../../scripts/docker/setup');

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-output-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a line of shell with the functions for snapshots. */
async function shell(line: string, ...args: readonly string[]): Promise<string> {
  const script = `set -euo pipefail; . ${PARTS}/snapshots.sh; ${line}`;
  return (await execa('bash', ['-c', script, 'bash', ...args], { env: { lock: folder } })).stdout;
}

// Containers of an image print how much they have copied. The image may be hostile.
it.each(['a[$(touch pwned)0]', '$(touch pwned)', '`touch pwned`', '1;touch pwned', '-1', '0x10', '1 2', ''])(
  'does not evaluate %j, which a container has printed',
  async (printed) => {
    const text = printed.replaceAll('pwned', join(folder, 'pwned'));
    expect(await shell('megabytes "$1"; digits "$1"', text)).toBe('0.0 MB0');
    expect(existsSync(join(folder, 'pwned'))).toBe(false);
  },
);

it('prints sizes that are numbers', async () => {
  expect(await shell('megabytes 57900000')).toBe('57.9 MB');
});

it('prints an error of a container without terminal sequences', async () => {
  expect(await shell('printf "cp: \\033]0;title\\a no\\n" >$lock/problem; last_problem')).toBe('cp: ]0;title no');
});
