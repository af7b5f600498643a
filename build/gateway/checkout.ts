import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { valid } from 'semver';
import { collectInto, type Problem, problemWith, RequestError, requestError } from '../problem.ts';
import { readCheckoutLock } from './checkout-lock.ts';
import { readCheckoutPlugins, selectPlugins } from './checkout-plugin.ts';
import { compiledPlugins } from './compiled-plugins.ts';
import { type DockerIgnore, readDockerIgnore } from './docker-ignore.ts';
import type { Checkout } from './gateway.ts';
import { readGitRevision } from './git-revision.ts';
import { checkoutObjection } from './is-checkout.ts';
import { isMentioned, pathsAbove, withLocalImports } from './local-imports.ts';
import { describedBy, ownInstallScripts, type PackageManifest } from './package-manifest.ts';
import { callsBun, commandsOf, scriptFiles } from './package-scripts.ts';
import { parseWorkspace, type Workspace } from './pnpm-files.ts';
import type { Replacement } from './replaced-package.ts';
import { importedByServer, namesEntry, readBuildFiles, serverSources } from './server-sources.ts';
import { readSourceFile } from './source-file.ts';
import {
  developmentFolders,
  hasAssetScripts,
  packedByNpm,
  readManifest,
  workspaceDependencies,
  workspacePackages,
} from './workspace-packages.ts';

const WORKSPACE = 'pnpm-workspace.yaml';
const CANVAS_SCRIPT = 'canvas:a2ui:bundle';
const UI_SCRIPT = 'ui:build';
/** In order of preference: newer releases have a build without the parts that an image does not need. */
const SERVER_SCRIPTS = ['build:docker', 'build'] as const;
/** Documentation and skills: files that no build step reads. */
const DOCUMENTS = ['docs', 'skills'] as const;

/** npm always packs these, whatever `files` says. Source: https://docs.npmjs.com/cli/configuring-npm/package-json#files */
const ALWAYS_PACKED = /^(?:readme|licen[cs]e|copying)(?:\.|$)/i;

/**
 * Reads everything that a build needs to know from the checkout itself, so that one pipeline builds every release.
 *
 * @param root the checkout's folder
 * @param extensions requested plugins, by id or by folder
 * @param replacements of dependencies
 * @throws RequestError with every problem that would make the build fail
 */
