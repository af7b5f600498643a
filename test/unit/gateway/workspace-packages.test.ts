import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseWorkspace } from '../../../build/gateway/pnpm-files.ts';
import { workspaceDependencies, workspacePackages } from '../../../build/gateway/workspace-packages.ts';

describe('workspaceDependencies', () => {
  const manifest = (name: string, more: object = {}) => ({ name, version: '1.0.0', ...more });
  const workspace = new Map([
    [
      '.',
      manifest('openclaw', {
        dependencies: { '@openclaw/ai': 'workspace:*', ms: '2.1.3' },
        devDependencies: { tool: 'workspace:*' },
      }),
    ],
    ['packages/ai', manifest('@openclaw/ai', { files: ['dist/**', 'types'], dependencies: { deep: 'workspace:^' } })],
    ['packages/deep', manifest('deep', { dependencies: { openclaw: 'workspace:*' } })],
    ['packages/tool', manifest('tool')],
    ['packages/ms', manifest('ms')],
  ]);

  it('are those of production, direct and indirect, with the files that npm packs', () => {
    expect(workspaceDependencies(workspace)).toEqual([
      { folder: 'packages/ai', files: ['package.json', 'dist', 'types'] },
      { folder: 'packages/deep', files: [] },
    ]);
  });

  it.each<[object, string[]]>([
    [
      { files: ['dist/**'], main: './lib/index.js', bin: { tool: 'bin/tool.js' } },
      ['package.json', 'dist', 'lib/index.js', 'bin/tool.js'],
    ],
    [{ files: ['dist'], bin: './cli.mjs' }, ['package.json', 'dist', 'cli.mjs']],
    // Globs at the top: everything is copied.
    [{ files: ['*.js'] }, []],
    [{ files: ['./**/*.js', '!test'] }, []],
    [{}, []],
  ])('with %j copy %j', (fields, files) => {
    const changed = new Map([...workspace, ['packages/ai', manifest('@openclaw/ai', fields)]]);
    const entry = 'main' in fields ? { entry: 'lib/index.js' } : {};
    expect(workspaceDependencies(changed)[0]).toEqual({ folder: 'packages/ai', files, ...entry });
  });

  it.each<[object, string | undefined]>([
    [{ main: './dist/index.js' }, 'dist/index.js'],
    [{ main: 'lib/a.cjs', exports: './dist/a.mjs' }, 'dist/a.mjs'],
    [{ exports: { '.': { types: './a.d.ts', import: './dist/a.mjs', default: './b.js' } } }, 'dist/a.mjs'],
    [{ exports: { types: './a.d.ts', default: { node: './dist/n.js' } } }, 'dist/n.js'],
    [{ exports: { './sub': './dist/sub.js' } }, undefined],
    [{ exports: './src/index.ts' }, undefined],
    [{ main: './a b; id.js' }, undefined],
    [{}, undefined],
  ])('with %j load %j', (fields, entry) => {
    const changed = new Map([...workspace, ['packages/ai', manifest('@openclaw/ai', fields)]]);
    expect(workspaceDependencies(changed)[0]?.entry).toBe(entry);
  });

  it('can have another name: workspace:<name>@*', () => {
    const root = manifest('openclaw', { dependencies: { alias: 'workspace:@openclaw/ai@*' } });
    expect(workspaceDependencies(new Map([...workspace, ['.', root]])).map(({ folder }) => folder)).toContain(
      'packages/ai',
    );
  });
});

describe('the packages of a workspace', () => {
  it('are without excluded folders, and without plugins, except those that others need', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-workspace-'));
    const needs = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'workspace:*']));
    const packages = {
      '.': { name: 'openclaw', dependencies: needs('needed') },
      'packages/a': { name: 'a' },
      'packages/experimental': { name: 'experimental' },
      'extensions/needed': { name: 'needed', dependencies: needs('deep') },
      'extensions/deep': { name: 'deep' },
      'extensions/other': { name: 'other' },
      'extensions/chosen': { name: 'chosen' },
    };
    for (const [path, manifest] of Object.entries(packages)) {
      await mkdir(join(folder, path), { recursive: true });
      await writeFile(join(folder, path, 'package.json'), JSON.stringify({ version: '1.0.0', ...manifest }));
    }
    const workspace = "packages: ['.', 'packages/*', 'extensions/*', '!packages/experimental']\n";
    expect(
      await workspacePackages(folder, await parseWorkspace(workspace, 'pnpm-workspace.yaml'), ['extensions/chosen']),
    ).toEqual([...['.', 'extensions/chosen', 'extensions/deep', 'extensions/needed', 'packages/a']]);
    await rm(folder, { recursive: true });
  });
});

it.each(['', 'packages:\n', 'packages: []\n'])('the root is the only package of the workspace "%s"', async (text) => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-workspace-'));
  await writeFile(join(folder, 'package.json'), '{ "name": "openclaw", "version": "1.0.0" }');
  expect(await workspacePackages(folder, await parseWorkspace(text, 'pnpm-workspace.yaml'), [])).toEqual(['.']);
  await rm(folder, { recursive: true });
});
