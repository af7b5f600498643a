import { rm } from 'node:fs/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { docker, inImage, run } from '../support/command.ts';
import { makeNewestCheckout } from '../support/newest-layout.ts';

const IMAGE = 'openclaw-image-test:newest-layout';
/** A dependency whose host does not answer. */
const REPLACED = ['--override', 'numbers=npm:is-number@7.0.0'];
let folder = '';

beforeAll(async () => {
  folder = await makeNewestCheckout();
  const { exitCode, stdout, stderr } = await run(['build', '--source', folder, '--tag', IMAGE, ...REPLACED]);
  expect(exitCode, stdout + stderr).toBe(0);
});
afterAll(async () => {
  await docker('image', 'rm', IMAGE);
  await rm(folder, { recursive: true, force: true });
});

it('contains the workspace packages that the gateway needs at run time, built, as npm would pack them', async () => {
  const line = `cd /app && node -e "import('@fixture/greeting').then(({ greeting }) => console.log(greeting))"; find packages -type f`;
  const { stdout } = await inImage(IMAGE, line);
  expect(stdout.trim().split('\n').sort()).toEqual([
    'hello',
    'packages/greeting/dist/index.js',
    'packages/greeting/package.json',
  ]);
});

it('builds with a file of apps/ that the server imports, and with the scripts of plugins', async () => {
  const { stdout } = await inImage(IMAGE, 'cat /app/dist/words.json; echo; cat /app/dist/extensions/viewer/asset.txt');
  expect(stdout.trim()).toBe('{"word":"shared"}\nis-number says true');
});

it('builds with the packages of a plugin that the server imports', async () => {
  expect((await inImage(IMAGE, 'cat /app/dist/inherits.cjs')).stdout).toContain('inherits');
});

it('contains no dependencies of other plugins, although the linker is hoisted', async () => {
  expect((await inImage(IMAGE, 'ls /app/node_modules')).stdout.trim().split('\n')).toEqual([
    '@fixture',
    'ms',
    'numbers',
  ]);
});

it('contains the published package that replaces one from an unreachable host, and says so', async () => {
  const { stdout } = await inImage(IMAGE, 'cat /app/node_modules/numbers/package.json');
  expect(JSON.parse(stdout)).toMatchObject({ name: 'is-number', version: '7.0.0' });
  const plan = await run(['build', '--source', folder, ...REPLACED, '--dry-run']);
  expect(plan.stdout).toMatch(/^overrides +numbers=npm:is-number@7\.0\.0$/m);
});

it('is refused with the option that replaces it', async () => {
  const { exitCode, stderr } = await run(['build', '--source', folder, '--tag', `${IMAGE}-refused`]);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('comes from nowhere.invalid, which is unreachable');
  expect(stderr).toContain('--override numbers=VERSION');
});

it('shows the commit, its time and the version in the Control UI', async () => {
  const commit = (await execa('git', ['-C', folder, 'rev-parse', 'HEAD'])).stdout;
  expect((await inImage(IMAGE, 'cat /app/dist/control-ui/index.html')).stdout).toMatch(
    new RegExp(`${commit} \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z 2026\\.7\\.2$`),
  );
});

it('satisfies the contract', async () => {
  const { stdout } = await run(['verify', IMAGE, '--json']);
  const { results } = JSON.parse(stdout) as { results: { name: string; outcome: { passed: boolean } }[] };
  expect(results.filter(({ outcome }) => !outcome.passed)).toEqual([]);
});
