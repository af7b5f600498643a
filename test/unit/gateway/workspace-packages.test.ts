import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
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
    expect(workspaceDependencies(changed)[0]).toEqual({ folder: 'packages/ai', files });
  });

  it('can have another name: workspace:<name>@*', () => {
    const root = manifest('openclaw', { dependencies: { alias: 'workspace:@openclaw/ai@*' } });
    expect(workspaceDependencies(new Map([...workspace, ['.', root]])).map(({ folder }) => folder)).toContain(
      'packages/ai',
    );
  });
});

it.each(['', 'packages:\n', 'packages: []\n'])('the root is the only package of the workspace "%s"', async (text) => {
  const folder = await mkdtemp(join(tmpdir(), 'openclaw-image-workspace-'));
  await writeFile(join(folder, 'pnpm-workspace.yaml'), text);
  expect(await workspacePackages(folder, [])).toEqual(['.']);
  await rm(folder, { recursive: true });
});
