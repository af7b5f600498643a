import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BuildForecast } from '../../build/image/explain-build.ts';
import { docker, engine, inImage, run } from '../support/command.ts';
import { SMALL_IMAGE } from '../support/gateway.ts';
import { type Layout, makeCheckout } from '../support/make-checkout.ts';
import { plainBuildArguments } from '../support/plain-build.ts';

interface Built {
  readonly layers: readonly { readonly name: string; readonly cached: boolean }[];
  readonly stages: readonly { readonly stage: string; readonly cached: boolean }[];
  readonly gateway: { readonly version: string; readonly dirty: boolean };
  readonly annotations: Readonly<Record<string, string>>;
}

async function build(folder: string, image: string, ...args: readonly string[]): Promise<Built> {
  const { exitCode, stdout, stderr } = await run(['build', '--json', '--source', folder, '--tag', image, ...args]);
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as Built;
}
const newLayers = ({ layers }: Built) => layers.filter(({ cached }) => !cached).map(({ name }) => name);
/** Stages that ran, except those that put the layers together. They run at the same time, so their order says nothing. */
const ranStages = ({ stages }: Built) =>
  stages
    .filter(({ stage, cached }) => !cached && !['with-server', 'runtime', 'export'].includes(stage))
    .map(({ stage }) => stage)
    .sort();

const PLUGINS = [
  { id: 'echo', answer: 'echo' },
  { id: 'kimi', answer: 'is-number works' },
];

/** The layers that an edit changes, and the stages that run for them. */
type Edit = [file: string, layers: string[], stages: string[]];
const EDITS: Readonly<Record<Layout, Edit[]>> = {
  new: [
    ['docs/index.md', ['docs'], ['docs']],
    ['skills/hello/SKILL.md', ['skills'], ['skills']],
    ['ui/index.html', ['control-ui'], ['control-ui']],
    ['src/index.js', ['server'], ['server']],
    ['extensions/echo/index.js', ['server'], ['plugin-manifests', 'server']],
    ['README.md', ['package'], ['package']],
  ],
  // The older layout differs: its plugins are not compiled.
  old: [
    ['src/index.js', ['server'], ['server']],
    ['extensions/echo/index.js', ['plugins'], ['all-plugin-manifests', 'extensions', 'plugin-manifests']],
  ],
};

