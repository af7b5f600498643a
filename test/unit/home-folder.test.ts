import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { $ } from 'zx';

const ROOT = join(import.meta.dirname, '../..');
/** Prints the cache folder of TypeScript and of the shell scripts. */
async function foldersWith(environment: Readonly<Record<string, string>>) {
  const quiet = $({ env: { PATH: process.env['PATH'] ?? '', ...environment }, cwd: '/' });
  const script = `import { cacheFolder } from '${ROOT}/build/cache-folder.ts'; console.log(cacheFolder());`;
  const [typescript, shell] = await Promise.all([
    quiet`${process.execPath} --input-type=module --eval ${script}`,
    quiet`sh -c ${`set -eu; . ${ROOT}/scripts/folders.sh; echo "$cache"`}`,
  ]);
  return { typescript: typescript.stdout.trim(), shell: shell.stdout.trim() };
}

describe('the cache folder', () => {
  it.each([
    [{ HOME: '/home/me', XDG_CACHE_HOME: '/data' }, '/data/openclaw-image'],
    [{ HOME: '/home/me', XDG_CACHE_HOME: '' }, '/home/me/.cache/openclaw-image'],
    [{ HOME: '/home/me', XDG_CACHE_HOME: 'relative' }, '/home/me/.cache/openclaw-image'],
    [{ HOME: '/home/me' }, '/home/me/.cache/openclaw-image'],
  ])('with %j is the same in TypeScript and in the shell', async (environment, folder) => {
    expect(await foldersWith(environment)).toEqual({ typescript: folder, shell: folder });
  });

  it.each([[{}], [{ HOME: '' }]])('is below the home in /etc/passwd with %j', async (environment) => {
    const { typescript, shell } = await foldersWith(environment);
    expect(typescript).toMatch(/^\/.+\/\.cache\/openclaw-image$/);
    expect(shell).toBe(typescript);
  });

  // Only root can become another user.
  it.skipIf(process.getuid?.() !== 0)('is refused in /tmp if somebody else made it', async () => {
    const folder = '/tmp/openclaw-image-12345';
    const as = $({ env: { PATH: process.env['PATH'] ?? '' }, cwd: '/', nothrow: true });
    const ask = () =>
      as`setpriv --reuid=12345 --regid=12345 --clear-groups sh -c ${`set -eu; . ${ROOT}/scripts/folders.sh; echo "$cache"`}`;
    try {
      await mkdir(folder);
      const refused = await ask();
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toContain('belongs to somebody else');
      await rm(folder, { recursive: true });
      await symlink('/tmp/openclaw-image-absent', folder);
      expect((await ask()).exitCode).toBe(1);
      await rm(folder);
      expect((await ask()).stdout.trim()).toBe(`${folder}/.cache/openclaw-image`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
