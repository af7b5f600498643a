import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { $ } from 'zx';

/** `new`: releases since 2026.3, with `build:docker` and compiled plugins. `old`: only `build`, plugins as sources. */
export type Layout = 'new' | 'old';

interface Manifest {
  version: string;
  packageManager?: string;
  files: string[];
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
}

/**
 * Makes a checkout with the structure of a real one, in a new folder and in git.
 *
 * @param change edits the root's package.json before it is committed
 * @param secrets files that contain a secret
 */
export async function makeCheckout(
  layout: Layout,
  change: (manifest: Manifest) => void = () => {},
  secrets: readonly string[] = [],
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `openclaw-image-${layout}-`));
  await cp(join(import.meta.dirname, '../fixtures/checkout'), folder, { recursive: true });
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
  if (layout === 'old') {
    manifest.version = '2026.1.29';
    manifest.packageManager = 'pnpm@10.23.0';
    manifest.files.push('extensions/');
    manifest.scripts = {
      build: 'pnpm canvas:a2ui:bundle && node scripts/build.mjs --without-plugins',
      'canvas:a2ui:bundle': 'bash scripts/bundle-a2ui.sh',
      'ui:build': manifest.scripts['ui:build'] ?? '',
    };
    for (const name of ['bundle-a2ui.mjs', 'postinstall.mjs', 'npm-runner.mjs'])
      await rm(join(folder, 'scripts', name));
  }
  change(manifest);
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const path of secrets) await writeFile(join(folder, path), 'TOKEN=never-in-a-build\n');
  const git = $({ cwd: folder });
  await git`git init --quiet`;
  await git`git add --all --force`;
  await git`git -c user.name=Test -c user.email=test@example.org commit --quiet --message ${'A release'}`;
  return folder;
}