describe.each<[Layout, string]>([
  ['new', '2026.4.12'],
  ['old', '2026.1.29'],
])('a checkout of the %s layout', (layout, version) => {
  const image = `openclaw-image-test:source-${layout}`;
  let folder = '';
  let built: Built;

  beforeAll(async () => {
    // In a folder that is copied as a whole.
    folder = await makeCheckout(layout, () => {}, ['extensions/echo/.env.local']);
    built = await build(folder, image, '--extensions', 'kimi-coding');
  });
  afterAll(async () => {
    await docker('image', 'rm', image);
    await rm(folder, { recursive: true, force: true });
  });

  it('becomes an image that satisfies the contract', async () => {
    expect(built.gateway).toMatchObject({ version, dirty: false });
    const { exitCode, stdout } = await run(['verify', image, '--json']);
    const { results } = JSON.parse(stdout) as { results: { name: string; outcome: { passed: boolean } }[] };
    expect(results.filter(({ outcome }) => !outcome.passed)).toEqual([]);
    expect(exitCode).toBe(0);
  });

  it('loads the requested plugin with its dependencies', async () => {
    expect(JSON.parse((await inImage(image, 'openclaw plugins')).stdout)).toEqual(PLUGINS);
  });

  it('contains production dependencies with patches, and no files of the build', async () => {
    const line = `cd /app && head -1 node_modules/ms/index.js && cat dist/a2ui.bundle.js && ls -a . node_modules && find . -name '*.map' -o -name '*.d.ts' -o -name '.env*' -o -name .git`;
    const { stdout } = await inImage(image, line);
    expect(stdout).toContain('// patched by the fixture');
    expect(stdout).toContain('// bundle of the canvas');
    expect(stdout).not.toMatch(/kind-of|\.map|\.d\.ts|\.env|\.git\b|^src$|^ui$/m);
  });

  it('knows its version, its commit, and the time of the commit', async () => {
    const { stdout } = await inImage(image, 'cat /app/dist/build-info.json');
    const commit = (await execa('git', ['-C', folder, 'rev-parse', 'HEAD'])).stdout;
    const committed = (await execa('git', ['-C', folder, 'log', '-1', '--format=%ct'])).stdout;
    const builtAt = new Date(Number(committed) * 1000).toISOString();
    expect(JSON.parse(stdout)).toEqual({ version: expect.stringMatching(/^2026\./), commit, builtAt });
  });

  it('builds nothing again if nothing changed', async () => {
    const again = await build(folder, image, '--extensions', 'kimi-coding');
    expect({ layers: newLayers(again), stages: ranStages(again) }).toEqual({ layers: [], stages: [] });
  });

  const isDaily = ([file]: readonly [string, ...unknown[]]): boolean =>
    ['docs/index.md', 'src/index.js', 'extensions/echo/index.js'].includes(file);
  const nightly = EDITS[layout].filter((edit) => !isDaily(edit));

  it.each(EDITS[layout].filter(isDaily))('after an edit of %s builds %j again', rebuilds);
  it.each(nightly)('after an edit of %s builds %j again', { tags: ['nightly'] }, rebuilds);

  async function rebuilds(file: string, layers: readonly string[], stages: readonly string[]): Promise<void> {
    await appendFile(join(folder, file), `\n/* ${Date.now()} */\n`);
    const explanation = await run([
      'explain',
      '--json',
      '--source',
      folder,
      '--tag',
      image,
      '--extensions',
      'kimi-coding',
    ]);
    expect(explanation.exitCode, explanation.stderr).toBe(0);
    const explained = JSON.parse(explanation.stdout) as BuildForecast;
    const edited = await build(folder, image, '--extensions', 'kimi-coding');
    expect({ layers: newLayers(edited), stages: ranStages(edited) }).toEqual({ layers, stages });
    expect(edited.annotations['org.opencontainers.image.revision']).toMatch(/^[0-9a-f]{40}-dirty$/);
    // The forecast was right, and so were its reasons.
    const running = explained.stages.filter(({ expectation }) => expectation === 'runs');
    expect(running.map(({ name }) => name).sort()).toEqual(stages);
    const isNew = explained.layers.filter(({ expectation }) => expectation === 'runs');
    const open = explained.layers.filter(({ expectation }) => expectation !== 'cached');
    expect(layers).toEqual(expect.arrayContaining(isNew.map(({ name }) => name)));
    expect(open.map(({ name }) => name)).toEqual(expect.arrayContaining([...layers]));
    for (const { reasons } of [...running, ...isNew]) expect(reasons).toEqual([`${file} changed`]);
  }
});

