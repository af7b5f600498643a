// Deletes installed packages that an image cannot use, by their package.json: for another system, processor or C library (older
// lockfiles do not record the last), and GPU back ends, whose drivers no image contains. Works on node_modules in the current folder.
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { arch } from 'node:process';

const GPU = /^@node-llama-cpp\/.*-(cuda|vulkan)/;

/** Whether a list such as `os` or `cpu` allows a value. Source: https://docs.npmjs.com/cli/v11/configuring-npm/package-json#os */
const allows = (/** @type {string | readonly string[] | undefined} */ list, /** @type {string} */ value) =>
  list === undefined ||
  [list].flat().some((entry) => entry === value || entry === 'any' || (entry[0] === '!' && entry.slice(1) !== value));

function visit(/** @type {string} */ folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (!lstatSync(path).isDirectory()) continue;
    const isContainer = name === '.pnpm' || name === 'node_modules' || name[0] === '@' || folder.endsWith('.pnpm');
    if (isContainer) visit(path);
    else if (name !== '.bin' && existsSync(join(path, 'package.json'))) deleteForeign(path);
  }
}

function deleteForeign(/** @type {string} */ path) {
  const { name = '', os, cpu, libc } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
  if (!allows(os, 'linux') || !allows(cpu, arch) || !allows(libc, 'glibc') || GPU.test(name))
    rmSync(path, { recursive: true });
  else if (existsSync(join(path, 'node_modules'))) visit(join(path, 'node_modules'));
}

visit('node_modules');
