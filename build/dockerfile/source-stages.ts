import type { Checkout } from '../gateway/gateway.ts';
import { ALL_PLUGIN_MANIFESTS, isReadByServer, serverStage } from './server-stage.ts';
import { BUILD_MOUNTS, copyEntries, IN_APP } from './source-step.ts';
import type { Stage } from './stage.ts';
import {
  BUN,
  HELPERS_MOUNT,
  INSTALL_MOUNT,
  installPackages,
  LAYERS,
  NPM_MOUNTS,
  OFFLINE_MOUNTS,
  PROGRAMS_MOUNT,
  REGISTRY_MOUNTS,
  run,
  UNTRUSTED_MOUNTS,
} from './step.ts';
import { BUILD_BASE, WITH_TOOLS } from './system-stages.ts';

/** Packages of all builds on this engine. Install scripts could change them, so images that must not depend on earlier builds have a stage. */
const KEPT_STORE = '--mount=type=cache,target=/pnpm,id=pnpm';
const PNPM_OPTIONS = '--store-dir=/pnpm/store --reporter=append-only';
const TRIM_LOCKFILE = 'node /programs/trim-lockfile.mjs';
/**
 * Fetches with npm's tokens, and runs no code of the packages or of the checkout.
 *
 * @param option more options of pnpm
 */
const pnpmFetch = (option = ''): string => `${TRIM_LOCKFILE}
# With node-linker=hoisted, pnpm 11.2.2 patches packages where it has not put them, and fails.
pnpm fetch --ignore-pnpmfile --config.node-linker=isolated ${PNPM_OPTIONS}${option}
if grep -qsE '^node-?linker *[:=] *.?hoisted' --ignore-case .npmrc pnpm-workspace.yaml; then rm -rf node_modules; fi`;

/** How an install of dependencies gets the packages. */
interface PackageStore {
  /** Mount with the store. */
  readonly mount: string;
  /** The step before the install that fetches into it. @param mounts of its files @param lines before the fetch @param option of pnpm */
  readonly fetch: (mounts: string, lines: string, option?: string) => string;
  readonly stages: readonly Stage[];
}

const keptStore: PackageStore = {
  mount: KEPT_STORE,
  fetch: (mounts, lines, option = '') =>
    `${run([mounts, REGISTRY_MOUNTS, KEPT_STORE, PROGRAMS_MOUNT].filter((mount) => mount !== '').join(' '), `${lines}${pnpmFetch(option)}`)}\n`,
  stages: [],
};

/** Changes by an install script are discarded with its step. */
const ownStore: PackageStore = {
  mount: '--mount=from=store,source=/pnpm,target=/pnpm,rw',
  fetch: () => '',
  stages: [
    {
      name: 'store',
      from: 'toolchain',
      why: 'All packages, fetched for this image alone. No earlier build could change them.',
      body: `COPY --from=install-manifests / /fetch/
${run(`${REGISTRY_MOUNTS} ${PROGRAMS_MOUNT}`, `cd /fetch\n${pnpmFetch()}`)}`,
    },
  ],
};

/** @param isolated an image that must not depend on earlier builds: a release, a reproducible image */
const packageStore = (isolated: boolean): PackageStore => (isolated ? ownStore : keptStore);
const PNPM_INSTALL = `pnpm install --frozen-lockfile --prefer-offline --config.allow-unused-patches=true ${PNPM_OPTIONS}`;
/** Deletes pnpm's records of the installation, which contain its time and its store. */
const DELETE_PNPM_RECORDS =
  "find . -path '*/node_modules/.modules.yaml' -delete -o -name '.pnpm-workspace-state*.json' -delete";
/**
 * Deletes packages that the image cannot use, and links to them. A link to a folder of the workspace that is missing stays: the smoke
 * test names it.
 *
 * @param folders of workspace packages that are deleted
 */
const deleteForeign = (folders: readonly string[]): string =>
  ['node /programs/delete-foreign.mjs', ...folders].join(' ');