describe('plain Docker', () => {
  const image = 'openclaw-image-test:plain';
  let folder = '';
  let files = '';
  /** The base and the authorities that this host needs. */
  let here: readonly string[] = [];
  beforeAll(async () => {
    here = await plainBuildArguments();
    folder = await makeCheckout('new', () => {}, ['extensions/echo/.env.local']);
    files = await mkdtemp(join(tmpdir(), 'openclaw-image-plain-'));
  });
  afterAll(async () => {
    await docker('image', 'rm', image);
    await Promise.all([folder, files].map((path) => rm(path, { recursive: true, force: true })));
  });

  it('builds the rendered Dockerfile with the printed command, and the image satisfies the contract', async () => {
    const file = join(files, 'openclaw.Dockerfile');
    const { exitCode, stdout, stderr } = await run(['render', '--source', folder, '--file', file]);
    expect(exitCode, stderr).toBe(0);
    const browser = inject('nightly') ? '1 --build-arg OPENCLAW_BROWSER=debian' : '';
    // Adds this host's base and authorities to the command.
    const command = stdout
      .slice(stdout.indexOf('docker buildx'))
      .replace('docker buildx build', `"$DOCKER" buildx build ${here.join(' ')}`)
      .replace('openclaw:mine', image)
      .replace('OPENCLAW_EXTENSIONS=', "OPENCLAW_EXTENSIONS='kimi-coding,echo'")
      .replace('OPENCLAW_INSTALL_BROWSER=', `OPENCLAW_INSTALL_BROWSER=${browser}`);
    const { docker: path, environment } = engine();
    const built = await execa('sh', ['-c', command], {
      env: { ...environment, DOCKER: path },
      reject: false,
      all: true,
    });
    expect(built.exitCode, built.all).toBe(0);
    const verified = await run(['verify', image, '--json']);
    const { results } = JSON.parse(verified.stdout) as { results: { outcome: { passed: boolean } }[] };
    expect(results.filter(({ outcome }) => !outcome.passed)).toEqual([]);
    expect(JSON.parse((await inImage(image, 'openclaw plugins')).stdout)).toEqual(PLUGINS);
    if (inject('nightly')) expect((await inImage(image, 'chromium --version')).stdout).toContain('Chromium');
    expect((await inImage(image, 'find / -name ".env*" -not -path "/proc/*" 2>/dev/null')).stdout).toBe('');
  });

  it('names an unknown plugin', async () => {
    const { docker: path, environment } = engine();
    const file = join(files, 'openclaw.Dockerfile');
    const args = ['buildx', 'build', ...here, '--target=plugin-manifests', '--file', file];
    const { all, exitCode } = await execa(path, [...args, '--build-arg=OPENCLAW_EXTENSIONS=nothing', folder], {
      env: environment,
      reject: false,
      all: true,
    });
    expect(exitCode).not.toBe(0);
    expect(all).toContain('nothing is not a plugin; plugins: echo, kimi');
  });
});

