// Type declarations, source maps, and the TypeScript sources of installed packages, which Node refuses to run
// (https://nodejs.org/api/typescript.html#type-stripping-in-dependencies): more than half of the files of the dependencies,
// each of which would be written, packed and unpacked, and no program reads them at run time.

/** Whole paths of such files, in what POSIX's extended expressions and JavaScript's have in common. */
const SOURCES = String.raw`.*(\.d\.[cm]?ts|\.map|[/]node_modules[/].*\.([cm]?ts|tsx))`;
/** The compiler that some plugins bring reads its own. */
const COMPILER = '.*[/]node_modules[/](typescript|@types)[/].*';

/**
 * Deletes them, and folders in which nothing is left: npm makes those or not, by how a file came to be missing.
 *
 * @param folders of the shell, separated by spaces
 */
export const deleteSources = (folders: string): string =>
  `find ${folders} -mindepth 1 -regextype posix-extended \\( -type f -regex '${SOURCES}' ! -regex '${COMPILER}' -o -type d -empty \\) -delete`;

/**
 * Node loads this before npm, which unpacks packages file by file and has no option that leaves any out: a quarter of the time
 * of an installation from nothing (8.6 → 6.2 s), almost half of that of a new version of the gateway (3.8 → 2.1 s). What an
 * install script may want to read is left to `deleteSources`, and so is everything where npm is made in another way.
 */
const UNPACK_LESS = `const { readFileSync, realpathSync } = require("node:fs");
const { createRequire } = require("node:module");
const { join, relative } = require("node:path");
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const isSource = (path) => /^${SOURCES}$/.test(path) && !/^${COMPILER}$/.test(path);
try {
  const npm = createRequire(realpathSync(process.argv[1]));
  const tar = npm("tar");
  const x = (options, ...rest) => {
    const hasInstallScript = packages[relative("", options.cwd)]?.hasInstallScript ?? false;
    const filter = (path, entry) =>
      (hasInstallScript || !isSource(join(options.cwd, path))) && (options.filter?.(path, entry) ?? true);
    return tar.x({ ...options, filter }, ...rest);
  };
  require.cache[npm.resolve("tar")].exports = { ...tar, x };
} catch {}`;

const NPM_FLAGS = '--omit=dev --omit=peer --no-audit --no-fund --no-update-notifier --loglevel=error';
/**
 * npm unpacks small files one after the other: four threads mostly wait for each other, and take a third longer in all
 * (7.5 instead of 10.2 s for 333 packages on two cores).
 */
const ONE_THREAD = 'UV_THREADPOOL_SIZE=1';
const npm = (command: string): string => `cat >/tmp/unpack-less.cjs <<'JS'
${UNPACK_LESS}
JS
${ONE_THREAD} node --require /tmp/unpack-less.cjs "$(command -v npm)" ${command} ${NPM_FLAGS}`;
/** What the lockfile says, from nothing. */
export const NPM_INSTALL = npm('ci');
/** What the lockfile says, from what is installed already. */
export const NPM_UPDATE = npm('install --no-save');