export async function readCheckout(
  root: string,
  extensions: readonly string[],
  replacements: readonly Replacement[] = [],
): Promise<Checkout> {
  const objection = await checkoutObjection(root);
  if (objection !== undefined) {
    throw requestError(
      '--source',
      root,
      `is not a checkout of the gateway: ${objection}`,
      'name the top folder of a checkout, or build from npm with --package',
    );
  }
  const problems: Problem[] = [];
  const manifest = await readManifest(root, '.');
  const [ignore, plugins, git] = await Promise.all([
    readDockerIgnore(root),
    readCheckoutPlugins(root),
    readGitRevision(root).catch(collectInto(problems)),
  ]);
  const selected = collect(problems, () => selectPlugins(extensions, plugins)) ?? [];
  const workspace = await parseWorkspace(await readSourceFile(join(root, WORKSPACE)), join(root, WORKSPACE));
  const imported = await importedByServer(root);
  const compiled = await compiledPlugins(root, imported, manifest);
  const requested = selected.map(({ directory }) => `extensions/${directory}`);
  const packages = await workspacePackages(root, workspace, [...requested, ...compiled]);
  const manifests = new Map<string, PackageManifest>();
  for (const folder of packages) manifests.set(folder, await readManifest(root, folder));
  const lock = await readCheckoutLock(root, manifests, replacements);
  problems.push(...lock.problems);

  const { name: manager = '', version: pinned = '' } = manifest.devEngines?.packageManager ?? {};
  const packageManager = manifest.packageManager ?? (manager === '' ? undefined : `${manager}@${pinned}`);
  const pnpmVersion = /^pnpm@(\d+\.\d+\.\d+(?:-[\w.-]+)?)(?:\+|$)/.exec(packageManager ?? '')?.[1];
  if (pnpmVersion === undefined) problems.push(missing(root, 'packageManager', packageManager, 'pnpm@10.23.0'));
  const scripts = manifest.scripts ?? {};
  const serverScript = SERVER_SCRIPTS.find((name) => scripts[name] !== undefined);
  if (serverScript === undefined)
    problems.push(missing(root, 'scripts.build', undefined, 'a script that writes dist/'));
  if (git === undefined || pnpmVersion === undefined || serverScript === undefined || problems.length > 0)
    throw new RequestError(problems);

  const entries = (await readdir(root)).filter((name) => ignore.admits(name) || existsBelow(name, ignore)).sort();
  if (selected.length > 0 && !entries.includes('extensions')) {
    const reason = 'cannot be built, because the .dockerignore of the checkout excludes extensions/';
    const hint = 'remove that line from .dockerignore, or build without --extensions';
    throw new RequestError(selected.map(({ id }) => problemWith('--extensions', id, reason, hint)));
  }
  const files = await packedByNpm(root, manifest);
  const isPacked = (name: string): boolean => files.some((path) => path === name || path.startsWith(`${name}/`));
  const needed = workspaceDependencies(manifests, lock.links, requested);
  const inputs = await installInputs(
    root,
    manifests,
    workspace,
    [...needed.map(({ folder }) => folder), ...compiled],
    requested,
    lock.files,
  );
  const excluded = inputs.filter((path) => !ignore.admits(path) && !existsBelow(path, ignore));
  if (excluded.length > 0) {
    const reason = 'is read by pnpm install, but the .dockerignore of the checkout excludes it';
    throw new RequestError(
      excluded.map((path) =>
        problemWith('--source', path, reason, `remove that line from ${join(root, '.dockerignore')}`),
      ),
    );
  }
  const pluginsFromSource = isPacked('extensions') && entries.includes('extensions');
  const { [CANVAS_SCRIPT]: canvas, ...otherScripts } = scripts;
  const hasUiScript = scripts[UI_SCRIPT] !== undefined;
  const build = await readBuildFiles(root, entries, commandsOf(otherScripts, [serverScript]));
  const checkout: Checkout = {
    kind: 'checkout',
    origin: root,
    root,
    ...describedBy(manifest),
    revision: git.revision,
    dirty: git.dirty,
    unseen: [],
    overrides: Object.fromEntries(replacements.map(({ dependency, spec }) => [dependency, spec])),
    replacements: lock.replacements,
    committed: git.committed.toISOString(),
    changed: git.changed.toISOString(),
    pnpmVersion,
    needsBun: await callsBun(root, scripts, [serverScript, UI_SCRIPT, CANVAS_SCRIPT]),
    manifests: inputs,
    serverScript,
    serverSources: withFolders(
      await serverSources({
        root,
        entries,
        build,
        imported,
        installed: inputs,
        pluginsFromSource,
        hasUiScript,
        ignore,
      }),
      needed.map(({ folder }) => folder),
    ),
    readsPluginManifests: entries.includes('extensions') && namesEntry(build, 'extensions'),
    uiSources: hasUiScript ? await uiSources(root, entries) : [],
    uiShowsCommit: await isMentioned(root, '{ui,ui/config,ui/build}/*.{mjs,mts,js,ts}', 'GIT_COMMIT'),
    canvasSources: canvas === undefined ? [] : await canvasSources(root, canvas, entries),
    packageFiles: [
      ...new Set(['openclaw.mjs', 'package.json', ...files, ...entries.filter((name) => ALWAYS_PACKED.test(name))]),
    ].filter((path) => {
      const [top = ''] = path.split('/');
      return (
        !['dist', 'extensions', ...DOCUMENTS].includes(top) && entries.includes(top) && existsSync(join(root, path))
      );
    }),
    workspaceDependencies: needed,
    developmentFolders: developmentFolders(manifests, needed),
    documents: DOCUMENTS.filter((name) => entries.includes(name) && isPacked(name)),
    hasExtensions: entries.includes('extensions'),
    selected,
    pluginsFromSource,
    playwrightVersion: valid(lock.versionOf('playwright-core')) ?? undefined,
    ignore: ignore.text,
  };
  const unsafe = unsafeNames(checkout);
  if (unsafe.length > 0) throw new RequestError(unsafe);
  return { ...checkout, unseen: git.unseen.filter((path) => isBuilt(path, checkout, ignore)) };
}

