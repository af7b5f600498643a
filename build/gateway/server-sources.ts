import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { DockerIgnore } from './docker-ignore.ts';
import { isMentioned, pathsAbove, withLocalImports } from './local-imports.ts';
import { scriptFiles } from './package-scripts.ts';
import { readSourceFile } from './source-file.ts';

/** Documents, tests and results: no build of the server reads them. */
const NOT_SERVER = /^(?:docs|skills|tests?|dist|coverage)$|^vitest\.|^(?:CHANGELOG|CONTRIBUTING|README|SECURITY)\.md$/;

/** Read by a few releases. An edit of them builds the server again only if a build script names them. */
const SERVER_IF_NAMED =
  /^(?:apps|assets|changelog|git-hooks|vendor|LICENSE|appcast\.xml|pyproject\.toml|docker-setup\.sh|setup-podman\.sh|render\.yaml)$|^(?:Dockerfile|docker-compose|fly\.|zizmor)|\.(?:md|env|Dockerfile)$|^\./;

/** Settings that a compiler finds by their name: `.swcrc`, `.babelrc.json`. */
const COMPILER_SETTINGS = /^\.(?:babel|browserslist|postcss|swc|terser)rc(?:\.\w+)?$/;

/** Releases since 2026.6 start the gateway in their build, to write what its commands say about themselves. */
const LAUNCHER = 'openclaw.mjs';

/** Texts of the files that a build runs, or reads by convention (`tsdown.config.ts`): scripts, and the scripts that they import or name. */
export type BuildFiles = ReadonlyMap<string, string>;

/**
 * @param root the checkout
 * @param entries its files and folders
 * @param commands command lines of the build
 */
export async function readBuildFiles(
  root: string,
  entries: readonly string[],
  commands: readonly string[],
): Promise<BuildFiles> {
  const texts = new Map(commands.map((command, index) => [`command ${index + 1}`, command]));
  let named = [
    ...commands.flatMap(scriptFiles),
    ...entries.filter((name) => /\.config\.[cm]?[jt]s$/.test(name) && !NOT_SERVER.test(name)),
  ];
  while (named.length > 0) {
    const files = (await withLocalImports(root, named)).filter(
      (file) => !texts.has(file) && (named.includes(file) || file.startsWith('scripts/')),
    );
    for (const file of files) texts.set(file, await readSourceFile(join(root, file)));
    named = files
      .flatMap((file) => [...(texts.get(file) ?? '').matchAll(SCRIPT_PATH)].map(([, path = '']) => path))
      .filter((path) => !texts.has(path) && existsSync(join(root, path)));
  }
  return texts;
}

/** A script that another one starts: `spawn('node', ['scripts/x.mjs'])`. */
const SCRIPT_PATH = /["'`](scripts\/[\w./-]+\.(?:[cm]?[jt]s|sh))["'`]/g;

/**
 * Whether a build names a file or folder at the top of the checkout: `'assets'`, `"./assets/x"`, `${root}/assets/x`; in command lines and
 * shell scripts also `cp assets/x`.
 */
export const namesEntry = (build: BuildFiles, name: string): boolean => {
  const word = RegExp.escape(name);
  const inCode = new RegExp(`(?:["'\`]|\\./|\\}/)${word}["'\`/]`);
  const inShell = new RegExp(`(?:^|[\\s;&|(="'\`/])${word}(?:["'\`/\\s;&|)]|$)`, 'm');
  return [...build].some(([file, text]) =>
    (/\.(?:[cm]?[jt]s)$/.test(file) ? inCode : inShell).test(withoutComments(text)),
  );
};

const withoutComments = (text: string): string => text.replace(/^\s*(?:#|\/\/|\*|\/\*).*$/gm, '');

/** The paths in other folders that the server's sources import. @param root the checkout */
export const importedByServer = (root: string): Promise<readonly string[]> =>
  pathsAbove(root, '{src,packages}/**/*.{ts,mts,js,mjs}');

/**
 * The files and folders at the top of a checkout that the server's build reads, and single files of others. Everything counts that is not
 * known to be without effect. A release with plugins as sources compiles none of them, unless the server imports one.
 *
 * @param build what the build runs
 * @param imported what the server's sources import from other folders
 * @param installed inputs of the dependency install, which the stage has
 */
export async function serverSources({
  root,
  entries,
  build,
  imported,
  installed,
  pluginsFromSource,
  hasUiScript,
  ignore,
}: {
  readonly root: string;
  readonly entries: readonly string[];
  readonly build: BuildFiles;
  readonly imported: readonly string[];
  readonly installed: readonly string[];
  readonly pluginsFromSource: boolean;
  readonly hasUiScript: boolean;
  readonly ignore: DockerIgnore;
}): Promise<readonly string[]> {
  const readsPlugins =
    !pluginsFromSource ||
    [...imported, ...(await pathsAbove(root, 'scripts/**/*.{ts,mts,js,mjs}'))].some((path) =>
      path.startsWith('extensions/'),
    );
  const startsGateway = await isMentioned(root, 'scripts/**/*.{mjs,mts,js,ts,sh}', LAUNCHER);
  const isSource = (name: string): boolean => {
    if (name === 'extensions') return readsPlugins;
    if (name === LAUNCHER) return startsGateway;
    // Without a script for the Control UI, the build of the server builds it.
    if (name === 'ui') return !hasUiScript;
    if (NOT_SERVER.test(name)) return false;
    return !SERVER_IF_NAMED.test(name) || COMPILER_SETTINGS.test(name) || namesEntry(build, name);
  };
  // Single files of other folders: apps/shared/OpenClawKit/Sources/OpenClawKit/Resources/tool-display.json
  const files = imported.filter((path) => {
    const [top = ''] = path.split('/');
    const isOther = entries.includes(top) && !isSource(top) && !/^tests?$/.test(top);
    return isOther && ignore.admits(path) && statSync(join(root, path)).isFile();
  });
  return [...entries.filter((name) => isSource(name) && !installed.includes(name)), ...files];
}