const toolchainStage = ({ pnpmVersion, needsBun }: Checkout): Stage => ({
  name: 'toolchain',
  from: BUILD_BASE.name,
  why: `pnpm in the version that the checkout pins${needsBun ? ', Bun, which a build script calls,' : ''} and compilers for native packages.`,
  body: `${installPackages('ca-certificates git g++ make python3')}
${run(NPM_MOUNTS, `npm_global pnpm@${pnpmVersion}${needsBun ? ` ${BUN}` : ''}`)}${needsBun ? `\n${run(OFFLINE_MOUNTS, 'finish_bun "$(npm root --global)"')}` : ''}
ENV CI=true npm_config_manage_package_manager_versions=false pnpm_config_verify_deps_before_run=false
# git ends a transfer from a host that is silent for a minute, as npm and pnpm do.
ENV GIT_HTTP_LOW_SPEED_LIMIT=1 GIT_HTTP_LOW_SPEED_TIME=60`,
});

const manifestsStage = ({ manifests, replacements }: Checkout): Stage => ({
  name: 'manifests',
  from: 'scratch',
  why: 'The files that an install of dependencies reads. An edit of any other file does not repeat the install.',
  body: [
    ...manifests.map((path) => `COPY ${path} /${path}`),
    ...(replacements.length === 0
      ? []
      : [
          `# Replacements of dependencies: --override\nCOPY <<'JSON' /.replacements.json\n${JSON.stringify(replacements)}\nJSON`,
        ]),
  ].join('\n'),
});

/** Plugins are selected during the build, so that a build argument of `docker build` can name them. */
const PLUGIN_MANIFESTS: readonly Stage[] = [
  {
    name: 'plugin-manifests',
    from: BUILD_BASE.name,
    why: 'The manifests of the requested plugins. An edit of their code does not change them.',
    body: `ARG OPENCLAW_EXTENSIONS
RUN --mount=source=extensions,target=/extensions ${PROGRAMS_MOUNT} \\
    node /programs/select-plugins.mjs /extensions /manifests/extensions`,
  },
  {
    name: 'manifests-with-plugins',
    from: 'manifests',
    why: 'The manifests, with those of the requested plugins.',
    body: 'COPY --from=plugin-manifests /manifests/ /',
  },
];

const installManifests = (hasExtensions: boolean): Stage => ({
  name: 'install-manifests',
  from: hasExtensions ? 'manifests${OPENCLAW_EXTENSIONS:+-with-plugins}' : 'manifests',
  why: 'All manifests, with those of plugins if there are any.',
  body: '',
});

/** Megabytes for JavaScript in build scripts. */
export const BUILD_HEAP = 'OPENCLAW_BUILD_HEAP';

const installedStage = ({ mount, fetch }: PackageStore): Stage => ({
  name: 'installed',
  from: 'toolchain',
  why: 'All dependencies, including development dependencies, for the builds below.',
  body: `ARG ${BUILD_HEAP}
ENV NODE_OPTIONS=\${${BUILD_HEAP}:+--max-old-space-size=$${BUILD_HEAP}}
COPY --from=install-manifests / /app/
${fetch('', `${IN_APP}\n`)}${run(`${UNTRUSTED_MOUNTS} ${mount} ${PROGRAMS_MOUNT}`, `${IN_APP}\n${TRIM_LOCKFILE}\n${PNPM_INSTALL}`)}`,
});

const canvasStage = ({ canvasSources }: Checkout): Stage => ({
  name: 'canvas',
  from: 'installed',
  why: 'The canvas bundle, which the server serves: every file that its script writes.',
  body: `${copyEntries(canvasSources)}
${run(
  BUILD_MOUNTS,
  `${IN_APP}
touch /begun
pnpm run canvas:a2ui:bundle
mkdir -p ${LAYERS}/canvas
find . -name node_modules -prune -o -type f -newer /begun -print0 | tar --null -T - -cf - | tar -xf - -C ${LAYERS}/canvas`,
)}`,
});

