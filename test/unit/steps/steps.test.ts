import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { $ } from 'zx';

const step = (name: string): string => join(import.meta.dirname, '../../../build/steps', name);
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-steps-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = async (path: string, content: unknown): Promise<void> => {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content));
};
const node = (...args: readonly string[]) => $({ cwd: folder, nothrow: true })`node ${args}`;
const list = async (path: string): Promise<readonly string[]> => (await readdir(join(folder, path))).sort();

describe('dependency-manifest.mjs', () => {
  it('prints what npm installs for a package, with the allowed install scripts', async () => {
    const manifest = { name: 'openclaw', version: '1', dependencies: { a: '1', b: '1' }, bundleDependencies: ['b'] };
    const run = $({ input: JSON.stringify(manifest) })`node ${step('dependency-manifest.mjs')} a`;
    expect(JSON.parse((await run).stdout)).toEqual({
      private: true,
      dependencies: { a: '1' },
      optionalDependencies: {},
      allowScripts: { a: true },
    });
  });
});

describe('spread-over-layers.mjs', () => {
  it('moves packages into the folders of their layers, and skips those that are not installed', async () => {
    for (const name of ['typescript', '@google/genai', 'ms'])
      await write(`layers/dependencies/app/node_modules/${name}/package.json`, '{}');
    await write('list', 'large typescript\npinned-1 @google/genai not-for-this-processor\n');
    expect((await node(step('spread-over-layers.mjs'), 'list', 'layers')).exitCode).toBe(0);
    expect(await list('layers/large/app/node_modules')).toEqual(['typescript']);
    expect(await list('layers/pinned-1/app/node_modules/@google')).toEqual(['genai']);
    expect(await list('layers/dependencies/app/node_modules')).toEqual(['@google', 'ms']);
  });
});

describe('delete-foreign.mjs', () => {
  it('deletes packages for other systems, processors and C libraries, and GPU back ends', async () => {
    const other = process.arch === 'x64' ? 'arm64' : 'x64';
    const packages = {
      plain: {},
      linux: { os: ['linux'], cpu: [process.arch], libc: ['glibc'] },
      mac: { os: ['darwin'] },
      'not-linux': { os: ['!linux'] },
      processor: { cpu: [other] },
      musl: { libc: ['musl'] },
      '@node-llama-cpp/linux-x64-cuda': {},
    };
    for (const [name, fields] of Object.entries(packages))
      await write(`node_modules/${name}/package.json`, { name, ...fields });
    await write('node_modules/plain/node_modules/inner/package.json', { name: 'inner', os: 'win32' });
    expect((await node(step('delete-foreign.mjs'))).exitCode).toBe(0);
    expect(await list('node_modules')).toEqual(['@node-llama-cpp', 'linux', 'plain']);
    expect(await list('node_modules/@node-llama-cpp')).toEqual([]);
    expect(await list('node_modules/plain/node_modules')).toEqual([]);
  });

  it('deletes links to what was deleted, and keeps those to missing packages of the workspace', async () => {
    await write('node_modules/.pnpm/mac@1/node_modules/mac/package.json', { name: 'mac', os: ['darwin'] });
    const links = {
      mac: '.pnpm/mac@1/node_modules/mac',
      unused: '../packages/unused',
      ai: '../packages/ai',
      vendored: '../vendor/vendored',
    };
    for (const [name, target] of Object.entries(links)) await symlink(target, join(folder, 'node_modules', name));
    expect((await node(step('delete-foreign.mjs'), 'packages/unused', 'packages/a')).exitCode).toBe(0);
    expect(await list('node_modules')).toEqual(['.pnpm', 'ai', 'vendored']);
  });

  it('follows no links', async () => {
    await write('elsewhere/package.json', { name: 'mac', os: ['darwin'] });
    await mkdir(join(folder, 'node_modules'));
    await symlink('../elsewhere', join(folder, 'node_modules/mac'));
    await node(step('delete-foreign.mjs'));
    expect(await list('elsewhere')).toEqual(['package.json']);
  });
});