describe('image:diff', { tags: ['nightly'] }, () => {
  it('shows the bytes that a host pulls after an edit of the server', async () => {
    const [before, after] = ['openclaw-image-test:before', 'openclaw-image-test:after'];
    const folder = await makeCheckout('new');
    await build(folder, before);
    await appendFile(join(folder, 'src/index.js'), `\n// ${Date.now()}\n`);
    await build(folder, after);
    const { exitCode, stdout, stderr } = await run(['diff', before, after, '--json']);
    expect(exitCode, stderr).toBe(0);
    const { layers, bytesToPull, files, debian, npm } = JSON.parse(stdout);
    expect(layers.pulled).toHaveLength(1);
    expect(bytesToPull).toBe(layers.pulled[0].size);
    expect(files.changed.map(({ name }: { name: string }) => name)).toEqual(['app/dist/index.js']);
    expect([...files.added, ...files.removed, ...debian.changed, ...npm.changed]).toEqual([]);
    const text = await run(['diff', before, after]);
    expect(text.stdout).toContain('files: 0 added, 1 changed, 0 removed');
    const markdown = await run(['diff', before, after, '--markdown']);
    expect(markdown.stdout).toContain('<details><summary>files: 0 added, 1 changed, 0 removed</summary>');
    expect((await run(['diff', before, after, '--markdown', '--json'])).exitCode).toBe(2);
    await docker('image', 'rm', before, after);
    await rm(folder, { recursive: true, force: true });
  });

  it('image:why names who asks for a package', async () => {
    const { exitCode, stdout, stderr } = await run(['why', SMALL_IMAGE, 'ms', '--json']);
    expect(exitCode, stderr).toBe(0);
    const { packages } = JSON.parse(stdout);
    expect(packages).toMatchObject([
      { kind: 'npm', name: 'ms', version: '2.1.3', layer: expect.stringMatching(/^sha256:/) },
    ]);
    expect(packages[0].chains[0]).toEqual([expect.stringMatching(/^openclaw 2026\./), 'ms 2.1.3']);
    const debian = await run(['why', SMALL_IMAGE, 'libssl3']);
    expect(debian.stdout).toMatch(/libssl3 \S+ \(Debian\)\n {2}.*→ libssl3/);
    const absent = await run(['why', SMALL_IMAGE, 'no-such-package']);
    expect(absent.exitCode).toBe(1);
    expect(absent.stderr).toContain('has no package no-such-package');
    expect((await run(['why', SMALL_IMAGE, 'libssl4'])).stderr).toContain('did you mean libssl3');
  });

  it('names an image that the engine does not have', async () => {
    const { exitCode, stderr } = await run(['diff', SMALL_IMAGE, 'openclaw:never-built']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain('openclaw:never-built');
  });
});

describe('a browser and the Docker CLI', { tags: ['nightly'] }, () => {
  const image = 'openclaw-image-test:source-browser';
  let folder = '';
  beforeAll(async () => {
    folder = await makeCheckout('new');
    await build(folder, image, '--browser', 'debian', '--docker-cli');
  });
  afterAll(async () => {
    await docker('image', 'rm', image);
    await rm(folder, { recursive: true, force: true });
  });

  it('renders a page, headless, as the user node', async () => {
    const page = 'data:text/html,<script>document.write(6*7, String.fromCharCode(33))</script>';
    const { stdout } = await inImage(
      image,
      `id -u && chromium --headless --no-sandbox --disable-gpu --dump-dom '${page}'`,
    );
    expect(stdout).toMatch(/^1000\n/);
    expect(stdout).toContain('42!');
  });

  it('has Xvfb, the Docker CLI and Compose, and no daemon', async () => {
    const line = 'Xvfb -help 2>&1 | head -1; docker --version; docker compose version; command -v dockerd containerd';
    const { stdout } = await inImage(image, line);
    expect(stdout).toMatch(/use: X.*\nDocker version .*\nDocker Compose version [^\n]*$/);
  });

  it('are in lower layers, so an edit of the gateway does not install them again', async () => {
    await appendFile(join(folder, 'src/index.js'), `\n// ${Date.now()}\n`);
    const edited = await build(folder, image, '--browser', 'debian', '--docker-cli');
    expect(newLayers(edited)).toEqual(['server']);
  });
});

describe('a checkout whose build fails', () => {
  const IMAGE = 'openclaw-image-test:fails';
  let folder = '';
  beforeAll(async () => {
    folder = await makeCheckout('new');
  });
  afterAll(async () => {
    await docker('image', 'rm', '--force', IMAGE);
    await rm(folder, { recursive: true, force: true });
  });

  /** Builds it with a line before the build script. */
  async function buildWith(line: string, ...args: readonly string[]) {
    const script = join(folder, 'scripts/build.mjs');
    const text = await readFile(script, 'utf8');
    await writeFile(script, `${line}\n${text}`);
    const result = await run(['build', '--source', folder, '--tag', IMAGE, ...args]);
    await writeFile(script, text);
    return result;
  }

  it('shows the stage and its error output', async () => {
    const { exitCode, stderr } = await buildWith(
      `console.error('the compiler is unhappy'); setTimeout(() => process.exit(3), 1000); await new Promise(() => {});`,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toContain('stage server: its script did not complete successfully: exit code: 3');
    expect(stderr).toContain('the compiler is unhappy');
  });

  it('names the option for more memory if that is what its script lacks', async () => {
    const hungry = 'const kept = []; while (kept.length < 3e6) kept.push({ number: Math.random() });';
    const { exitCode, stderr } = await buildWith(hungry, '--heap', '100');
    expect(exitCode).toBe(1);
    expect(stderr).toContain("reached Node's limit for JavaScript");
    expect(stderr).toContain('--heap 4096');
    const enough = await buildWith(hungry, '--heap', '1000');
    expect(enough.exitCode, enough.stderr).toBe(0);
  });
});