const controlUiStage = ({ uiSources, uiShowsCommit, version, revision, committed }: Checkout): Stage => ({
  name: 'control-ui',
  from: 'installed',
  why: 'The Control UI, built in parallel with the server.',
  body: `${copyEntries(uiSources)}
${run(
  BUILD_MOUNTS,
  `${IN_APP}
export OPENCLAW_PREFER_PNPM=1 OPENCLAW_DOCKER_BUILD_VERSION=${version}${uiShowsCommit ? `\n# Its page About shows them.\nexport GIT_COMMIT=${revision} OPENCLAW_BUILD_TIMESTAMP=${committed}` : ''}
pnpm run ui:build
delete_sources ./dist/control-ui
mkdir -p ${LAYERS}/control-ui/app/dist
mv dist/control-ui ${LAYERS}/control-ui/app/dist/
same_modes ${LAYERS}/control-ui/app/dist
same_times`,
)}`,
});

/**
 * Without packages of the workspace that the gateway does not need: with node-linker=hoisted, pnpm installs the dependencies of all. Those
 * that it links for its development are deleted after the install, because pnpm checks their versions. The
 * Control UI is built elsewhere, and the dependencies of plugins are installed separately, except for plugins that the gateway itself
 * depends on.
 */
const productionManifests = (checkout: Checkout): string => {
  const { manifests, workspaceDependencies } = checkout;
  const needed = workspaceDependencies.filter(({ folder }) => folder.startsWith('extensions/'));
  const plugins = manifests
    .flatMap((path) => /^(extensions\/[^/]+)\/package\.json$/.exec(path)?.[1] ?? [])
    .filter((folder) => !needed.some((dependency) => dependency.folder === folder));
  const unlinked = unusedPackages(checkout).filter((folder) => !checkout.developmentFolders.includes(folder));
  const unneeded = ['ui', ...(needed.length === 0 ? ['extensions'] : plugins), ...unlinked];
  return `cd /install
cp -a /manifests/. .
rm -rf ${unneeded.join(' ')}
`;
};

