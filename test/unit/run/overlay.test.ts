import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RequestError } from '../../../build/problem.ts';
import { type ImagePlugins, readOverlays } from '../../../build/run/overlay.ts';

const PLUGINS: ImagePlugins = {
  version: '2026.9.6',
  compiled: ['slack', 'matrix', 'kimi'],
  sources: [],
  readsSources: true,
};
let folder = '';

const plugin = async (path: string, manifest: string): Promise<void> => {
  await mkdir(join(folder, path), { recursive: true });
  await writeFile(join(folder, path, 'openclaw.plugin.json'), manifest);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-overlay-'));
  await plugin('slack', '{"id":"slack"}');
  await plugin('kimi-coding', '{"id":"kimi"}');
  await plugin('matrix', '{"id":"slack"}');
  await plugin('slak', '{"id":"slak"}');
  await plugin('climbs', '{"id":"../../etc"}');
  await plugin('broken', '{');
  await mkdir(join(folder, 'shared'));
});
afterAll(() => rm(folder, { recursive: true }));

const problemsOf = async (...folders: readonly string[]) => {
  try {
    await readOverlays(folders, PLUGINS, folder);
  } catch (error) {
    if (error instanceof RequestError) return error.problems.map(({ reason, hint }) => `${reason}; ${hint}`);
    throw error;
  }
  return [];
};

it('finds a plugin by the id in its manifest, whatever its folder is named', async () => {
  expect(await readOverlays(['slack', './kimi-coding'], PLUGINS, folder)).toEqual([
    { id: 'slack', folder: join(folder, 'slack') },
    { id: 'kimi', folder: join(folder, 'kimi-coding') },
  ]);
});

it.each([
  ['matrix', 'has the id slack, but matrix is another plugin of the image'],
  ['slak', 'did you mean slack'],
  ['shared', 'has no openclaw.plugin.json'],
  ['climbs', 'has no openclaw.plugin.json with an id'],
  ['broken', 'has no openclaw.plugin.json with an id'],
  ['nowhere', 'does not exist'],
])('refuses %s: %s', async (name, words) => {
  expect(await problemsOf(name)).toEqual([expect.stringContaining(words)]);
});

it('reports all problems together', async () => {
  expect(await problemsOf('shared', 'nowhere', 'slack', 'slack')).toHaveLength(3);
});

it('refuses a plugin that the gateway loads in its compiled form only, and names the releases that load sources', async () => {
  const old: ImagePlugins = { ...PLUGINS, version: '2026.4.12', readsSources: false };
  const error = await readOverlays(['slack'], old, folder).catch((thrown: unknown) => thrown);
  if (!(error instanceof RequestError)) throw new Error('it was not refused');
  expect(error.problems[0]?.reason).toBe(
    'is the plugin slack, which the gateway 2026.4.12 loads in its compiled form only',
  );
  expect(error.problems[0]?.hint).toContain('releases since 2026.4.25 load mounted sources');
});

it('accepts a plugin that an old gateway loads from sources', async () => {
  const old: ImagePlugins = { version: '2026.3.13', compiled: [], sources: ['slack'], readsSources: false };
  expect(await readOverlays(['slack'], old, folder)).toEqual([{ id: 'slack', folder: join(folder, 'slack') }]);
});
