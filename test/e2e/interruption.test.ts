import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { docker, inImage, ROOT, runUntil } from '../support/command.ts';

const NAME = 'openclaw-image-test:interrupted';

const interruptAt = (line: RegExp, args: readonly string[]) =>
  runUntil(line, args, (pid) => process.kill(pid, 'SIGINT'));

const containers = async (): Promise<string> =>
  // Other tests verify other images at the same time.
  (
    await docker(
      'ps',
      '--all',
      ...['--filter', 'name=^openclaw-image-[0-9a-f]{8}$', '--filter', 'ancestor=openclaw:local'],
      ...['--format', '{{.Names}}'],
    )
  ).stdout;

describe('Ctrl-C', () => {
  it('ends a download at once, and removes its files', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'openclaw-image-interrupted-'));
    const { exitCode, output, reached } = await runUntil(
      /^- downloading/m,
      ['build', '--tag', NAME],
      (pid) => process.kill(pid, 'SIGINT'),
      [],
      { XDG_CACHE_HOME: cache },
    );
    expect({ exitCode, reached }, output).toEqual({ exitCode: 130, reached: true });
    expect(output).toContain('Interrupted: nothing was tagged');
    expect(await readdir(join(cache, 'openclaw-image/gateways'))).toEqual([]);
    await rm(cache, { recursive: true });
  });

  it('is reported as an interruption, although the terminal also ends other processes', async () => {
    // The Docker CLI is slow here, and the terminal interrupts it too.
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const child = execa(join(ROOT, 'scripts/run'), ['verify', NAME, '--engine', `tcp://127.0.0.1:${port}`], {
      reject: false,
      detached: true,
      env: { CI: 'true', NO_COLOR: '1' },
    });
    await once(silent, 'connection');
    process.kill(-(child.pid ?? 0), 'SIGINT');
    expect(await child).toMatchObject({ exitCode: 130, stderr: expect.stringContaining('Interrupted') });
    silent.close();
  });

  it('stops a build without a tag, with exit code 130', async () => {
    const { exitCode, output, reached } = await interruptAt(/^> .*system-with-apt/m, [
      'build',
      '--tag',
      NAME,
      '--apt',
      `cowsay figlet`,
    ]);
    expect({ exitCode, reached }, output).toEqual({ exitCode: 130, reached: true });
    expect(output).toContain('Interrupted');
    expect((await docker('image', 'inspect', NAME)).exitCode).not.toBe(0);
  });

  it('keeps the tag and the image of an earlier build, even while the new image is written', async () => {
    await docker('image', 'rm', '--force', NAME);
    // The image has no other name, so the engine may delete it when it loses this one.
    const { stdout: container } = await docker('create', 'openclaw:local');
    await docker('commit', container, NAME);
    await docker('rm', container);
    const before = (await docker('image', 'inspect', NAME, '--format', '{{.Id}}')).stdout;
    const { exitCode } = await interruptAt(/^> exporting/m, ['build', '--tag', NAME, '--apt', 'sl']);
    expect(exitCode).toBe(130);
    expect((await docker('image', 'inspect', NAME, '--format', '{{.Id}}')).stdout).toBe(before);
    expect((await inImage(NAME, 'openclaw --version')).exitCode).toBe(0);
    // The backup tag is gone. Other builds have backup tags of other names.
    expect(JSON.parse((await docker('image', 'inspect', NAME, '--format', '{{json .RepoTags}}')).stdout)).toEqual([
      NAME,
    ]);
    await docker('image', 'rm', NAME);
  });

  it('stops a verification, and removes its container', async () => {
    // An earlier test run that was killed may have left containers.
    const before = await containers();
    const { exitCode } = await interruptAt(/checking healthz/, ['verify', 'openclaw:local']);
    expect(exitCode).toBe(130);
    expect(await containers()).toBe(before);
  });
});
