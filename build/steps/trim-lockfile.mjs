// Reduces pnpm-lock.yaml in the current folder to what the workspace packages in this folder need. `pnpm fetch` fetches everything that a
// lockfile contains, and with `nodeLinker: hoisted` pnpm also installs it: the dependencies of every plugin, requested or not.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';

/** Beside the lockfile; absent if nothing is replaced. */
const REPLACEMENTS = '.replacements.json';

/**
 * @param {string} text pnpm-lock.yaml, lockfileVersion 9, as pnpm writes it (Node has no YAML parser)
 * @param {(folder: string) => boolean} isPresent whether a workspace package is installed: `.`, `ui`, `extensions/slack`
 * @returns the lockfile without the other workspace packages, and without packages that only those need; a lockfile of another form
 *   unchanged
 */
export function trimLockfile(text, isPresent) {
  const { before, sections } = split(text);
  const entriesOf = (/** @type {string} */ name) =>
    (sections.find((section) => section.startsWith(`${name}:\n`)) ?? '').split(/^(?= {2}[^\s:])/m).slice(1);
  const importers = entriesOf('importers').filter((entry) => isPresent(keyOf(entry)));
  const snapshots = new Map(entriesOf('snapshots').map((entry) => [keyOf(entry), entry]));
  if (importers.length === 0 || snapshots.size === 0) return text;

  /** @type {Set<string>} */
  const needed = new Set();
  const visit = (/** @type {string} */ entry) => {
    for (const key of dependenciesOf(entry)) {
      const snapshot = snapshots.get(key);
      if (snapshot === undefined || needed.has(key)) continue;
      needed.add(key);
      visit(snapshot);
    }
  };
  importers.forEach(visit);
  const packages = new Set([...needed].map((key) => key.replace(/\(.*$/s, '')));
  /** @type {Readonly<Record<string, (key: string) => boolean>>} */
  const keep = {
    importers: isPresent,
    packages: (key) => packages.has(key),
    snapshots: (key) => needed.has(key),
  };
  const trimmed = sections.map((section) => {
    const keeps = keep[/^\w+/.exec(section)?.[0] ?? ''];
    if (keeps === undefined) return section;
    const [head = '', ...entries] = section.split(/^(?= {2}[^\s:])/m);
    const kept = entries.filter((entry) => keeps(keyOf(entry)));
    return `${[head, ...kept].join('').trimEnd()}\n\n`;
  });
  return `${(before + trimmed.join('')).trimEnd()}\n`;
}

/**
 * Replaces dependencies of all packages.
 *
 * @typedef {{ dependency: string, version: string, alias: string, entries: { packages: string, snapshots: string } }} Replacement
 * @param {string} text pnpm-lock.yaml, as for `trimLockfile`
 * @param {readonly Replacement[]} replacements
 */
export function replaceInLockfile(text, replacements) {
  const { before, sections } = split(text);
  const added = (/** @type {'packages' | 'snapshots'} */ name) =>
    [...new Set(replacements.map(({ entries }) => entries[name]))].join('');
  const edited = sections.map((section) => {
    const name = /^\w+/.exec(section)?.[0] ?? '';
    if (name !== 'importers' && name !== 'packages' && name !== 'snapshots') return section;
    let result = name === 'importers' ? section : `${section.trimEnd()}\n\n${added(name)}`;
    if (name === 'packages') return result;
    for (const { dependency, version, alias } of replacements) {
      const key = `^ {6}${RegExp.escape(quote(dependency))}:`;
      // pnpm compares a version in an importer with the range beside it, and a whole key of another package with nothing.
      result =
        name === 'importers'
          ? result.replace(
              new RegExp(`(${key}\\n {8}specifier: .*\\n {8}version: ).*$`, 'gm'),
              (_, line) => line + quote(alias),
            )
          : result.replace(new RegExp(`(${key}) .*$`, 'gm'), (_, line) => `${line} ${quote(version)}`);
    }
    return result;
  });
  return before + edited.join('');
}

/** The top-level sections of a lockfile, and the text before them: pnpm 11 writes a first document with the packages of pnpm itself. */
function split(/** @type {string} */ text) {
  const start = text.lastIndexOf('\n---\n') + 1;
  return { before: text.slice(0, start), sections: text.slice(start).split(/^(?=\S[^\n]*:$)/m) };
}

/** YAML needs quotes around `@scope/name`. */
export const quote = (/** @type {string} */ word) => (word.startsWith('@') ? `'${word}'` : word);
const unquote = (/** @type {string} */ word) => word.replace(/^'(.*)'$/s, '$1').replaceAll("''", "'");

/** `  'a@1(b@2)':` → `a@1(b@2)`. A key of more than 1024 characters begins with a question mark. Source: YAML 1.2.2, 8.2.2 */
const keyOf = (/** @type {string} */ entry) =>
  unquote(/^ {2}(?:\? )?('(?:[^']|'')*'|[^\n]*?)(?::?(?: \{\})?)$/m.exec(entry)?.[1] ?? '');

/**
 * The packages that an importer or a snapshot names. A version is `1.2.3` or, for an alias, the whole key of another package.
 *
 * @param {string} entry
 */
function dependenciesOf(entry) {
  const keys = [];
  let name = '';
  for (const [, word = '', value = ''] of entry.matchAll(/^ {4,}('[^']*'|[^\s':][^\s:]*): ?(.*)$/gm)) {
    // An importer has the version of a dependency below its name, a snapshot beside it.
    if (value === '') name = unquote(word);
    else {
      const version = unquote(value);
      keys.push(version, `${word === 'version' ? name : unquote(word)}@${version}`);
    }
  }
  return keys;
}

if (import.meta.main ?? argv[1] === import.meta.filename) {
  const file = 'pnpm-lock.yaml';
  // Deleted, because a second step in the same folder begins with the lockfile that this one has written.
  const replacements = existsSync(REPLACEMENTS) ? JSON.parse(readFileSync(REPLACEMENTS, 'utf8')) : [];
  const lock = replaceInLockfile(readFileSync(file, 'utf8'), replacements);
  rmSync(REPLACEMENTS, { force: true });
  writeFileSync(
    file,
    trimLockfile(lock, (folder) => existsSync(`${folder}/package.json`)),
  );
}
