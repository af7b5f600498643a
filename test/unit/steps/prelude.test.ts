import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { $ } from 'zx';

it('gives one time to all files of a finished layer, whether they are newer or older, and to links', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-prelude-'));
  const finished = join(folder, 'finished');
  await mkdir(join(finished, 'folder'), { recursive: true });
  for (const path of ['new', 'old', 'folder/before']) await writeFile(join(finished, path), '');
  await symlink('nowhere', join(finished, 'link'));
  await $({ cwd: finished })`touch --date=@1 old`;
  await $({ cwd: finished })`touch --date=@499162499 folder/before`;
  const prelude = await readFile(join(import.meta.dirname, '../../../build/steps/prelude.sh'), 'utf8');
  await writeFile(join(folder, 'prelude.sh'), prelude.replaceAll('/finished', finished));
  await $({ cwd: folder })`sh -c ${'. ./prelude.sh; same_times'}`;
  const times = await $({ cwd: folder })`find finished -printf ${'%p %T@\\n'}`;
  expect(times.stdout.trim().split('\n').sort()).toEqual(
    ['finished', ...['folder', 'folder/before', 'link', 'new', 'old'].map((path) => `finished/${path}`)].map(
      (path) => `${path} 499162500.0000000000`,
    ),
  );
  await rm(folder, { recursive: true });
});
