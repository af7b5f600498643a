import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCheckout } from '../../../build/gateway/checkout.ts';
import { compiledPlugins } from '../../../build/gateway/compiled-plugins.ts';
import { importedByServer } from '../../../build/gateway/server-sources.ts';
import { temporaryCheckout } from '../../support/temporary-checkout.ts';

/** The plugins that the server's build compiles, in a checkout with a plugin `chat` that declares the package `grammy`. */
async function compiled(
  files: Readonly<Record<string, string>>,
  gateway: Readonly<Record<string, Readonly<Record<string, string>>>> = {},
): Promise<readonly string[]> {
  const root = await temporaryCheckout('new');
  const chat = JSON.stringify({ name: '@openclaw/chat', version: '1.0.0', dependencies: { grammy: '^1.0.0' } });
  for (const [path, text] of Object.entries({ 'extensions/chat/package.json': chat, ...files })) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return compiledPlugins(root, await importedByServer(root), { name: 'openclaw', version: '1.0.0', ...gateway });
}

const SERVER = { 'src/channels.ts': "export { send } from '../extensions/chat/index.js';\n" };

describe('the plugins that the server compiles', () => {
  it.each([
    ['imports its package', { 'extensions/chat/index.ts': "import { Bot } from 'grammy';\n" }],
    ['imports a part of it', { 'extensions/chat/index.ts': "import {\n  Bot,\n} from 'grammy/web';\n" }],
    ['imports it later', { 'extensions/chat/index.ts': "const bot = () => import('grammy');\n" }],
    ['requires it', { 'extensions/chat/index.ts': "const bot = require('grammy');\n" }],
    [
      'exports a type before it',
      { 'extensions/chat/index.ts': "export type X = Y<Z>\nimport { Bot } from 'grammy'\n" },
    ],
    ['exports it', { 'extensions/chat/index.ts': "export * from 'grammy';\n" }],
    [
      'imports it in another file',
      {
        'extensions/chat/index.ts': "export { send } from './src/send.js';\n",
        'extensions/chat/src/send.ts': "import { Bot } from 'grammy';\n",
      },
    ],
    [
      'imports it by way of another plugin',
      {
        'src/channels.ts': "import '../extensions/common/index.js';\n",
        'extensions/common/index.ts': "import '../chat/index.js';\n",
        'extensions/chat/index.ts': "import 'grammy';\n",
      },
    ],
  ])('include one whose file %s', async (_, files: Readonly<Record<string, string>>) => {
    expect(await compiled({ ...SERVER, ...files })).toEqual(['extensions/chat']);
  });

  it.each([
    ['imports only types of it', { 'extensions/chat/index.ts': "import type { Bot } from 'grammy';\n" }],
    [
      'imports types of a file with it',
      {
        'extensions/chat/index.ts': "export type { Bot } from './bot.js';\n",
        'extensions/chat/bot.ts': "import 'grammy';\n",
      },
    ],
    ['imports what it does not declare', { 'extensions/chat/index.ts': "import 'node:fs';\nimport 'zod';\n" }],
    ['is not imported', { 'extensions/chat/index.ts': '', 'extensions/chat/other.ts': "import 'grammy';\n" }],
  ])('do not include one whose file %s', async (_, files) => {
    expect(await compiled({ ...SERVER, ...files })).toEqual([]);
  });

  it('do not include one whose package the gateway itself declares', async () => {
    const files = { ...SERVER, 'extensions/chat/index.ts': "import 'grammy';\n" };
    expect(await compiled(files, { dependencies: { grammy: '^1.0.0' } })).toEqual([]);
  });

  it('are installed for the build', async () => {
    const root = await temporaryCheckout('new');
    await mkdir(join(root, 'extensions/chat'));
    await writeFile(
      join(root, 'extensions/chat/package.json'),
      JSON.stringify({ name: '@openclaw/chat', version: '1.0.0', dependencies: { grammy: '1.0.0' } }),
    );
    await writeFile(join(root, 'extensions/chat/index.js'), "import 'grammy';\n");
    await writeFile(join(root, 'src/channels.js'), "import '../extensions/chat/index.js';\n");
    // The lockfile does not contain the dependency, so the install is known to need it.
    await expect(readCheckout(root, [])).rejects.toThrow(/extensions\/chat\/package\.json.*grammy/s);
  });
});