describe('select-plugins.mjs', () => {
  beforeEach(async () => {
    await write('extensions/echo/openclaw.plugin.json', { id: 'echo' });
    await write('extensions/echo/package.json', { dependencies: { ms: '1' } });
    await write('extensions/kimi-coding/openclaw.plugin.json', { id: 'kimi' });
    await write('extensions/kimi-coding/package.json', { devDependencies: { ms: '1' } });
    await write('extensions/shared/package.json', {});
  });
  const select = (names: string) =>
    $({
      cwd: folder,
      env: { ...process.env, OPENCLAW_EXTENSIONS: names },
      nothrow: true,
    })`node ${step('select-plugins.mjs')} extensions manifests`;

  it.each(['echo kimi', 'echo,kimi-coding', ' echo ,  kimi, echo'])(
    'selects %j, and lists plugins with dependencies',
    async (names) => {
      expect((await select(names)).exitCode).toBe(0);
      expect(await list('manifests')).toEqual(['.selected', 'echo', 'kimi-coding']);
      expect(await readFile(join(folder, 'manifests/.selected'), 'utf8')).toBe('echo echo\n');
    },
  );

  it('selects nothing without names', async () => {
    expect((await select('')).exitCode).toBe(0);
    expect(await list('manifests')).toEqual(['.selected']);
  });

  it.each(['nothing', 'shared', '../echo'])('refuses %s, and lists the plugins', async (name) => {
    const { exitCode, stderr } = await select(name);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`OPENCLAW_EXTENSIONS: ${name} is not a plugin; plugins: echo, kimi`);
  });

  it('refuses an id that a shell would read as more than a name', async () => {
    await write('extensions/evil/openclaw.plugin.json', { id: 'a;id' });
    expect((await select('evil')).exitCode).toBe(1);
  });
});

describe('isolate-plugin.mjs', () => {
  it('reads the last of two documents, as pnpm 11 writes them', async () => {
    await write('package.json', { name: 'root' });
    await write('extensions/echo/package.json', { name: 'echo', dependencies: { ms: '^2' } });
    const importer = '    dependencies:\n      ms:\n        specifier: ^2\n        version: 2.1.3\n';
    const first =
      "---\nlockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    packageManagerDependencies: {}\n\npackages:\n\n";
    const second = `---\nlockfileVersion: '9.0'\n\nimporters:\n\n  extensions/echo:\n${importer}\npackages:\n`;
    await write('pnpm-lock.yaml', first + second);
    expect((await node(step('isolate-plugin.mjs'), 'echo')).exitCode).toBe(0);
    expect(await readFile(join(folder, 'pnpm-lock.yaml'), 'utf8')).toBe(first + second.replace('extensions/echo', '.'));
  });

  it('replaces the root manifest, and keeps only the importer of the plugin in the lockfile', async () => {
    await write('package.json', {
      name: 'root',
      packageManager: 'pnpm@10.23.0',
      pnpm: { patchedDependencies: {} },
      dependencies: { zod: '4' },
    });
    await write('extensions/echo/package.json', {
      name: 'echo',
      version: '1.0.0',
      dependencies: { ms: '^2' },
      devDependencies: { x: '1' },
    });
    await write(
      'pnpm-lock.yaml',
      `lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      zod:
        specifier: '4'
        version: 4.0.0

  extensions/echo:
    dependencies:
      ms:
        specifier: ^2
        version: 2.1.3
    devDependencies:
      x:
        specifier: '1'
        version: 1.0.0

packages:

  ms@2.1.3: {}
`,
    );
    expect((await node(step('isolate-plugin.mjs'), 'echo')).exitCode).toBe(0);
    expect(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))).toEqual({
      name: 'echo',
      version: '1.0.0',
      dependencies: { ms: '^2' },
      pnpm: { patchedDependencies: {} },
      packageManager: 'pnpm@10.23.0',
    });
    expect(await readFile(join(folder, 'pnpm-lock.yaml'), 'utf8')).toBe(`lockfileVersion: '9.0'

importers:

  .:
    dependencies:
      ms:
        specifier: ^2
        version: 2.1.3

packages:

  ms@2.1.3: {}
`);
  });

  it('leaves out peers, which pnpm locks like dependencies', async () => {
    await write('package.json', { name: 'root' });
    const peers = { openclaw: '>=2026.1.26' };
    await write('extensions/echo/package.json', {
      name: 'echo',
      dependencies: { '@x/ms': '^2' },
      peerDependencies: peers,
    });
    const own = "    dependencies:\n      '@x/ms':\n        specifier: ^2\n        version: 2.1.3\n";
    const peer = "      openclaw:\n        specifier: '>=2026.1.26'\n        version: 2026.2.24\n";
    await write('pnpm-lock.yaml', `\nimporters:\n\n  extensions/echo:\n${own}${peer}\npackages:\n`);
    expect((await node(step('isolate-plugin.mjs'), 'echo')).exitCode).toBe(0);
    expect(await readFile(join(folder, 'pnpm-lock.yaml'), 'utf8')).toBe(`\nimporters:\n\n  .:\n${own}\npackages:\n`);
  });

  it('fails if the lockfile does not contain the plugin', async () => {
    await write('package.json', {});
    await write('extensions/echo/package.json', {});
    await write('pnpm-lock.yaml', '\nimporters:\n\n  .: {}\n\npackages: {}\n');
    expect((await node(step('isolate-plugin.mjs'), 'echo')).stderr).toContain('no importer extensions/echo');
  });
});

