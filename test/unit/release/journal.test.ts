import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { InterruptedError } from '../../../build/problem.ts';
import { openJournal, removeJournal } from '../../../build/release/journal.ts';
import type { PlatformImage } from '../../../build/release/platform-image.ts';

let folder = '';
let file = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-journal-'));
  file = join(folder, 'releases/2026.9.6.json');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const IMAGE = { image: 'default', platform: 'linux/amd64' } as PlatformImage;
const open = (identity = 'a', isAvailable = async () => true, signal?: AbortSignal) =>
  openJournal(file, identity, isAvailable, () => {}, signal);

it('runs a step once, also after a restart', async () => {
  let runs = 0;
  const step = async () => {
    runs += 1;
  };
  await (await open()).once('push', step);
  await (await open()).once('push', step);
  expect(runs).toBe(1);
});

it('runs a step that depends on registries in every run', async () => {
  let runs = 0;
  for (let run = 0; run < 2; run += 1)
    await (await open()).always('plan', async () => {
      runs += 1;
    });
  expect(runs).toBe(2);
  expect((await open()).state().steps.map(({ step }) => step)).toEqual(['plan']);
});

it('does not record a step that fails', async () => {
  const journal = await open();
  await expect(
    journal.once('push', async () => {
      throw new Error('no network');
    }),
  ).rejects.toThrow('no network');
  expect((await open()).state().steps).toEqual([]);
});

it('keeps the images of a step', async () => {
  await (await open()).once('build', async (keep) => keep({ images: [IMAGE] }));
  expect((await open()).state().images).toEqual([IMAGE]);
});

it.each([
  ['of another release', () => open('b')],
  ['whose images do not exist any more', () => open('a', async () => false)],
])('discards a journal %s', async (_, reopen) => {
  await (await open()).once('build', async (keep) => keep({ images: [IMAGE] }));
  expect((await reopen()).state()).toMatchObject({ images: [], steps: [] });
});

it('starts again from a damaged file', async () => {
  await (await open()).once('push', async () => {});
  await writeFile(file, '{"identity": "a", "st');
  expect((await open()).state().steps).toEqual([]);
});

it('records steps that end at the same time', async () => {
  const journal = await open();
  const names = ['a', 'b', 'c', 'd', 'e'];
  await Promise.all(names.map((name) => journal.once(name, async () => {})));
  const { steps } = JSON.parse(await readFile(file, 'utf8')) as {
    readonly steps: readonly { readonly step: string }[];
  };
  expect(steps.map(({ step }) => step).sort()).toEqual(names);
});

it('starts no step after an interruption', async () => {
  const journal = await open('a', async () => true, AbortSignal.abort());
  await expect(journal.once('push', async () => {})).rejects.toThrow(InterruptedError);
});

it('can be removed twice', async () => {
  await (await open()).once('push', async () => {});
  await removeJournal(file);
  await removeJournal(file);
  await expect(stat(file)).rejects.toThrow('ENOENT');
});
