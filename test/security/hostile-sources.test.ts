import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { $ } from 'zx';
import { readCheckout } from '../../build/gateway/checkout.ts';
import type { PackagedGateway } from '../../build/gateway/gateway.ts';
import type { NpmOptions } from '../../build/gateway/npm.ts';
import { resolvePlugins } from '../../build/gateway/plugin-package.ts';
import { endsInWords, mutated, VALUE, WORD } from '../support/hostile.ts';
import { serve } from '../support/http-server.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openclaw-image-hostile-'));
  await mkdir(join(folder, 'inside'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Files outside of the folder that a hostile input may name, and the memory, are as before. */
async function harmless(work: () => Promise<unknown>): Promise<void> {
  const before = await readdir(folder);
  const memory = process.memoryUsage().rss;
  await work();
  expect(await readdir(folder)).toEqual(before);
  expect(existsSync(join(folder, '../planted'))).toBe(false);
  expect(process.memoryUsage().rss - memory).toBeLessThan(300 << 20);
}

it('explains whatever the files of a checkout contain, and runs and writes nothing', async () => {
  const fixture = join(import.meta.dirname, '../fixtures/checkout');
  const root = join(folder, 'inside/sources');
  await cp(fixture, root, { recursive: true });
  await $`git -C ${root} init --quiet`;
  await $`git -C ${root} -c user.name=x -c user.email=x@example.org commit --quiet --allow-empty --message first`;
  const planted = join(folder, 'planted');
  const json = async (name: string) => JSON.parse(await readFile(join(root, name), 'utf8')) as object;
  const documents = {
    'package.json': await json('package.json'),
    'ui/package.json': await json('ui/package.json'),
    'extensions/echo/package.json': await json('extensions/echo/package.json'),
    'extensions/echo/openclaw.plugin.json': await json('extensions/echo/openclaw.plugin.json'),
  };
  const yaml = {
    'pnpm-lock.yaml': parseYaml(await readFile(join(root, 'pnpm-lock.yaml'), 'utf8')) as object,
    'pnpm-workspace.yaml': parseYaml(await readFile(join(root, 'pnpm-workspace.yaml'), 'utf8')) as object,
  };
  const originals = new Map(
    await Promise.all(
      [...Object.keys(documents), ...Object.keys(yaml), '.dockerignore', '.git/config'].map(
        async (name) => [name, await readFile(join(root, name), 'utf8')] as const,
      ),
    ),
  );
  const change = fc.oneof(
    ...Object.entries({ ...documents, ...yaml }).map(([name, document]) =>
      fc.oneof(
        mutated(document).map((value) => [name, JSON.stringify(value) ?? ''] as const),
        fc.string().map((text) => [name, text] as const),
      ),
    ),
    fc.tuple(fc.constant('.dockerignore'), fc.string()),
    fc.tuple(
      fc.constant('.git/config'),
      fc.constantFrom(
        `[core]\n\tfsmonitor = touch ${planted}\n`,
        `[alias]\n\tstatus = !touch ${planted}\n`,
        `[core]\n\tworktree = ${folder}\n`,
        '[include]\n\tpath = /dev/zero\n',
        'nonsense',
      ),
    ),
  );
  await harmless(() =>
    fc.assert(
      fc.asyncProperty(change, WORD, async ([name, text], extension) => {
        await writeFile(join(root, name), text);
        await endsInWords(() => readCheckout(root, [extension]));
        await writeFile(join(root, name), originals.get(name) ?? '');
      }),
      { numRuns: 60 },
    ),
  );
  // Without a change, the same checkout is read.
  expect((await readCheckout(root, [])).kind).toBe('checkout');
}, 300_000);

it('explains whatever the npm registry says of a plugin', async () => {
  const packument = {
    name: '@openclaw/slack',
    'dist-tags': { latest: '2026.9.6' },
    versions: {
      '2026.9.6': {
        name: '@openclaw/slack',
        version: '2026.9.6',
        peerDependencies: { openclaw: '>=2026.9.0' },
        dist: { integrity: `sha512-${'a'.repeat(86)}==`, tarball: 'http://127.0.0.1/x.tgz' },
      },
    },
  };
  let body = '';
  let asked = 0;
  const npm = await serve(() => {
    asked += 1;
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  });
  const gateway = {
    ...{ kind: 'package', version: '2026.9.6', origin: 'openclaw@2026.9.6' },
    ...{ bundledPlugins: [], pluginCatalog: { slack: '@openclaw/slack' } },
  } as unknown as PackagedGateway;
  const options = {
    ...{ registry: `http://${npm.address}/`, cache: join(folder, 'inside/npm'), preferOnline: true },
    ...{ fetchRetries: 0, timeout: 5000 },
  } as unknown as NpmOptions;
  await harmless(() =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(mutated(packument), VALUE),
        fc.oneof(fc.constantFrom('slack', 'constructor', '../ms', '@openclaw/../ms', '__proto__'), WORD),
        async (document, id) => {
          body = JSON.stringify(document) ?? '';
          asked = 0;
          await endsInWords(() => resolvePlugins([id], gateway, options));
          expect(asked).toBeLessThan(200);
        },
      ),
      { numRuns: 100 },
    ),
  );
  await npm.stop();
}, 300_000);
