import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCheckout } from '../../../build/gateway/checkout.ts';
import type { PackageManifest } from '../../../build/gateway/package-manifest.ts';
import { temporaryCheckout as checkout } from '../../support/temporary-checkout.ts';

// Forms that pnpm, npm or the gateway accept, and that the known releases do not have.

async function change(root: string, file: string, edit: (text: string) => string): Promise<void> {
  const before = await readFile(join(root, file), 'utf8');
  const after = edit(before);
  expect(after, `${file} was to change`).not.toBe(before);
  await writeFile(join(root, file), after);
}

async function write(root: string, file: string, content: string | object = ''): Promise<void> {
  await mkdir(dirname(join(root, file)), { recursive: true });
  await writeFile(join(root, file), typeof content === 'string' ? content : JSON.stringify(content));
}

/** Adds a dependency to the root, as pnpm locks it. */
async function depend(root: string, name: string, specifier: string, version: string, group = 'dependencies') {
  await change(root, 'package.json', (text) => {
    const manifest = JSON.parse(text) as Record<string, Record<string, string>>;
    return JSON.stringify({ ...manifest, [group]: { ...manifest[group], [name]: specifier } });
  });
  const entry = `      ${name}:\n        specifier: ${specifier}\n        version: ${version}\n`;
  if (version === '') return;
  const head = `  .:\n    ${group}:\n`;
  await change(root, 'pnpm-lock.yaml', (text) =>
    text.includes(head) ? text.replace(head, `${head}${entry}`) : text.replace('  .:\n', `${head}${entry}`),
  );
}

describe('folders that the gateway needs at run time', () => {
  const foldersOf = async (root: string, extensions: readonly string[] = []): Promise<readonly string[]> =>
    (await readCheckout(root, extensions)).workspaceDependencies.map(({ folder }) => folder);

  it('are found by the lockfile, if the manifest names a range', async () => {
    const root = await checkout('new');
    await write(root, 'packages/linked/package.json', { name: 'linked', version: '1.0.0' });
    await depend(root, 'linked', '^1.0.0', 'link:packages/linked');
    expect(await foldersOf(root)).toContain('packages/linked');
  });

  it('need not be packages of the workspace: link:', async () => {
    const root = await checkout('new');
    await appendFile(join(root, '.dockerignore'), '!vendor\n');
    await write(root, 'vendor/tool/package.json', { name: 'tool', version: '1.0.0' });
    await depend(root, 'tool', 'link:./vendor/tool', 'link:vendor/tool');
    const found = await readCheckout(root, []);
    expect(found.workspaceDependencies).toContainEqual({ folder: 'vendor/tool', files: [] });
  });

  it('are those of a requested plugin too', async () => {
    const root = await checkout('new');
    await write(root, 'packages/linked/package.json', { name: 'linked', version: '1.0.0' });
    const [plugin = ''] =
      (await readFile(join(root, 'pnpm-lock.yaml'), 'utf8')).match(/(?<=^ {2}extensions\/)[\w-]+/m) ?? [];
    expect(plugin).not.toBe('');
    await change(root, `extensions/${plugin}/package.json`, (text) => {
      const manifest = JSON.parse(text) as PackageManifest;
      return JSON.stringify({ ...manifest, dependencies: { ...manifest.dependencies, linked: 'workspace:*' } });
    });
    await change(root, 'pnpm-lock.yaml', (text) => {
      const entry = '      linked:\n        specifier: workspace:*\n        version: link:../../packages/linked\n';
      const head = `  extensions/${plugin}:\n    dependencies:\n`;
      return text.includes(head)
        ? text.replace(head, `${head}${entry}`)
        : text.replace(new RegExp(`^  extensions/${plugin}:.*\n`, 'm'), `${head}${entry}`);
    });
    expect(await foldersOf(root)).not.toContain('packages/linked');
    expect(await foldersOf(root, [plugin])).toContain('packages/linked');
  });
});

describe('the install reads', () => {
  const inputsOf = async (root: string, extensions: readonly string[] = []): Promise<readonly string[]> =>
    (await readCheckout(root, extensions)).manifests;

  it('the folder of a workspace package that prepares itself', async () => {
    const root = await checkout('new');
    await change(root, 'packages/greeting/package.json', (text) =>
      JSON.stringify({ ...(JSON.parse(text) as object), scripts: { prepare: 'tsc' } }),
    );
    expect(await inputsOf(root)).toContain('packages/greeting');
  });

  it.each(['node scripts/setup', 'node ./scripts/setup && true'])(
    'the file of "%s", whose ending Node adds',
    async (command) => {
      const root = await checkout('new', ({ scripts }) => Object.assign(scripts, { postinstall: command }));
      await write(root, 'scripts/setup.js', "require('./more');\n");
      await write(root, 'scripts/more.js');
      expect(await inputsOf(root)).toEqual(expect.arrayContaining(['scripts/more.js', 'scripts/setup.js']));
    },
  );

  it.each([
    ['pnpm-workspace.yaml', 'pnpmfile: config/hooks.cjs\n'],
    ['.npmrc', 'pnpmfile=config/hooks.cjs\n'],
  ])('the program that %s names', async (file, line) => {
    const root = await checkout('new');
    await write(root, 'config/hooks.cjs');
    await appendFile(join(root, file), line);
    expect(await inputsOf(root)).toContain('config/hooks.cjs');
  });

  it('nothing that .dockerignore excludes', async () => {
    const root = await checkout('new');
    await appendFile(join(root, '.dockerignore'), 'packages/\n');
    await expect(readCheckout(root, [])).rejects.toThrow(/packages\/greeting\/package.json.*\.dockerignore/);
  });
});

