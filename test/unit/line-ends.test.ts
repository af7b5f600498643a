import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { $ } from 'zx';

const ROOT = join(import.meta.dirname, '../..');

it('a clone with core.autocrlf=true has LF in every file, because containers and shells read them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-clone-'));
  try {
    const safe = ['-c', `safe.directory=${ROOT}`, '-c', `safe.directory=${join(ROOT, '.git')}`];
    await $`git ${safe} clone --quiet -c core.autocrlf=true ${ROOT} ${folder}`;
    const lines = await $({ cwd: folder })`git ls-files --eol`.lines();
    expect(lines.length).toBeGreaterThan(300);
    // A symbolic link has no lines.
    const isLink = (line: string): boolean => /^i\/ +w\/ .*\tDockerfile$/.test(line);
    const wrong = lines.filter((line) => !/^i\/(?:lf|none|-text) +w\/(?:lf|none|-text) /.test(line) && !isLink(line));
    expect(wrong).toEqual([]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
