import { appendFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { planDockerfile } from '../../../build/dockerfile/plan.ts';
import { renderDockerfile } from '../../../build/dockerfile/render.ts';
import { readCheckout } from '../../../build/gateway/checkout.ts';
import { readDockerIgnore } from '../../../build/gateway/docker-ignore.ts';
import { isCheckout } from '../../../build/gateway/is-checkout.ts';
import { packedPaths } from '../../../build/gateway/workspace-packages.ts';
import { RequestError } from '../../../build/problem.ts';
import { temporaryCheckout as checkout } from '../../support/temporary-checkout.ts';

const NO_EXTRAS = { browser: 'none', dockerCli: false } as const;

const problemsOf = async (folder: string, extensions: readonly string[] = []) => {
  const error = await readCheckout(folder, extensions).catch((thrown: unknown) => thrown);
  if (!(error instanceof RequestError)) throw new Error('it was not refused');
  return error.problems.map(({ source, value, reason, hint }) => ({
    at: source,
    text: `${value} ${reason}; ${hint}`,
  }));
};

describe('readCheckout', () => {
  it('reads a new layout', async () => {
    const folder = await checkout('new');
    expect(await isCheckout(folder)).toBe(true);
    expect(await readCheckout(folder, ['kimi-coding', 'echo'])).toMatchObject({
      version: '2026.4.12',
      revision: expect.stringMatching(/^[0-9a-f]{40}$/),
      dirty: false,
      pnpmVersion: '10.32.1',
      needsBun: false,
      manifests: [
        'package.json',
        'packages/greeting/package.json',
        'ui/package.json',
        'pnpm-lock.yaml',
        'pnpm-workspace.yaml',
        '.npmrc',
        'patches',
        'scripts/npm-runner.mjs',
        'scripts/postinstall.mjs',
      ],
      serverScript: 'build:docker',
      serverSources: ['extensions', 'packages', 'scripts', 'src'],
      uiSources: ['packages', 'scripts', 'ui'],
      canvasSources: ['scripts', 'src/canvas-host/a2ui', 'vendor/a2ui/source.txt'],
      packageFiles: ['openclaw.mjs', 'package.json', 'LICENSE', 'README.md'],
      documents: ['docs', 'skills'],
      selected: [
        { id: 'echo', directory: 'echo' },
        { id: 'kimi', directory: 'kimi-coding' },
      ],
      pluginsFromSource: false,
    });
  });

  it('reads an old layout, whose server does not contain its plugins', async () => {
    const read = await readCheckout(await checkout('old'), []);
    expect(read).toMatchObject({
      serverScript: 'build',
      serverSources: ['packages', 'scripts', 'src'],
      canvasSources: ['scripts', 'src/canvas-host/a2ui', 'vendor/a2ui/source.txt'],
      pluginsFromSource: true,
    });
    expect(read.manifests).not.toContain('scripts/postinstall.mjs');
  });

  it('detects uncommitted edits, and their time', async () => {
    const folder = await checkout('new');
    const before = await readCheckout(folder, []);
    await appendFile(join(folder, 'docs/index.md'), 'more');
    const after = await readCheckout(folder, []);
    expect(after).toMatchObject({ revision: before.revision, dirty: true });
    expect(Date.parse(after.changed)).toBeGreaterThan(Date.parse(before.changed));
  });

  it.each([
    [{ 'ui:build': 'bun run scripts/ui.mjs' }, true],
    [{ 'build:docker': 'pnpm inner', inner: 'bunx something' }, true],
    [{ 'ui:build': 'node scripts/bundle.mjs' }, false],
  ])('%j needs Bun: %s', async (scripts, needsBun) => {
    const folder = await checkout('new', (manifest) => Object.assign(manifest.scripts, scripts));
    expect((await readCheckout(folder, [])).needsBun).toBe(needsBun);
  });
});

describe('problems that would make a build fail', () => {
  it('lists all unknown plugins', async () => {
    const folder = await checkout('new');
    await mkdir(join(folder, 'extensions/twin'));
    await writeFile(join(folder, 'extensions/twin/openclaw.plugin.json'), '{ "id": "echo" }');
    expect(await problemsOf(folder, ['kimy', 'shared', 'echo'])).toEqual([
      { at: '--extensions', text: expect.stringContaining('did you mean kimi') },
      { at: '--extensions', text: expect.stringContaining('is not a plugin: extensions/shared has no') },
      { at: '--extensions', text: expect.stringContaining('ambiguous') },
    ]);
  });

  it('follows no link that leaves extensions/', async () => {
    const folder = await checkout('new');
    await mkdir(join(folder, 'elsewhere'));
    await writeFile(join(folder, 'elsewhere/openclaw.plugin.json'), '{ "id": "far" }');
    await symlink('../elsewhere', join(folder, 'extensions/far'));
    expect(await problemsOf(folder, ['far'])).toEqual([
      { at: '--extensions', text: expect.stringContaining('is not a plugin: extensions/far has no') },
    ]);
  });

  it('names the line of a dependency that the lockfile does not contain', async () => {
    const folder = await checkout('new', ({ dependencies }) =>
      Object.assign(dependencies, { ms: '2.1.2', 'is-odd': '3.0.1' }),
    );
    const [problem] = await problemsOf(folder);
    expect(problem?.at).toMatch(/^package\.json:\d+$/);
    expect(problem?.text).toContain('ms@2.1.2 is not in pnpm-lock.yaml, which has 2.1.3');
  });

  it('names a missing pnpm version, and a missing build script', async () => {
    const folder = await checkout('new', (manifest) => {
      delete manifest.packageManager;
      manifest.scripts = {};
    });
    expect((await problemsOf(folder)).map(({ text }) => text)).toEqual([
      expect.stringContaining('packageManager is missing'),
      expect.stringContaining('scripts.build is missing'),
    ]);
  });

  describe('a package from an unreachable host', () => {
    /** A checkout with a workspace package that needs packages from these addresses, through another one. */
    const lockFrom = async (importer: string, ...addresses: readonly string[]): Promise<string> => {
      const folder = await checkout('new');
      const file = join(folder, 'pnpm-lock.yaml');
      const lock = parse(await readFile(file, 'utf8'));
      const version = '1.0.0';
      lock.importers[importer] = { optionalDependencies: { middle: { specifier: '^1.0.0', version } } };
      lock.packages['middle@1.0.0'] = { resolution: { integrity: 'sha512-x' } };
      lock.snapshots['middle@1.0.0'] = { dependencies: {} };
      for (const [index, address] of addresses.entries()) {
        const resolution = /^(?:git@|file:|third)/.test(address)
          ? { type: 'git', repo: address }
          : { tarball: address };
        lock.packages[`x${index}@${address}`] = { resolution, version };
        lock.snapshots[`x${index}@${address}`] = {};
        lock.snapshots['middle@1.0.0'].dependencies[`x${index}`] = address;
      }
      await writeFile(file, stringify(lock, { singleQuote: true, lineWidth: 0 }));
      return folder;
    };
    const NOWHERE = 'https://nowhere.invalid/x/tar.gz/1';

    it('is named with its line if the gateway needs it', async () => {
      const [problem] = await problemsOf(await lockFrom('ui', NOWHERE));
      expect(problem?.at).toMatch(/^pnpm-lock\.yaml:\d+$/);
      expect(problem?.text).toContain('comes from nowhere.invalid');
    });

    it('does no harm if only a plugin needs it that was not requested', async () => {
      const folder = await lockFrom('extensions/echo', NOWHERE);
      expect(await readCheckout(folder, [])).toMatchObject({ kind: 'checkout' });
      expect((await problemsOf(folder, ['echo']))[0]?.text).toContain('comes from nowhere.invalid');
    });

    it('is named if it has an address and refuses connections', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const folder = await lockFrom('ui', `http://127.0.0.1:${port}/x.tgz`);
      expect(await readCheckout(folder, [])).toMatchObject({ kind: 'checkout' });
      await new Promise((resolve) => server.close(resolve));
      expect((await problemsOf(folder))[0]?.text).toContain(`comes from 127.0.0.1:${port}, which is unreachable`);
    });

    it('can be a folder of this host, of which git knows more', async () => {
      const folder = await lockFrom('ui', 'file:///srv/git/x.git');
      expect(await readCheckout(folder, [])).toMatchObject({ kind: 'checkout' });
    });

    it('is named together with all others, also those that git fetches over SSH', async () => {
      const folder = await lockFrom(
        'ui',
        NOWHERE,
        'https://elsewhere.invalid/y',
        'git@third.invalid:owner/z.git',
        'third.invalid:z.git',
      );
      const hosts = (await problemsOf(folder)).map(({ text }) => /comes from (\S+),/.exec(text)?.[1]);
      expect(hosts.sort()).toEqual(['elsewhere.invalid', 'nowhere.invalid', 'third.invalid', 'third.invalid']);
    });
  });

  it.each([
    ['a file that would end its instruction', 'x\nRUN id', ''],
    ['a file with a shell in its name', '$(id)', ''],
    ['a plugin id with a shell in it', '', 'echo; id'],
    ['a plugin id that climbs', '', '../../etc'],
  ])('refuses %s, because it would become part of the Dockerfile', async (_, file, id) => {
    const folder = await checkout('new');
    if (file !== '') await writeFile(join(folder, file), '');
    else await writeFile(join(folder, 'extensions/echo/openclaw.plugin.json'), JSON.stringify({ id }));
    expect((await problemsOf(folder, ['echo'])).map(({ text }) => text)).toEqual([
      expect.stringContaining('contains characters that have a meaning in a Dockerfile'),
    ]);
  });

  it('refuses a version with a shell in it', async () => {
    const folder = await checkout('new', (manifest) => {
      manifest.version = '2026.4.12; id';
    });
    expect((await problemsOf(folder)).map(({ text }) => text)).toEqual([
      expect.stringContaining('contains characters that have a meaning in a Dockerfile'),
    ]);
  });

  it('refuses sources outside of git, because their revision is unknown', async () => {
    const folder = await checkout('new');
    await rm(join(folder, '.git'), { recursive: true });
    expect(await problemsOf(folder)).toEqual([
      { at: '--source', text: expect.stringContaining('is not in a git repository') },
    ]);
  });

  it('applies an override of pnpm-workspace.yaml to the manifest', async () => {
    const folder = await checkout('new', ({ dependencies }) => Object.assign(dependencies, { ms: '^2.0.0' }));
    const lock = join(folder, 'pnpm-lock.yaml');
    await writeFile(
      lock,
      (await readFile(lock, 'utf8')).replace('\nimporters:\n', '\noverrides:\n  ms: 2.1.3\n\nimporters:\n'),
    );
    expect((await readCheckout(folder, [])).version).toBe('2026.4.12');
  });

  it.each([
    ['a selector with a version', { ms: '^2.0.0' }, '  ms@2: 2.1.3\n'],
    ['a selector below a package', { ms: '^2.0.0' }, '  openclaw>ms: 2.1.3\n'],
    ['one that removes a dependency', { 'left-pad': '1.3.0' }, '  left-pad: "-"\n'],
  ])('applies an override with %s', async (_, more, line) => {
    const folder = await checkout('new', ({ dependencies }) => Object.assign(dependencies, more));
    const lock = join(folder, 'pnpm-lock.yaml');
    const text = await readFile(lock, 'utf8');
    await writeFile(lock, text.replace('\nimporters:\n', `\noverrides:\n${line}\nimporters:\n`));
    expect((await readCheckout(folder, [])).version).toBe('2026.4.12');
    await writeFile(lock, text.replace('\nimporters:\n', '\noverrides:\n  other: 1.0.0\n\nimporters:\n'));
    expect((await problemsOf(folder))[0]?.text).toContain('is not in pnpm-lock.yaml');
  });

  it('leaves the comparison to pnpm if a .pnpmfile changes manifests', async () => {
    const folder = await checkout('new', ({ dependencies }) => Object.assign(dependencies, { added: '1.0.0' }));
    const lock = join(folder, 'pnpm-lock.yaml');
    const text = await readFile(lock, 'utf8');
    expect((await problemsOf(folder))[0]?.text).toContain('added@1.0.0 is not in pnpm-lock.yaml');
    await writeFile(lock, text.replace('\nimporters:\n', '\npnpmfileChecksum: sha256-x\n\nimporters:\n'));
    await writeFile(join(folder, 'hook.cjs'), '');
    await writeFile(join(folder, '.pnpmfile.cjs'), "require('./hook.cjs');\n");
    expect((await readCheckout(folder, [])).manifests).toEqual(expect.arrayContaining(['.pnpmfile.cjs', 'hook.cjs']));
  });

  it.each([
    ['a folder that is missing', (root: string) => rm(root, { recursive: true }), 'it does not exist'],
    ['one without openclaw.mjs', (root: string) => rm(join(root, 'openclaw.mjs')), 'it has no openclaw.mjs'],
    [
      'the folder of a plugin',
      async (root: string) => {
        await rm(join(root, 'openclaw.mjs'));
        await rm(join(root, 'pnpm-workspace.yaml'));
      },
      'it has no pnpm-workspace.yaml, no openclaw.mjs',
    ],
    [
      'another package',
      (root: string) => writeFile(join(root, 'package.json'), '{"name":"clawdbot"}'),
      'its package.json has the name clawdbot, not openclaw',
    ],
  ])('refuses %s, and says why it is not a checkout', async (_, change, reason) => {
    const folder = await checkout('new');
    await change(folder);
    expect(await isCheckout(folder)).toBe(false);
    const [problem] = await problemsOf(folder);
    expect(problem?.at).toBe('--source');
    expect(problem?.text).toContain(`is not a checkout of the gateway: ${reason};`);
  });
});

