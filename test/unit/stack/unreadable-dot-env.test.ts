import { chmod, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { $ } from 'zx';

const ROOT = join(import.meta.dirname, '../../..');

// Only root can become another user.
it.skipIf(process.getuid?.() !== 0)(
  'setup names a .env that this user may not read, before anything else',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-unreadable-'));
    try {
      await chmod(folder, 0o755);
      await cp(join(ROOT, 'scripts'), join(folder, 'scripts'), { recursive: true });
      await writeFile(join(folder, '.env'), 'OPENCLAW_GATEWAY_TOKEN=secret\n', { mode: 0o600 });
      const as = $({ nothrow: true, env: { PATH: process.env['PATH'] ?? '', HOME: folder } });
      const setup = join(folder, 'scripts/docker/setup.sh');
      const { exitCode, stderr } = await as`setpriv --reuid=12345 --regid=12345 --clear-groups ${setup}`;
      expect(exitCode).toBe(2);
      expect(stderr).toContain(`${folder}/.env" may not be read by this user`);
      expect(stderr).toContain(`chown 12345:12345 ${folder}/.env`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
