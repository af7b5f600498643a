// Turns a copy of a workspace into one of a single plugin: its manifest replaces the root's, with the root's settings, and the lockfile
// keeps only its importer. With the root in place, pnpm would install the root's dependencies too. Argument: the plugin's folder.
import { readFileSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';

const folder = `extensions/${argv[2]}`;
const readJson = (/** @type {string} */ file) => JSON.parse(readFileSync(file, 'utf8'));

const { name, version, dependencies, optionalDependencies } = readJson(`${folder}/package.json`);
const { pnpm, packageManager } = readJson('package.json');
const manifest = { name, version, dependencies, optionalDependencies, pnpm, packageManager };
writeFileSync('package.json', JSON.stringify(manifest));

// Node has no YAML parser; pnpm always writes the same form (lockfileVersion 9).
const lock = readFileSync('pnpm-lock.yaml', 'utf8');
const start = lock.lastIndexOf('\nimporters:\n') + '\nimporters:\n'.length;
const end = start + lock.slice(start).search(/^\S/m);
const importers = lock.slice(start, end).split(/^(?= {2}\S)/m);
const importer = importers.find((text) => text.startsWith(`  ${folder}:`));
if (importer === undefined) throw new Error(`pnpm-lock.yaml has no importer ${folder}`);
const groups = importer
  .split(/^(?= {4}\S)/m)
  .slice(1)
  .filter((text) => !text.startsWith('    devDependencies:'));
// pnpm writes the peers that it installs by itself into the importer too: a plugin's peer is the gateway, which the image has.
const wanted = new Set(Object.keys({ ...dependencies, ...optionalDependencies }));
const nameOf = (/** @type {string} */ entry) => /^ {6}'?([^':]+)'?:/.exec(entry)?.[1] ?? '';
const kept = groups.flatMap((group) => {
  const [head, ...entries] = group.split(/^(?= {6}\S)/m);
  const own = entries.filter((entry) => wanted.has(nameOf(entry)));
  return own.length === 0 ? [] : [head, ...own];
});
const importerOfRoot = `\n  .:\n${kept.join('').trimEnd()}\n\n`;
writeFileSync('pnpm-lock.yaml', lock.slice(0, start) + importerOfRoot + lock.slice(end));
