// Deletes installed packages that an image cannot use, by their package.json: for another system, processor or C library (older
// lockfiles do not record the last), and GPU back ends, whose drivers no image contains. Then deletes links that lead nowhere in
// node_modules, and those to deleted packages of the workspace. Others stay: a build that lacks a package of the workspace must fail. Works on node_modules in
// the current folder. Arguments: the folders of deleted packages of the workspace.
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { arch, argv } from 'node:process';

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

const deleted = argv.slice(2).map((folder) => resolve(folder) + sep);
const dangling = execFileSync('find', ['node_modules', '-xtype', 'l', '-print0'], {
  encoding: 'utf8',
  maxBuffer: 2 ** 30,
});
for (const link of dangling.split('\0').filter((path) => path !== '')) {
  const target = resolve(dirname(link), readlinkSync(link));
  const isPackage = target.split(sep).includes('node_modules');
  if (isPackage || deleted.some((folder) => `${target}${sep}`.startsWith(folder))) rmSync(link);
}
