import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readNpmOptions } from '../../../build/gateway/npm.ts';
import { readGatewayPackage } from '../../../build/gateway/npm-package.ts';
import { resolveGatewayPackage } from '../../../build/gateway/resolved-package.ts';
import { packGateway } from '../../support/pack-gateway.ts';

let folder = '';
let cache: string | undefined;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-packed-'));
  cache = process.env['XDG_CACHE_HOME'];
  process.env['XDG_CACHE_HOME'] = join(folder, 'cache');
});
afterAll(async () => {
  if (cache === undefined) delete process.env['XDG_CACHE_HOME'];
  else process.env['XDG_CACHE_HOME'] = cache;
  await rm(folder, { recursive: true });
});

const FILES = {
  'package.json': JSON.stringify({ name: 'openclaw', version: '2026.9.6', license: 'MIT', description: 'x' }),
  'openclaw.mjs': '#!/usr/bin/env node\n',
  'dist/index.js': '',
};

async function read(name: string, files: Readonly<Record<string, string>>) {
  const path = await packGateway(folder, name, files);
  const npm = await readNpmOptions(undefined);
  return readGatewayPackage(await resolveGatewayPackage({ kind: 'file', path }, npm), npm);
}

it('has plugins beside its compiled files, or as sources as before 2026.3.22; a broken manifest is none', async () => {
  const { bundledPlugins } = await read('plugins', {
    ...FILES,
    'dist/extensions/slack/openclaw.plugin.json': '{ "id": "slack" }',
    'extensions/telegram/openclaw.plugin.json': "{ id: 'telegram' } // JSON5",
    'extensions/broken/openclaw.plugin.json': '{ "id": 7 }',
  });
  expect(bundledPlugins).toEqual(['slack', 'telegram']);
});

it.each(['0123abc', 'unknown', 'A'.repeat(40), `${'a'.repeat(40)}-dirty`])(
  'has no commit if its file says %s',
  async (commit) => {
    const file = JSON.stringify({ commit, builtAt: '2026-09-06T00:00:00Z' });
    expect((await read(`commit-${commit}`, { ...FILES, 'dist/build-info.json': file })).revision).toBe('');
  },
);

it('is refused before the build if it cannot be started', async () => {
  const { 'openclaw.mjs': _, ...others } = FILES;
  await expect(read('no-launcher', others)).rejects.toThrow('has no openclaw.mjs');
});