/** Whether a build reads a path that git does not report. @param path a folder ends with `/` */
function isBuilt(path: string, checkout: Checkout, ignore: DockerIgnore): boolean {
  const name = path.replace(/\/$/, '');
  const { manifests, serverSources, uiSources, canvasSources, packageFiles, documents, pluginsFromSource } = checkout;
  const inputs = [
    ...[...manifests, ...serverSources, ...uiSources, ...canvasSources, ...packageFiles, ...documents],
    ...(pluginsFromSource ? ['extensions'] : checkout.selected.map(({ directory }) => `extensions/${directory}`)),
    ...checkout.workspaceDependencies.map(({ folder }) => folder),
  ];
  const isInput = inputs.some(
    (input) => name === input || name.startsWith(`${input}/`) || input.startsWith(`${name}/`),
  );
  return isInput && ignore.admits(name);
}

/** Names without a special meaning in Dockerfiles and shells. */
const SAFE_NAME = /^[\w@+~][\w.@+~-]*$|^\.[\w@+~-][\w.@+~-]*$/;

/** The same rule as build/steps/select-plugins.mjs. */
const SAFE_PLUGIN = /^\w[\w.-]*$/;

/** Checks every name that is inserted into the Dockerfile, so that a checkout cannot inject instructions. */
function unsafeNames(checkout: Checkout): readonly Problem[] {
  const { version, manifests, serverSources, uiSources, canvasSources, packageFiles, selected } = checkout;
  const workspace = checkout.workspaceDependencies.flatMap(({ folder, files }) => [folder, ...files]);
  const paths = [...manifests, ...serverSources, ...uiSources, ...canvasSources, ...packageFiles, ...workspace];
  const badPaths = [...new Set(paths)].filter((path) => !path.split('/').every((part) => SAFE_NAME.test(part)));
  const badIds = selected.flatMap(({ id, directory }) => [id, directory]).filter((name) => !SAFE_PLUGIN.test(name));
  const badNames = [...badPaths, ...badIds].map((value) =>
    problemWith(
      checkout.root,
      value,
      'contains characters that have a meaning in a Dockerfile',
      'rename it (letters, digits and . _ - @ + ~ only), or exclude it in .dockerignore',
    ),
  );
  if (SAFE_NAME.test(version)) return badNames;
  const reason = 'is not a version: it contains characters that have a meaning in a Dockerfile';
  return [...badNames, problemWith(join(checkout.root, 'package.json'), version, reason, 'correct `version`')];
}

function collect<T>(problems: Problem[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    return collectInto(problems)(error);
  }
}

const missing = (root: string, field: string, value: string | undefined, example: string): Problem =>
  problemWith(
    join(root, 'package.json'),
    value ?? '',
    `${field} ${value === undefined ? 'is missing' : 'does not pin a version of pnpm'}`,
    `set it, for example: ${example}`,
  );

/** An excluded folder can contain included files: `!vendor/a2ui/**`. */
function existsBelow(name: string, { text }: DockerIgnore): boolean {
  return text.split('\n').some((line) => line.startsWith(`!${name}/`));
}

/**
 * The files that `pnpm install` reads. Only a change of these repeats the install.
 *
 * @param needed folders of workspace packages
 * @param requested folders of the requested plugins
 */
