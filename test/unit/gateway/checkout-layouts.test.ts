import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planDockerfile } from '../../../build/dockerfile/plan.ts';
import { renderDockerfile } from '../../../build/dockerfile/render.ts';
import { readCheckout } from '../../../build/gateway/checkout.ts';
import { temporaryCheckout as checkout } from '../../support/temporary-checkout.ts';

const NO_EXTRAS = { browser: 'none', dockerCli: false, plugins: [], aptPackages: [], pipPackages: [] } as const;

describe('a layout that other releases have', () => {
  it('with globs in `files` has its docs, skills and single files', async () => {
    const root = await checkout('new', (manifest) => {
      manifest.files = ['dist/**', 'docs/**', 'skills/**/*', 'scripts/npm-runner.mjs', 'LICENSE', 'missing/**'];
    });
    const { documents, packageFiles } = await readCheckout(root, []);
    expect(documents).toEqual(['docs', 'skills']);
    // npm packs the README and the license, whatever `files` says.
    const packed = ['openclaw.mjs', 'package.json', 'scripts/npm-runner.mjs', 'LICENSE', 'README.md'];
    expect(packageFiles).toEqual(packed);
  });

  it.each<[readonly string[] | undefined, readonly string[], readonly string[]]>([
    [
      ['docs/guide/', 'skills/*/SKILL.md', '{LICENSE,scripts}'],
      ['docs', 'skills'],
      ['LICENSE', 'scripts'],
    ],
    [
      ['*', '!scripts'],
      ['docs', 'skills'],
      ['LICENSE', 'src'],
    ],
    [['**', '!docs'], ['skills'], ['src', 'scripts']],
    [undefined, ['docs', 'skills'], ['src', 'scripts', 'LICENSE']],
    [['dist'], [], []],
  ])('with `files` %j has the documents %j', async (files, expected, more) => {
    const root = await checkout('new', (manifest) => {
      if (files === undefined) delete (manifest as { files?: unknown }).files;
      else manifest.files = [...files];
    });
    await mkdir(join(root, 'docs/guide'));
    await writeFile(join(root, 'docs/guide/a.md'), '');
    const { documents, packageFiles } = await readCheckout(root, []);
    expect(documents).toEqual(expected);
    expect(packageFiles).toEqual(expect.arrayContaining(['openclaw.mjs', 'package.json', 'LICENSE', ...more]));
    expect(packageFiles.includes('scripts')).toBe(more.includes('scripts'));
  });

  it('with patches and packages anywhere installs with them', async () => {
    const local = { foo: 'file:vendor/foo', bar: 'file:vendor/bar.tgz' };
    const root = await checkout('new', ({ dependencies }) => Object.assign(dependencies, local));
    await mkdir(join(root, 'vendor/foo'), { recursive: true });
    for (const path of ['vendor/ms.patch', 'vendor/odd.patch', 'vendor/bar.tgz']) await writeFile(join(root, path), '');
    await appendFile(join(root, '.dockerignore'), '!vendor\n');
    const key = 'patchedDependencies:\n';
    const workspace = join(root, 'pnpm-workspace.yaml');
    await writeFile(workspace, (await readFile(workspace, 'utf8')).replace(key, `${key}  'a@1': vendor/ms.patch\n`));
    const lock = join(root, 'pnpm-lock.yaml');
    const more: Readonly<Record<string, string>> = {
      [key]: '  odd:\n    hash: x\n    path: vendor/odd.patch\n',
      '  .:\n    dependencies:\n': Object.entries(local)
        .map(([name, spec]) => `      ${name}:\n        specifier: ${spec}\n        version: ${spec}\n`)
        .join(''),
      '\npackages:\n\n':
        '  foo@file:vendor/foo:\n    resolution: {directory: vendor/foo, type: directory}\n\n  bar@file:vendor/bar.tgz:\n    resolution: {tarball: file:vendor/bar.tgz}\n\n',
      '\nsnapshots:\n\n': '  foo@file:vendor/foo: {}\n\n  bar@file:vendor/bar.tgz: {}\n\n',
    };
    let text = await readFile(lock, 'utf8');
    for (const [before, added] of Object.entries(more)) text = text.replace(before, `${before}${added}`);
    await writeFile(lock, text);
    const { manifests } = await readCheckout(root, []);
    expect(manifests).toEqual(
      expect.arrayContaining(['vendor/ms.patch', 'vendor/odd.patch', 'vendor/foo', 'vendor/bar.tgz']),
    );
  });

  it('with an install script in a workspace package installs with the files that it reads', async () => {
    const root = await checkout('new');
    const file = join(root, 'packages/greeting/package.json');
    const manifest = JSON.parse(await readFile(file, 'utf8')) as { scripts?: Record<string, string> };
    manifest.scripts = { postinstall: 'node "./scripts/postinstall.js"; node ./scripts/more' };
    await writeFile(file, JSON.stringify(manifest));
    await mkdir(join(root, 'packages/greeting/scripts'));
    await writeFile(join(root, 'packages/greeting/scripts/postinstall.js'), "import './other.js';\n");
    await writeFile(join(root, 'packages/greeting/scripts/other.js'), '');
    const { manifests } = await readCheckout(root, []);
    expect(manifests).toContain('packages/greeting/scripts/postinstall.js');
    expect(manifests).toContain('packages/greeting/scripts/other.js');
    // Its scripts may read any other file of the package.
    expect(manifests).toContain('packages/greeting');
  });

  it('whose build reads the folder of plugins that it does not compile gets their manifests, and not their code', async () => {
    const root = await checkout('old');
    const found = await readCheckout(root, []);
    expect(found.readsPluginManifests).toBe(true);
    expect(found.serverSources).not.toContain('extensions');
    const text = renderDockerfile(planDockerfile({ ...NO_EXTRAS, base: 'node:24', gateway: found }));
    expect(text).toContain('COPY --from=all-plugin-manifests /finished/plugin-manifests/ /app/');
    await writeFile(join(root, 'scripts/build.mjs'), "console.log('reads no plugins');\n");
    expect((await readCheckout(root, [])).readsPluginManifests).toBe(false);
  });

  it('that needs one of its plugins installs it, and has its sources', async () => {
    const root = await checkout('old', ({ dependencies }) => Object.assign(dependencies, { needed: 'workspace:*' }));
    await mkdir(join(root, 'extensions/needed'));
    await writeFile(join(root, 'extensions/needed/package.json'), '{ "name": "needed", "version": "1.0.0" }');
    const lock = join(root, 'pnpm-lock.yaml');
    const line = '  .:\n    dependencies:\n';
    const linked = `${line}      needed:\n        specifier: workspace:*\n        version: link:extensions/needed\n`;
    await writeFile(lock, (await readFile(lock, 'utf8')).replace(line, linked));
    const found = await readCheckout(root, []);
    expect(found.workspaceDependencies.map(({ folder }) => folder)).toContain('extensions/needed');
    expect(found.manifests).toContain('extensions/needed/package.json');
    expect(found.serverSources).toContain('extensions/needed');
    const text = renderDockerfile(planDockerfile({ ...NO_EXTRAS, base: 'node:24', gateway: found }));
    expect(text).not.toMatch(/^rm -rf .*\bextensions(?: |$)/m);
  });

  it('keeps packages that it links for its development until pnpm has checked their versions', async () => {
    const root = await checkout('new');
    const file = join(root, 'package.json');
    const manifest = JSON.parse(await readFile(file, 'utf8')) as { devDependencies?: object };
    manifest.devDependencies = { ...manifest.devDependencies, unneeded: 'workspace:^1.0.0' };
    await writeFile(file, JSON.stringify(manifest));
    for (const name of ['unneeded', 'other']) {
      await mkdir(join(root, 'packages', name));
      await writeFile(join(root, 'packages', name, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
    }
    const lock = join(root, 'pnpm-lock.yaml');
    const text = await readFile(lock, 'utf8');
    const line = '    devDependencies:\n';
    const linked = `${line}      unneeded:\n        specifier: workspace:^1.0.0\n        version: link:packages/unneeded\n`;
    await writeFile(lock, text.includes(line) ? text.replace(line, linked) : text.replace('  .:\n', `  .:\n${linked}`));
    const gateway = await readCheckout(root, []);
    const dockerfile = renderDockerfile(planDockerfile({ ...NO_EXTRAS, base: 'node:24', gateway }));
    const stage = dockerfile.split(/^FROM /m).find((lines) => / AS dependencies$/m.test(lines)) ?? '';
    const [before = '', after = ''] = stage.split('pnpm install --frozen-lockfile');
    expect(before).toMatch(/^rm -rf ui .*packages\/other/m);
    expect(before).not.toMatch(/^rm -rf ui .*packages\/unneeded/m);
    expect(after).toMatch(/^rm -rf .*packages\/unneeded/m);
  });

  it('whose build starts the gateway builds its server with openclaw.mjs', async () => {
    const root = await checkout('new');
    await writeFile(join(root, 'scripts/write-cli.mjs'), "spawnSync('node', ['openclaw.mjs', '--help']);\n");
    const { serverSources } = await readCheckout(root, []);
    expect(serverSources).toContain('openclaw.mjs');
  });

  it('builds its server with every folder and setting that its build names, and with no other', async () => {
    const root = await checkout('new');
    for (const folder of ['apps', 'assets', 'changelog', 'git-hooks']) {
      await mkdir(join(root, folder));
      await writeFile(join(root, folder, 'file.txt'), '');
    }
    for (const file of ['.swcrc', '.prettierrc', 'NOTICE.md', 'Makefile']) await writeFile(join(root, file), '');
    const lines = [
      "cpSync('assets/file.txt', 'dist/file.txt');",
      '// The folder apps/ is not read.',
      'let vendor = 1;',
    ];
    await appendFile(
      join(root, 'scripts/build.mjs'),
      [...lines, "spawn('node', ['scripts/notes.mjs']);", ''].join('\n'),
    );
    await writeFile(join(root, 'scripts/notes.mjs'), "import './more.mjs';\nreadFileSync(join(root, 'NOTICE.md'));\n");
    await writeFile(join(root, 'scripts/more.mjs'), "readdirSync('changelog');\n");
    const { serverSources } = await readCheckout(root, []);
    expect(serverSources).toEqual(
      expect.arrayContaining(['.swcrc', 'Makefile', 'NOTICE.md', 'assets', 'changelog', 'scripts', 'src']),
    );
    for (const other of ['.prettierrc', 'apps', 'docs', 'git-hooks', 'ui', 'vendor'])
      expect(serverSources).not.toContain(other);
  });

  it('without a script for the Control UI builds it with the server', async () => {
    const root = await checkout('new', ({ scripts }) => delete scripts['ui:build']);
    const gateway = await readCheckout(root, []);
    expect(gateway.serverSources).toContain('ui');
    const text = renderDockerfile(planDockerfile({ ...NO_EXTRAS, base: 'node:24', gateway }));
    expect(text).not.toContain('AS control-ui');
    expect(text).not.toContain('rm -rf dist/control-ui');
  });
});
