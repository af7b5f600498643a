import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docker, inImage, run } from '../support/command.ts';
import { makeCheckout } from '../support/make-checkout.ts';

const IMAGE = 'openclaw-image-test:never-stale';
const OTHER = 'openclaw-image-test:never-stale-other';
let folder = '';
const page = (): string => join(folder, 'docs/index.md');

/** @returns the output of a command in the image */
async function afterBuild(command: string): Promise<string> {
  const { exitCode, stdout, stderr } = await run(['build', '--source', folder, '--tag', IMAGE]);
  expect(exitCode, stdout + stderr).toBe(0);
  return (await inImage(IMAGE, command)).stdout.trim();
}

/** Replaces the first character of the page, so that its size stays. BuildKit itself does not see an edit that also keeps the time. */
const change = async (first: string): Promise<void> =>
  writeFile(page(), `${first}${(await readFile(page(), 'utf8')).slice(1)}`);

beforeAll(async () => {
  folder = await makeCheckout('new');
  expect(await afterBuild('head -c 1 /app/docs/index.md')).toBe('#');
});
afterAll(async () => {
  await docker('image', 'rm', '--force', IMAGE, OTHER);
  await rm(folder, { recursive: true, force: true });
});

describe('a build of a checkout, which does not ask BuildKit if nothing changed, is never stale', () => {
  it('after an edit that keeps the size, and after the same edit back', async () => {
    await change('X');
    expect(await afterBuild('head -c 1 /app/docs/index.md')).toBe('X');
    await docker('tag', IMAGE, OTHER);
    await change('#');
    expect(await afterBuild('head -c 1 /app/docs/index.md')).toBe('#');
  });

  it('if the name was given to the image of an earlier build', async () => {
    await docker('tag', OTHER, IMAGE);
    expect(await afterBuild('head -c 1 /app/docs/index.md')).toBe('#');
  });

  it('after a change of modes and folders', async () => {
    await chmod(page(), 0o755);
    await mkdir(join(folder, 'docs/new'));
    await writeFile(join(folder, 'docs/new/page.md'), 'new\n');
    expect(await afterBuild('test -x /app/docs/index.md && cat /app/docs/new/page.md')).toBe('new');
    await rm(join(folder, 'docs/new'), { recursive: true });
    expect(await afterBuild('ls /app/docs')).not.toContain('new');
  });
});