describe('trim-lockfile.mjs', () => {
  const LOCK = `lockfileVersion: '9.0'

overrides:
  ms: 2.1.3

importers:

  .:
    dependencies:
      '@scope/a':
        specifier: ^1.0.0
        version: 1.0.0(ms@2.1.3)
      alias:
        specifier: npm:real@1.0.0
        version: real@1.0.0

  extensions/chat:
    dependencies:
      from-git:
        specifier: github:owner/from-git
        version: https://codeload.example.org/owner/from-git/tar.gz/abc

  extensions/empty: {}

packages:

  '@scope/a@1.0.0':
    resolution: {integrity: sha512-a}
    peerDependencies:
      ms: '*'

  from-git@https://codeload.example.org/owner/from-git/tar.gz/abc:
    resolution: {tarball: https://codeload.example.org/owner/from-git/tar.gz/abc}
    version: 1.0.0

  ms@2.1.3:
    resolution: {integrity: sha512-ms}

  only-for-chat@1.0.0:
    resolution: {integrity: sha512-chat}

  real@1.0.0:
    resolution: {integrity: sha512-real}

snapshots:

  '@scope/a@1.0.0(ms@2.1.3)':
    dependencies:
      ms: 2.1.3

  from-git@https://codeload.example.org/owner/from-git/tar.gz/abc:
    dependencies:
      only-for-chat: 1.0.0

  ms@2.1.3: {}

  only-for-chat@1.0.0: {}

  real@1.0.0: {}
`;
  const trim = async (lock: string): Promise<string> => {
    await write('pnpm-lock.yaml', lock);
    expect((await node(step('trim-lockfile.mjs'))).exitCode).toBe(0);
    return readFile(join(folder, 'pnpm-lock.yaml'), 'utf8');
  };

  it('keeps what the workspace packages in the folder need', async () => {
    await write('package.json', '{}');
    const { importers, packages, snapshots, overrides } = parse(await trim(LOCK));
    expect(Object.keys(importers)).toEqual(['.']);
    expect(Object.keys(packages)).toEqual(['@scope/a@1.0.0', 'ms@2.1.3', 'real@1.0.0']);
    expect(Object.keys(snapshots)).toEqual(['@scope/a@1.0.0(ms@2.1.3)', 'ms@2.1.3', 'real@1.0.0']);
    expect(overrides).toEqual({ ms: '2.1.3' });
  });

  it('keeps a package from git that a requested plugin needs, with its dependencies', async () => {
    await write('extensions/chat/package.json', '{}');
    const { importers, packages } = parse(await trim(LOCK));
    expect(Object.keys(importers)).toEqual(['extensions/chat']);
    expect(Object.keys(packages)).toEqual([
      'from-git@https://codeload.example.org/owner/from-git/tar.gz/abc',
      'only-for-chat@1.0.0',
    ]);
  });

  it('changes nothing if every workspace package is there', async () => {
    for (const name of ['.', 'extensions/chat', 'extensions/empty']) await write(`${name}/package.json`, '{}');
    expect(await trim(LOCK)).toBe(LOCK);
  });

  it('keeps the first of two documents, the packages of pnpm itself', async () => {
    await write('package.json', '{}');
    const first = `---\nlockfileVersion: '9.0'\n\nimporters:\n\n  .:\n    packageManagerDependencies: {}\n\n`;
    const trimmed = await trim(`${first}---\n${LOCK}`);
    expect(trimmed.startsWith(first)).toBe(true);
    expect(trimmed).not.toContain('from-git');
  });

  it('reads keys of more than 1024 characters, which YAML writes with a question mark', async () => {
    await write('package.json', '{}');
    const long = `1.0.0(${'x'.repeat(1030)}@1.0.0)`;
    const lock = LOCK.replaceAll('1.0.0(ms@2.1.3)', long).replace(
      `  '@scope/a@${long}':\n    dependencies`,
      `  ? '@scope/a@${long}'\n  : dependencies`,
    );
    expect(Object.keys(parse(await trim(lock)).snapshots)).toEqual([`@scope/a@${long}`, 'ms@2.1.3', 'real@1.0.0']);
  });

  it('leaves a lockfile of another form as it is', async () => {
    await write('package.json', '{}');
    expect(await trim("lockfileVersion: '6.0'\n")).toBe("lockfileVersion: '6.0'\n");
  });

  it('keeps all of a real lockfile', async () => {
    await write('package.json', '{}');
    const own = await readFile(join(import.meta.dirname, '../../../pnpm-lock.yaml'), 'utf8');
    expect(parse(await trim(own))).toEqual(parse(own));
  });
});
