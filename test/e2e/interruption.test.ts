import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { docker, ROOT } from '../command.ts';

const NAME = 'openclaw-image-test:interrupted';

/** Starts a build that has much to do, and interrupts it once a line says that it is at it. */
async function interruptAt(line: RegExp, args: readonly string[]) {
  const child = execa(join(ROOT, 'scripts/run'), args, {
    reject: false,
    cwd: ROOT,
    env: { CI: 'true', NO_COLOR: '1' },
    all: true,
  });
  let said = '';
  let interrupted = false;
  child.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
    if (!interrupted && line.test(said)) {
      interrupted = true;
      child.kill('SIGINT');
    }
  });
  const { exitCode } = await child;
  return { exitCode, said, interrupted };
}

const containers = async (): Promise<string> =>
  (await docker('ps', '--all', '--filter', 'name=^openclaw-image-[0-9a-f]{8}$', '--format', '{{.Names}}')).stdout;

describe('Ctrl-C', () => {
  it('stops a build, leaves no tag, and says so with exit code 130', async () => {
    const { exitCode, said, interrupted } = await interruptAt(/^> .*system-with-apt/m, [
      'build',
      '--tag',
      NAME,
      '--apt',
      `cowsay figlet`,
    ]);
    expect({ exitCode, interrupted }, said).toEqual({ exitCode: 130, interrupted: true });
    expect(said).toContain('Interrupted');
    expect((await docker('image', 'inspect', NAME)).exitCode).not.toBe(0);
  });

  it('leaves the tag of an earlier build as it was, even when the new image was being written', async () => {
    await docker('tag', 'openclaw:local', NAME);
    const before = (await docker('image', 'inspect', NAME, '--format', '{{.Id}}')).stdout;
    const { exitCode } = await interruptAt(/^> exporting/m, ['build', '--tag', NAME, '--apt', 'sl']);
    expect(exitCode).toBe(130);
    expect((await docker('image', 'inspect', NAME, '--format', '{{.Id}}')).stdout).toBe(before);
    await docker('image', 'rm', NAME);
  });

  it('stops a verification and leaves no container', async () => {
    const { exitCode } = await interruptAt(/checking healthz/, ['verify', 'openclaw:local']);
    expect(exitCode).toBe(130);
    expect(await containers()).toBe('');
  });
});