/** Workspace packages that the installation links to, and that the gateway does not need at run time. */
const unusedPackages = ({ manifests, workspaceDependencies }: Checkout): readonly string[] =>
  manifests
    .filter((path) => /\/package\.json$/.test(path) && !/^(ui|extensions)\//.test(path))
    .map((path) => path.replace(/\/package\.json$/, ''))
    .filter((folder) => !workspaceDependencies.some((needed) => needed.folder === folder));

const productionStage = (checkout: Checkout, { mount, fetch }: PackageStore): Stage => ({
  name: 'dependencies',
  from: 'toolchain',
  why: 'Production dependencies, installed from scratch: pruning a development installation would leave files behind.',
  body: `${fetch(`--mount=from=manifests,target=/manifests ${INSTALL_MOUNT}`, productionManifests(checkout), ' --prod')}${run(
    `--mount=from=manifests,target=/manifests ${UNTRUSTED_MOUNTS} ${mount} ${PROGRAMS_MOUNT} ${INSTALL_MOUNT}`,
    `${productionManifests(checkout)}${TRIM_LOCKFILE}
${PNPM_INSTALL} --prod
${unusedPackages(checkout).length === 0 ? '' : `rm -rf ${unusedPackages(checkout).join(' ')}\n`}${DELETE_PNPM_RECORDS}
${deleteForeign(unusedPackages(checkout))}
delete_sources ./node_modules
mkdir -p ${LAYERS}/dependencies/app
cp -a --parents node_modules${checkout.workspaceDependencies.map(({ folder }) => ` $(find ${folder} -maxdepth 1 -name node_modules)`).join('')} ${LAYERS}/dependencies/app/
same_times`,
  )}`,
});

/**
 * The dependencies of a plugin are outside of dist/ and linked, as in an image from the package: the gateway's loader treats every
 * relative import below dist/ as an ES module. A plugin is loaded from its sources if the release ships them, else from dist/.
 */
const pluginsStage = ({ pluginsFromSource }: Checkout, { mount, fetch }: PackageStore): Stage => ({
  name: 'plugins',
  from: 'toolchain',
  why: 'The production dependencies of the requested plugins.',
  body: `${fetch(`--mount=from=install-manifests,target=/manifests ${INSTALL_MOUNT}`, 'cd /install\ncp -a /manifests/. .\n', ' --prod')}${run(
    `--mount=from=install-manifests,target=/manifests ${UNTRUSTED_MOUNTS} ${mount} ${PROGRAMS_MOUNT} ${INSTALL_MOUNT}`,
    `mkdir -p ${LAYERS}/plugins/app
while read -r directory id; do
  mkdir "/install/$id"
  cd "/install/$id"
  cp -a /manifests/. .
  node /programs/isolate-plugin.mjs "$directory"
  rm -rf extensions packages ui
  ${TRIM_LOCKFILE}
  ${PNPM_INSTALL} --prod </dev/null
  ${DELETE_PNPM_RECORDS}
  ${deleteForeign([])}
  delete_sources ./node_modules
  dependencies="/app/plugin-dependencies/$id/node_modules"
  plugin="/app/${pluginsFromSource ? 'extensions/$directory' : 'dist/extensions/$id'}"
  mkdir -p "${LAYERS}/plugins$dependencies" "${LAYERS}/plugins$plugin"
  cp -a node_modules/. "${LAYERS}/plugins$dependencies/"
  ln -s "$dependencies" "${LAYERS}/plugins$plugin/node_modules"
done </manifests/extensions/.selected
same_times`,
  )}`,
});

export const WITH_PLUGINS: Stage = {
  name: 'with-tools-and-plugins',
  from: WITH_TOOLS.name,
  why: 'The dependencies of the requested plugins.',
  body: `COPY --link --from=plugins ${LAYERS}/plugins /`,
};

/** Files of the checkout that are a layer as they are. A step copies them, because COPY keeps the times and modes of the checkout. */
const checkoutFilesStage = (name: string, paths: readonly string[], why: string, lines = ''): Stage => ({
  name,
  from: BUILD_BASE.name,
  why,
  body: run(
    [HELPERS_MOUNT, ...paths.map((path) => `--mount=source=${path},target=/checkout/${path}`)].join(' \\\n    '),
    `mkdir -p ${LAYERS}/${name}
cp -a /checkout ${LAYERS}/${name}/app
same_modes ${LAYERS}/${name}
${lines}same_times`,
  ),
});

/** Read by the gateway's `--version` and its page About. Source: src/infra/git-commit.ts of the gateway */
const buildInfoStage = ({ version, revision, committed }: Checkout): Stage => ({
  name: 'build-info',
  from: BUILD_BASE.name,
  why: `The version, the commit and its time, which the gateway shows. In a layer of its own: a commit that changes no sources of the server
does not build it again, and the same commit gives the same bytes.`,
  body: run(
    HELPERS_MOUNT,
    `mkdir -p ${LAYERS}/build-info/app/dist
cat >${LAYERS}/build-info/app/dist/build-info.json <<'JSON'
${JSON.stringify({ version, commit: revision, builtAt: committed })}
JSON
same_times`,
  ),
});

/** The folders of a checkout that are a layer each. */
const checkoutFolders = ({ pluginsFromSource, documents }: Checkout): readonly string[] => [
  ...(pluginsFromSource ? ['extensions'] : []),
  ...documents,
];

/** The stages that build a gateway from a checkout. A part that the release does not have gets no stage. */
export const sourceStages = (checkout: Checkout, isolated: boolean): readonly Stage[] => [
  toolchainStage(checkout),
  manifestsStage(checkout),
  ...(checkout.hasExtensions ? PLUGIN_MANIFESTS : []),
  installManifests(checkout.hasExtensions),
  ...packageStore(isolated).stages,
  installedStage(packageStore(isolated)),
  ...(checkout.canvasSources.length > 0 ? [canvasStage(checkout)] : []),
  ...(isReadByServer(checkout) ? [ALL_PLUGIN_MANIFESTS] : []),
  serverStage(checkout),
  ...(checkout.uiSources.length > 0 ? [controlUiStage(checkout)] : []),
  productionStage(checkout, packageStore(isolated)),
  ...(checkout.hasExtensions ? [pluginsStage(checkout, packageStore(isolated)), WITH_PLUGINS] : []),
  ...checkoutFolders(checkout).map((path) =>
    checkoutFilesStage(path, [path], `The folder ${path}, which no build script changes.`),
  ),
  checkoutFilesStage(
    'package',
    checkout.packageFiles,
    "The package's other files, those that npm would pack.",
    // Git need not record that it can be executed: npm makes every command of a package executable.
    `chmod 755 ${LAYERS}/package/app/openclaw.mjs\n`,
  ),
  buildInfoStage(checkout),
];
