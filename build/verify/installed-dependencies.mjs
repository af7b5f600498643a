// Prints, as JSON, the packages that each installed package names, by name: { "vite": ["rollup", …] }. Argument: the gateway's folder.
// Runs in a container of the image, with the image's own Node.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';

/** @type {Record<string, string[]>} */
const named = {};
const folders = (/** @type {string} */ folder) =>
  existsSync(folder) ? readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()) : [];

function readPackage(/** @type {string} */ folder) {
  const file = join(folder, 'package.json');
  if (existsSync(file)) {
    const manifest = JSON.parse(readFileSync(file, 'utf8'));
    const { name, dependencies, optionalDependencies, peerDependencies } = manifest;
    // pnpm installs an optional peer that it has resolved for another reason.
    const names = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });
    named[name] = [...(named[name] ?? []), ...names];
  }
  readModules(join(folder, 'node_modules'));
}

function readModules(/** @type {string} */ modules) {
  for (const { name } of folders(modules)) {
    if (name === '.pnpm')
      for (const entry of folders(join(modules, name))) readPackage(join(modules, name, entry.name));
    else if (name.startsWith('@'))
      for (const entry of folders(join(modules, name))) readPackage(join(modules, name, entry.name));
    else if (!name.startsWith('.')) readPackage(join(modules, name));
  }
}

const [, root = '/app'] = argv;
readModules(join(root, 'node_modules'));
for (const { name } of folders(join(root, 'packages'))) readPackage(join(root, 'packages', name));
console.log(JSON.stringify(named));
