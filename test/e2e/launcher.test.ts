import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../support/command.ts';

let checkout = '';
const launch = (args: readonly string[], env: Record<string, string> = {}) =>
  execa(join(checkout, 'scripts/with-toolchain'), args, { reject: false, cwd: tmpdir(), env });

/** A checkout before its set-up. */
beforeAll(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'openclaw-image-checkout-'));
  for (const name of ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', 'scripts', 'build']) {
    await cp(join(ROOT, name), join(checkout, name), { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
});
afterAll(() => rm(checkout, { recursive: true, force: true }));

describe('the launcher', () => {
  it('sets up once for concurrent callers, and reports it on standard error only', async () => {
    const both = await Promise.all([
      launch(['node', '--print', 'process.versions.node']),
      launch(['node', '--print', 'process.versions.node']),
    ]);
    for (const { exitCode, stdout, stderr } of both) {
      expect(exitCode, stderr).toBe(0);
      expect(Number(stdout.split('.')[0])).toBeGreaterThanOrEqual(24);
    }
    expect(both.filter(({ stderr }) => stderr.includes('installing packages'))).toHaveLength(1);
  });

  it('is silent afterwards', async () => {
    expect(await launch(['true'])).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('passes on arguments, standard input and the exit code', async () => {
    const script = 'process.stdin.pipe(process.stdout); process.argv[1] === "a  b" && (process.exitCode = 7)';
    const { stdout, exitCode } = await execa(join(checkout, 'scripts/with-toolchain'), ['node', '-e', script, 'a  b'], {
      input: 'in',
      reject: false,
    });
    expect({ stdout, exitCode }).toEqual({ stdout: 'in', exitCode: 7 });
  });

  it('sets up again if the lockfile is newer', async () => {
    await execa('touch', ['-d', '+1 minute', join(checkout, 'pnpm-lock.yaml')]);
    expect(await launch(['true'])).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('installing packages'),
    });
  });

  it('starts the command line from any folder', async () => {
    const { stdout, exitCode } = await execa(join(ROOT, 'scripts/run'), ['--help'], { cwd: '/' });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('verify [options] <reference>');
  });
});

it('pins one pnpm: the toolchain has the version in packageManager', async () => {
  const { packageManager } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const { packages } = JSON.parse(await readFile(join(ROOT, 'scripts/toolchain/package-lock.json'), 'utf8'));
  expect(packageManager).toBe(`pnpm@${packages['node_modules/pnpm'].version}`);
});
