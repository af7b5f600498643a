// Copies the manifests of the requested plugins, and lists those with dependencies in `.selected`. Arguments: the folder with all
// plugins, the target folder. OPENCLAW_EXTENSIONS names the plugins, by id or by folder, separated by spaces or commas.
// gateway/checkout-plugin.ts has the same rule, with better messages.
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit } from 'node:process';

const [, , source = '', target = ''] = argv;
const readJson = (/** @type {string} */ file) => JSON.parse(readFileSync(file, 'utf8'));
const manifestOf = (/** @type {string} */ directory) => join(source, directory, 'openclaw.plugin.json');

const known = readdirSync(source)
  .filter((directory) => existsSync(manifestOf(directory)))
  .map((directory) => ({ directory, id: readJson(manifestOf(directory)).id }));

function select(/** @type {string} */ name) {
  const [plugin, ...others] = known.filter(({ directory, id }) => id === name || directory === name);
  const isPlain = plugin !== undefined && Object.values(plugin).every((word) => /^\w[\w.-]*$/.test(word));
  if (isPlain && others.length === 0) return plugin;
  const reason = others.length > 0 ? 'is ambiguous' : 'is not a plugin';
  console.error(`OPENCLAW_EXTENSIONS: ${name} ${reason}; plugins: ${known.map(({ id }) => id).join(', ')}`);
  return exit(1);
}

const names = (env['OPENCLAW_EXTENSIONS'] ?? '').split(/[\s,]+/).filter(Boolean);
mkdirSync(target, { recursive: true });
appendFileSync(join(target, '.selected'), '');
for (const { directory, id } of new Set(names.map(select))) {
  const manifest = join(source, directory, 'package.json');
  if (!existsSync(manifest)) continue;
  mkdirSync(join(target, directory), { recursive: true });
  copyFileSync(manifest, join(target, directory, 'package.json'));
  const { dependencies, optionalDependencies } = readJson(manifest);
  if (Object.keys({ ...dependencies, ...optionalDependencies }).length > 0)
    appendFileSync(join(target, '.selected'), `${directory} ${id}\n`);
}