async function installInputs(
  root: string,
  manifests: ReadonlyMap<string, PackageManifest>,
  workspace: Workspace,
  needed: readonly string[],
  requested: readonly string[],
  local: readonly string[],
): Promise<readonly string[]> {
  const installed = [...manifests].filter(
    ([folder, manifest]) => !folder.startsWith('extensions/') || hasAssetScripts(manifest) || needed.includes(folder),
  );
  const exists = (path: string): boolean => existsSync(join(root, path));
  const patches = [workspace.patchedDependencies, manifests.get('.')?.pnpm?.patchedDependencies].flatMap((paths) =>
    Object.values(paths ?? {}),
  );
  const npmrc = await readSourceFile(join(root, '.npmrc')).catch(() => '');
  const named = workspace.pnpmfile ?? /^\s*pnpmfile\s*=\s*(\S+)/m.exec(npmrc)?.[1] ?? '';
  const hooks = ['.pnpmfile.cjs', '.pnpmfile.mjs', ...(named === '' ? [] : [normalize(named)])].filter(
    (path) => exists(path) && !path.startsWith('..'),
  );
  const settings = ['pnpm-lock.yaml', WORKSPACE, '.npmrc', ...hooks, 'patches'].filter(exists);
  const others = [...patches, ...local]
    .map((path) => normalize(path))
    .filter((path) => exists(path) && !path.startsWith('..') && !path.startsWith('patches/'));
  // pnpm runs the install scripts of every workspace package, in its folder. They may read any file there.
  const scriptsOf = ({ scripts = {}, ...manifest }: PackageManifest): readonly string[] =>
    [...ownInstallScripts({ ...manifest, scripts }), 'prepare'].flatMap((name) => scripts[name] ?? []);
  const plugins = [...manifests].filter(([folder]) => requested.includes(folder));
  const withScripts = [...installed, ...plugins].flatMap(([folder, manifest]) =>
    folder !== '.' && scriptsOf(manifest).length > 0 ? [normalize(folder)] : [],
  );
  const ownScripts = installed.flatMap(([folder, manifest]) =>
    scriptsOf(manifest).flatMap((command) => scriptFiles(command).map((file) => normalize(join(folder, file)))),
  );
  return [
    ...installed.map(([folder]) => normalize(`${folder}/package.json`)),
    ...settings,
    ...new Set([...others, ...withScripts]),
    ...(await withLocalImports(root, [...ownScripts, ...hooks])).filter((path) => !hooks.includes(path)),
  ];
}

/** Adds the folders that the sources do not contain. */
const withFolders = (sources: readonly string[], folders: readonly string[]): readonly string[] => [
  ...sources,
  ...folders.filter((folder) => !sources.some((path) => folder === path || folder.startsWith(`${path}/`))),
];

/** The Control UI also imports server sources: every top-level folder that its files name. */
async function uiSources(root: string, entries: readonly string[]): Promise<readonly string[]> {
  const imported = await pathsAbove(root, 'ui/**/*.{ts,tsx,js,mjs,json,html}');
  const named = new Set(['ui', 'scripts', 'packages', ...imported.map((path) => path.split('/')[0])]);
  return entries.filter((name) => named.has(name) || /^tsconfig.*\.json$/.test(name));
}

/** A bundle script names the folders it reads, as one path or part by part. Those that exist are its inputs. @returns nothing if it reads none */
async function canvasSources(root: string, command: string, entries: readonly string[]): Promise<readonly string[]> {
  const sources = new Set(['scripts']);
  for (const file of await withLocalImports(root, scriptFiles(command))) {
    // `$ROOT_DIR/vendor/x` is `vendor/x`.
    const text = (await readSourceFile(join(root, file))).replace(/\$\{?\w+\}?\//g, '');
    const whole = [...text.matchAll(/[\w.-]+(?:\/[\w.-]+)+/g)].map(([path]) => path);
    const parts = [...text.matchAll(/["'][\w.-]+["'](?:\s*,\s*["'][\w.-]+["'])+/g)].map(([list]) =>
      list.replace(/["']\s*,\s*["']/g, '/').replace(/["']/g, ''),
    );
    for (const path of [...whole, ...parts].map((candidate) => candidate.replace(/^\.?\//, ''))) {
      // A bundle that does not exist yet is written into an existing folder.
      const existing = [path, path.replace(/\/[^/]+$/, '')].find(
        (candidate) => candidate.includes('/') && existsSync(join(root, candidate)),
      );
      if (existing !== undefined && entries.includes(existing.split('/')[0] ?? '')) sources.add(existing);
    }
  }
  // A script that names no sources runs those of a plugin, as the server's build also does.
  if (sources.size === 1) return [];
  const sorted = [...sources].sort();
  return sorted.filter((path) => !sorted.some((other) => path !== other && path.startsWith(`${other}/`)));
}