describe('a lockfile that pnpm accepts', () => {
  it('has another version by an override with two bounds', async () => {
    const root = await checkout('new');
    await depend(root, 'is-number', '^2.0.0', '3.0.0');
    await change(root, 'pnpm-lock.yaml', (text) =>
      text
        .replace('specifier: ^2.0.0\n        version: 3.0.0', 'specifier: 3.0.0\n        version: 3.0.0')
        .replace(/^importers:/m, "overrides:\n  'is-number@>=2.0.0 <3.0.0': 3.0.0\n\nimporters:"),
    );
    await expect(readCheckout(root, [])).resolves.toBeDefined();
  });

  it('lacks optional dependencies that the workspace ignores', async () => {
    const root = await checkout('new');
    await depend(root, 'fsevents', '^2.0.0', '', 'optionalDependencies');
    await expect(readCheckout(root, [])).rejects.toThrow(/fsevents/);
    await change(root, 'pnpm-lock.yaml', (text) =>
      text.replace(/^importers:/m, 'ignoredOptionalDependencies:\n  - fsevents\n\nimporters:'),
    );
    await expect(readCheckout(root, [])).resolves.toBeDefined();
  });
});

it.each(["'**'", './packages/*/', './\n  - packages/*'])('the workspace pattern %s finds packages', async (pattern) => {
  const root = await checkout('new');
  await change(root, 'pnpm-workspace.yaml', (text) =>
    text.replace(/^packages:\n(?: +- .*\n)+/m, `packages:\n  - ${pattern}\n`),
  );
  expect((await readCheckout(root, [])).manifests).toContain('packages/greeting/package.json');
});

it.each([
  [{ files: ['*', '!extensions'], bundleDependencies: true }, ['docs', 'skills']],
  [{ files: ['./'] }, ['docs', 'skills']],
])('with %j in package.json it has the documents %j', async (fields, documents) => {
  const root = await checkout('new', (manifest) => Object.assign(manifest, fields));
  expect((await readCheckout(root, [])).documents).toEqual(documents);
});

it('plugins that a later pattern excludes are not packed', async () => {
  const root = await checkout('new', (manifest) => {
    manifest.files = ['extensions/', '!extensions/**', 'docs/'];
  });
  expect((await readCheckout(root, [])).pluginsFromSource).toBe(false);
});

describe('the manifest of a plugin', () => {
  it('is JSON5, as the gateway reads it', async () => {
    const root = await checkout('new');
    await write(root, 'extensions/commented/package.json', { name: 'commented', version: '1.0.0' });
    await write(root, 'extensions/commented/openclaw.plugin.json', "// mine\n{ id: 'commented', }\n");
    await change(root, 'pnpm-lock.yaml', (text) =>
      text.replace(/^ {2}extensions\//m, '  extensions/commented: {}\n\n  extensions/'),
    );
    expect((await readCheckout(root, ['commented'])).selected.map(({ id }) => id)).toEqual(['commented']);
  });

  it('may be broken, unless the plugin is requested', async () => {
    const root = await checkout('new');
    await write(root, 'extensions/broken/openclaw.plugin.json', '{ "id": 7 }');
    await expect(readCheckout(root, [])).resolves.toBeDefined();
    await expect(readCheckout(root, ['broken'])).rejects.toThrow(/breaks a rule of its format/);
  });

  it('with an id that a later step would refuse is refused at once', async () => {
    const root = await checkout('new');
    await write(root, 'extensions/echo2/package.json', { name: 'echo2', version: '1.0.0' });
    await write(root, 'extensions/echo2/openclaw.plugin.json', { id: '@echo' });
    await change(root, 'pnpm-lock.yaml', (text) =>
      text.replace(/^ {2}extensions\//m, '  extensions/echo2: {}\n\n  extensions/'),
    );
    await expect(readCheckout(root, ['@echo'])).rejects.toThrow(/@echo/);
  });
});

it('its version of pnpm can be in devEngines', async () => {
  const root = await checkout('new');
  await change(root, 'package.json', (text) => {
    const { packageManager: _, ...manifest } = JSON.parse(text) as PackageManifest;
    return JSON.stringify({ ...manifest, devEngines: { packageManager: { name: 'pnpm', version: '10.32.1' } } });
  });
  expect((await readCheckout(root, [])).pnpmVersion).toBe('10.32.1');
});
