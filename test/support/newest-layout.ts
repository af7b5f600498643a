import { appendFile, chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import { $ } from 'zx';
import { makeCheckout } from './make-checkout.ts';

const NOWHERE = 'https://nowhere.invalid/owner/api/tar.gz/1';
/** The address of a dependency of the gateway. A build must replace the dependency: --override numbers=npm:is-number@7.0.0 */
const ELSEWHERE = 'https://nowhere.invalid/owner/numbers/tar.gz/1';
const INHERITS = 'sha512-k/vGaX4/Yla3WzyMCvTQOXYeIHvqOKtnqBduzTHpzpQZzAskKMhZ2K+EnBiSM9zGSoIFeMpXKxa4dYeZIQqewQ==';

/**
 * Files of the newest layout. A plugin `viewer` has a script that the server's build runs, the server imports `chat`, and `remote` needs an
 * unreachable host.
 */
const FILES: Readonly<Record<string, string>> = {
  'packages/greeting/package.json': JSON.stringify({
    name: '@fixture/greeting',
    version: '0.0.0',
    type: 'module',
    files: ['dist/**'],
    exports: './dist/index.js',
  }),
  'apps/shared/words.json': JSON.stringify({ word: 'shared' }),
  'src/words.js': "import words from '../apps/shared/words.json' with { type: 'json' };\nexport default words;\n",
  'ui/vite.config.ts': 'export const commit = process.env.GIT_COMMIT;\n',
  'scripts/ui.mjs': `import { mkdirSync, writeFileSync } from 'node:fs';
const { GIT_COMMIT, OPENCLAW_BUILD_TIMESTAMP, OPENCLAW_DOCKER_BUILD_VERSION } = process.env;
mkdirSync('dist/control-ui', { recursive: true });
writeFileSync('dist/control-ui/index.html', '<html>' + [GIT_COMMIT, OPENCLAW_BUILD_TIMESTAMP, OPENCLAW_DOCKER_BUILD_VERSION].join(' '));
`,
  'extensions/viewer/package.json': JSON.stringify({
    name: '@openclaw/viewer',
    version: '2026.7.2',
    type: 'module',
    dependencies: { 'is-number': '7.0.0' },
    openclaw: { assetScripts: { build: 'node assets.mjs' } },
  }),
  'extensions/viewer/openclaw.plugin.json': JSON.stringify({ id: 'viewer' }),
  'extensions/viewer/index.js': "export const answer = () => 'viewer';\n",
  'extensions/viewer/assets.mjs': `import { writeFileSync } from 'node:fs';
import isNumber from 'is-number';
writeFileSync('asset.txt', 'is-number says ' + isNumber(7));
`,
  'src/chat.js': "export { answer } from '../extensions/chat/answer.js';\n",
  'extensions/chat/package.json': JSON.stringify({
    name: '@openclaw/chat',
    version: '2026.7.2',
    type: 'module',
    dependencies: { inherits: '2.0.4' },
  }),
  'extensions/chat/openclaw.plugin.json': JSON.stringify({ id: 'chat' }),
  'extensions/chat/index.js': "export { answer } from './answer.js';\n",
  'extensions/chat/answer.js': "import inherits from 'inherits';\nexport const answer = () => inherits.name;\n",
  'extensions/remote/package.json': JSON.stringify({
    name: '@openclaw/remote',
    version: '2026.7.2',
    dependencies: { '@remote/api': NOWHERE },
  }),
  'extensions/remote/openclaw.plugin.json': JSON.stringify({ id: 'remote' }),
  'extensions/remote/index.js': "export const answer = () => 'remote';\n",
};

/** Parts of the server's build that only this layout has: workspace packages, files of apps/, scripts of plugins, and a compiled plugin. */
const BUILD = `
import { execFileSync } from 'node:child_process';
mkdirSync('packages/greeting/dist');
cpSync('packages/greeting/index.js', 'packages/greeting/dist/index.js');
writeFileSync('packages/greeting/dist/index.d.ts', 'export {};\\n');
cpSync('apps/shared/words.json', 'dist/words.json');
execFileSync('node', ['assets.mjs'], { cwd: 'extensions/viewer', stdio: 'inherit' });
cpSync('extensions/viewer/asset.txt', 'dist/extensions/viewer/asset.txt');
// As a bundler does: the server holds the code of a package that only a plugin declares.
const { createRequire } = await import('node:module');
cpSync(createRequire(process.cwd() + '/extensions/chat/answer.js').resolve('inherits'), 'dist/inherits.cjs');
`;

/**
 * Makes a checkout with the structure of releases since 2026.6: the hoisted linker, a workspace package that the gateway needs at run
 * time, plugins whose scripts the server's build runs or whose code it compiles into the server, and a Control UI that shows the commit.
 */
export async function makeNewestCheckout(): Promise<string> {
  const folder = await makeCheckout('new', (manifest) => {
    manifest.version = '2026.7.2';
    manifest.dependencies['@fixture/greeting'] = 'workspace:*';
    manifest.dependencies['numbers'] = ELSEWHERE;
  });
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await appendFile(join(folder, 'scripts/build.mjs'), BUILD);
  await appendFile(join(folder, 'pnpm-workspace.yaml'), '\nnodeLinker: hoisted\n');
  // Git need not record that it can be executed.
  await chmod(join(folder, 'openclaw.mjs'), 0o644);
  await changeLockfile(join(folder, 'pnpm-lock.yaml'));
  const git = $({ cwd: folder });
  await git`git add --all --force`;
  await git`git -c user.name=Test -c user.email=test@example.org commit --quiet --message ${'The newest layout'}`;
  return folder;
}

async function changeLockfile(file: string): Promise<void> {
  const lock = parse(await readFile(file, 'utf8'));
  const version = '7.0.0';
  lock.importers['.'].dependencies['@fixture/greeting'] = {
    specifier: 'workspace:*',
    version: 'link:packages/greeting',
  };
  lock.importers['.'].dependencies['numbers'] = { specifier: ELSEWHERE, version: ELSEWHERE };
  lock.packages[`numbers@${ELSEWHERE}`] = { resolution: { tarball: ELSEWHERE }, version: '1.0.0' };
  lock.snapshots[`numbers@${ELSEWHERE}`] = {};
  lock.importers['extensions/viewer'] = { dependencies: { 'is-number': { specifier: version, version } } };
  lock.importers['extensions/chat'] = { dependencies: { inherits: { specifier: '2.0.4', version: '2.0.4' } } };
  lock.packages['inherits@2.0.4'] = { resolution: { integrity: INHERITS } };
  lock.snapshots['inherits@2.0.4'] = {};
  lock.importers['extensions/remote'] = { dependencies: { '@remote/api': { specifier: NOWHERE, version: NOWHERE } } };
  lock.packages[`@remote/api@${NOWHERE}`] = { resolution: { tarball: NOWHERE }, version: '1.0.0' };
  lock.snapshots[`@remote/api@${NOWHERE}`] = {};
  await writeFile(file, stringify(lock, { singleQuote: true, lineWidth: 0 }));
}
