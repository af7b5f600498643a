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
  // Others verify images of their own beside this.
  (
    await docker(
      'ps',
      '--all',
      ...['--filter', 'name=^openclaw-image-[0-9a-f]{8}$', '--filter', 'ancestor=openclaw:local'],
      ...['--format', '{{.Names}}'],
    )
  ).stdout;

describe('Ctrl-C', () => {
  it('ends a download at once, and leaves nothing of it', async () => {
    const cache = await mkdtemp(join(tmpdir(), 'openclaw-image-interrupted-'));
    const { exitCode, said, reached } = await runUntil(
      /^- downloading/m,
      ['build', '--tag', NAME],
      (pid) => process.kill(pid, 'SIGINT'),
      [],
      { XDG_CACHE_HOME: cache },
    );
    expect({ exitCode, reached }, said).toEqual({ exitCode: 130, reached: true });
    expect(said).toContain('Interrupted: nothing was tagged');
    expect(await readdir(join(cache, 'openclaw-image/gateways'))).toEqual([]);
    await rm(cache, { recursive: true });
  });

  it('is told from a failure of what a terminal ends with it', async () => {
    // An engine that is asked by its command, and takes its time: the terminal ends that too.
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

  it('stops a build, leaves no tag, and says so with exit code 130', async () => {
    const { exitCode, said, reached } = await interruptAt(/^> .*system-with-apt/m, [
      'build',
      '--tag',
      NAME,
      '--apt',
      `cowsay figlet`,
    ]);
    expect({ exitCode, reached }, said).toEqual({ exitCode: 130, reached: true });
    expect(said).toContain('Interrupted');
    expect((await docker('image', 'inspect', NAME)).exitCode).not.toBe(0);
  });

  it('leaves the tag of an earlier build as it was, and its image whole, even when the new one was being written', async () => {
    await docker('image', 'rm', '--force', NAME);
    // Under no other name, so that an engine may delete it as soon as it has lost this one.
    const { stdout: container } = await docker('create', 'openclaw:local');
    await docker('commit', container, NAME);
    await docker('rm', container);
    const before = (await docker('image', 'inspect', NAME, '--format', '{{.Id}}')).stdout;
    const { exitCode } = await interruptAt(/^> exporting/m, ['build', '--tag', NAME, '--apt', 'sl']);
    expect(exitCode).toBe(130);
    expect((await docker('image', 'inspect', NAME, '--format', '{{.Id}}')).stdout).toBe(before);
    expect((await inImage(NAME, 'openclaw --version')).exitCode).toBe(0);
    // Nothing is left of the second name that it had meanwhile. Other builds beside this one have their own.
    expect(JSON.parse((await docker('image', 'inspect', NAME, '--format', '{{json .RepoTags}}')).stdout)).toEqual([
      NAME,
    ]);
    await docker('image', 'rm', NAME);
  });

  it('stops a verification and leaves no container', async () => {
    // An engine that lost its power in the middle of a verification may still have containers of that.
    const before = await containers();
    const { exitCode } = await interruptAt(/checking healthz/, ['verify', 'openclaw:local']);
    expect(exitCode).toBe(130);
    expect(await containers()).toBe(before);
  });
});