describe('the context', () => {
  it('never contains history, secrets or installed packages', async () => {
    const folder = await checkout('new');
    await writeFile(join(folder, '.dockerignore'), '*.png\n!.env\n!.git\n!**/node_modules\n');
    const { admits } = await readDockerIgnore(folder);
    const refused = [
      '.git/config',
      '.env',
      '.env.example',
      'ui/.env.local',
      'node_modules/x',
      'ui/node_modules/x',
      'a.png',
    ];
    expect(refused.filter(admits)).toEqual([]);
    expect(['src/index.js', 'docs/index.md', 'openclaw.mjs'].every(admits)).toBe(true);
  });
});

describe('the Dockerfile of a checkout', () => {
  it('has only stages that the release needs', async () => {
    const folder = await checkout('new', ({ scripts }) => {
      delete scripts['canvas:a2ui:bundle'];
      delete scripts['ui:build'];
    });
    const gateway = await readCheckout(folder, []);
    const request = { base: 'node:24', gateway, plugins: [], aptPackages: [], pipPackages: [], ...NO_EXTRAS };
    const text = renderDockerfile(planDockerfile(request));
    expect(text).toContain(' AS server\n');
    expect(text).not.toMatch(/ AS (?:canvas|control-ui)\n/);
  });

  it('has its layers in the planned order', async () => {
    const gateway = await readCheckout(await checkout('new'), ['kimi']);
    const request = { base: 'node:24', gateway, plugins: [], aptPackages: [], pipPackages: [], ...NO_EXTRAS };
    const { layers, stages } = planDockerfile({ ...request, dockerCli: true });
    const text = renderDockerfile({ parameters: [], stages });
    const places = layers.flatMap(({ made }) => (made.by === 'copy' ? [text.indexOf(`\n${made.instruction}\n`)] : []));
    expect(layers.map(({ name }) => name)).toContain('plugin dependencies');
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('is the same, byte for byte, for the same checkout', async () => {
    const gateway = await readCheckout(await checkout('new'), ['kimi']);
    const request = { base: 'node:24', gateway, plugins: [], aptPackages: [], pipPackages: [], ...NO_EXTRAS };
    expect(renderDockerfile(planDockerfile(structuredClone(request)))).toBe(renderDockerfile(planDockerfile(request)));
  });
});

it.each([
  [['docs/'], ['docs']],
  [['docs/**'], ['docs']],
  [['docs/**/*.md'], ['docs']],
  [['skills/*/SKILL.md'], ['skills']],
  [['./scripts/postinstall.mjs'], ['scripts/postinstall.mjs']],
  [['/CHANGELOG.md'], ['CHANGELOG.md']],
  [['!dist/**/*.map', 'LICENSE'], ['LICENSE']],
  [['*.md', '**', '../secret', 'a/../../b'], []],
])('the package files %j are %j', (patterns, expected) => {
  expect(packedPaths(patterns)).toEqual(expected);
});
