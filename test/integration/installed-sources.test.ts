import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inImage, ROOT } from '../support/command.ts';

/** Packages with sources, as local files: nothing is downloaded. */
const PACKAGES = {
  plain: ['index.js', 'index.d.ts', 'index.js.map', 'src/index.ts', 'types/only.d.cts', 'data/map'],
  scripted: ['index.js', 'index.d.ts', 'src/index.ts'],
  '@types/read-by-the-compiler': ['index.d.ts'],
};

const step = (name: string): string => readFileSync(join(ROOT, 'build/steps', name), 'utf8');

const line = `mkdir /programs
cat >/programs/npm-filter.cjs <<'JS'
${step('npm-filter.cjs')}JS
${step('prelude.sh')}
# Output of npm is not part of the result.
exec 3>&1 >&2
mkdir /tmp/gateway && cd /tmp/gateway
${Object.entries(PACKAGES)
  .map(
    ([name, files]) => `mkdir -p packed/package && cd packed/package
for file in ${files.join(' ')}; do mkdir -p "$(dirname "$file")" && echo contents >"$file"; done
echo '${JSON.stringify({ name, version: '1.0.0', ...(name === 'scripted' ? { scripts: { install: 'cp index.d.ts read-by-script' } } : {}) })}' >package.json
cd ../.. && tar -czf ${name.replace('/', '-')}.tgz -C packed package && rm -r packed`,
  )
  .join('\n')}
echo '${JSON.stringify({
  dependencies: Object.fromEntries(Object.keys(PACKAGES).map((name) => [name, `file:${name.replace('/', '-')}.tgz`])),
  allowScripts: { scripted: true },
})}' >package.json
npm install --offline --package-lock-only --no-audit --no-fund --loglevel=error
npm_production ci --offline
list() { find node_modules -mindepth 2 ! -path '*/.*' | sort; }
list >installed
delete_sources ./node_modules
list >kept
rm -rf node_modules
npm ci --offline --omit=dev --no-audit --no-fund --loglevel=error
delete_sources ./node_modules
list >as-npm-does
(cat installed; echo; cat kept; echo; cat as-npm-does) >&3`;

it('npm unpacks only the files that remain, and those that install scripts may read', async () => {
  const { stdout, stderr, exitCode } = await inImage('openclaw:local', line, 'root');
  expect(exitCode, stderr).toBe(0);
  const [installed, kept, asNpmDoes] = stdout.split('\n\n').map((list) => list.trim().split('\n'));
  expect(kept).toEqual([
    'node_modules/@types/read-by-the-compiler',
    'node_modules/@types/read-by-the-compiler/index.d.ts',
    'node_modules/@types/read-by-the-compiler/package.json',
    'node_modules/plain/data',
    'node_modules/plain/data/map',
    'node_modules/plain/index.js',
    'node_modules/plain/package.json',
    'node_modules/scripted/index.js',
    'node_modules/scripted/package.json',
    'node_modules/scripted/read-by-script',
  ]);
  expect(asNpmDoes).toEqual(kept);
  expect(installed?.filter((path) => !path.includes('/scripted/') && /\.\w+$/.test(path))).toEqual(
    kept?.filter((path) => !path.includes('/scripted/') && /\.\w+$/.test(path)),
  );
  expect(installed).toContain('node_modules/scripted/index.d.ts');
});
