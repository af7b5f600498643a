import type { Checkout } from '../gateway/gateway.ts';
import type { Stage } from './stage.ts';
import {
  BUN,
  HELPERS_MOUNT,
  INSTALL_MOUNT,
  installPackages,
  LAYERS,
  NPM_MOUNTS,
  PROGRAMS_MOUNT,
  REGISTRY_MOUNTS,
  run,
  UNTRUSTED_MOUNTS,
} from './step.ts';
import { BUILD_BASE, WITH_TOOLS } from './system-stages.ts';

const STORE = '--mount=type=cache,target=/pnpm,id=pnpm';
const PNPM_OPTIONS = '--store-dir=/pnpm/store --reporter=append-only';
/** Fetches with npm's tokens, and runs no script. */
const FETCH_MOUNTS = `${REGISTRY_MOUNTS} ${STORE}`;
const PNPM_FETCH = `pnpm fetch ${PNPM_OPTIONS}`;
/** Installs what was fetched, and runs the install scripts that the checkout allows: without tokens. */
const PNPM_MOUNTS = `${UNTRUSTED_MOUNTS} ${STORE}`;
const PNPM_INSTALL = `pnpm install --frozen-lockfile --prefer-offline ${PNPM_OPTIONS}`;
/** Deletes pnpm's records of the installation, which contain its time and its store. */
const DELETE_PNPM_RECORDS =
  "find . -path '*/node_modules/.modules.yaml' -delete -o -name '.pnpm-workspace-state*.json' -delete";
/** Deletes packages that the image cannot use, and links to them. */
const DELETE_FOREIGN = 'node /programs/delete-foreign.mjs\nfind node_modules -xtype l -delete';

/** `COPY` lines that keep the paths of a checkout. A folder's contents are copied, so each entry needs a line. */
const copyEntries = (entries: readonly string[]): string =>
  entries.map((entry) => `COPY ${entry} ./${entry}`).join('\n');

const toolchainStage = ({ pnpmVersion, needsBun }: Checkout): Stage => ({
  name: 'toolchain',
  from: BUILD_BASE.name,
  why: `pnpm in the version that the checkout pins${needsBun ? ', Bun, which a build script calls,' : ''} and compilers for native packages.`,
  body: `${installPackages('ca-certificates git g++ make python3')}
${run(NPM_MOUNTS, `npm_global pnpm@${pnpmVersion}${needsBun ? ` ${BUN}` : ''}`)}
ENV CI=true npm_config_manage_package_manager_versions=false`,
});

const manifestsStage = ({ manifests }: Checkout): Stage => ({
  name: 'manifests',
  from: 'scratch',
  why: 'The files that an install of dependencies reads. An edit of any other file does not repeat the install.',
  body: manifests.map((path) => `COPY ${path} /${path}`).join('\n'),
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

const INSTALLED: Stage = {
  name: 'installed',
  from: 'toolchain',
  why: 'All dependencies, including development dependencies, for the builds below.',
  body: `WORKDIR /app
COPY --from=install-manifests / ./
${run(FETCH_MOUNTS, PNPM_FETCH)}
${run(PNPM_MOUNTS, PNPM_INSTALL)}`,
};

const canvasStage = ({ canvasSources }: Checkout): Stage => ({
  name: 'canvas',
  from: 'installed',
  why: 'The canvas bundle, which the server serves: every file that its script writes.',
  body: `${copyEntries(canvasSources)}
${run(
  PNPM_MOUNTS,
  `touch /begun
pnpm run canvas:a2ui:bundle
mkdir -p ${LAYERS}/canvas
find . -name node_modules -prune -o -type f -newer /begun -print0 | tar --null -T - -cf - | tar -xf - -C ${LAYERS}/canvas`,
)}`,
});

const serverStage = ({ serverSources, serverScript, canvasSources }: Checkout): Stage => ({
  name: 'server',
  from: 'installed',
  why: 'The compiled gateway. Does not read docs, skills or the Control UI.',
  body: `${copyEntries(serverSources)}${canvasSources.length > 0 ? `\nCOPY --from=canvas ${LAYERS}/canvas/ ./` : ''}
${run(
  PNPM_MOUNTS,
  `pnpm run ${serverScript}
# The stage build-info writes it: the script knows no commit, and writes the time of this build.
rm -rf dist/control-ui dist/build-info.json
delete_sources ./dist
mkdir -p ${LAYERS}/server/app
mv dist ${LAYERS}/server/app/
same_modes ${LAYERS}/server/app/dist
same_times`,
)}`,
});

const controlUiStage = ({ uiSources }: Checkout): Stage => ({
  name: 'control-ui',
  from: 'installed',
  why: 'The Control UI, built in parallel with the server.',
  body: `${copyEntries(uiSources)}
${run(
  PNPM_MOUNTS,
  `export OPENCLAW_PREFER_PNPM=1
pnpm run ui:build
delete_sources ./dist/control-ui
mkdir -p ${LAYERS}/control-ui/app/dist
mv dist/control-ui ${LAYERS}/control-ui/app/dist/
same_modes ${LAYERS}/control-ui/app/dist
same_times`,
)}`,
});

const PRODUCTION: Stage = {
  name: 'dependencies',
  from: 'toolchain',
  why: 'Production dependencies, installed from scratch: pruning a development installation would leave files behind.',
  body: `${run(
    `--mount=from=manifests,target=/manifests ${FETCH_MOUNTS} ${INSTALL_MOUNT}`,
    `cd /install
cp -a /manifests/. .
${PNPM_FETCH} --prod`,
  )}
${run(
  `--mount=from=manifests,target=/manifests ${PNPM_MOUNTS} ${PROGRAMS_MOUNT} ${INSTALL_MOUNT}`,
  `cd /install
cp -a /manifests/. .
# The Control UI is already built, and the dependencies of plugins are installed separately.
rm -rf ui extensions
${PNPM_INSTALL} --prod
${DELETE_PNPM_RECORDS}
${DELETE_FOREIGN}
delete_sources ./node_modules
mkdir -p ${LAYERS}/dependencies/app
cp -a node_modules ${LAYERS}/dependencies/app/
same_times`,
)}`,
};

/**
 * The dependencies of a plugin are outside of dist/ and linked, as in an image from the package: the gateway's loader treats every
 * relative import below dist/ as an ES module. A plugin is loaded from its sources if the release ships them, else from dist/.
 */
const pluginsStage = ({ pluginsFromSource }: Checkout): Stage => ({
  name: 'plugins',
  from: 'toolchain',
  why: 'The production dependencies of the requested plugins.',
  body: `${run(
    `--mount=from=install-manifests,target=/manifests ${FETCH_MOUNTS} ${INSTALL_MOUNT}`,
    `cd /install
cp -a /manifests/. .
${PNPM_FETCH} --prod`,
  )}
${run(
  `--mount=from=install-manifests,target=/manifests ${PNPM_MOUNTS} ${PROGRAMS_MOUNT} ${INSTALL_MOUNT}`,
  `mkdir -p ${LAYERS}/plugins/app
while read -r directory id; do
  mkdir "/install/$id"
  cd "/install/$id"
  cp -a /manifests/. .
  node /programs/isolate-plugin.mjs "$directory"
  rm -rf extensions packages ui
  ${PNPM_INSTALL} --prod --config.allow-unused-patches=true </dev/null
  ${DELETE_PNPM_RECORDS}
  ${DELETE_FOREIGN.replaceAll('\n', '\n  ')}
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
const checkoutFilesStage = (name: string, paths: readonly string[], why: string): Stage => ({
  name,
  from: BUILD_BASE.name,
  why,
  body: run(
    [HELPERS_MOUNT, ...paths.map((path) => `--mount=source=${path},target=/checkout/${path}`)].join(' \\\n    '),
    `mkdir -p ${LAYERS}/${name}
cp -a /checkout ${LAYERS}/${name}/app
same_modes ${LAYERS}/${name}
same_times`,
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
export const checkoutFolders = ({ pluginsFromSource, documents }: Checkout): readonly string[] => [
  ...(pluginsFromSource ? ['extensions'] : []),
  ...documents,
];

/** The stages that build a gateway from a checkout. A part that the release does not have gets no stage. */
export const sourceStages = (checkout: Checkout): readonly Stage[] => [
  toolchainStage(checkout),
  manifestsStage(checkout),
  ...(checkout.hasExtensions ? PLUGIN_MANIFESTS : []),
  installManifests(checkout.hasExtensions),
  INSTALLED,
  ...(checkout.canvasSources.length > 0 ? [canvasStage(checkout)] : []),
  serverStage(checkout),
  ...(checkout.uiSources.length > 0 ? [controlUiStage(checkout)] : []),
  PRODUCTION,
  ...(checkout.hasExtensions ? [pluginsStage(checkout), WITH_PLUGINS] : []),
  ...checkoutFolders(checkout).map((path) =>
    checkoutFilesStage(path, [path], `The folder ${path}, which no build script changes.`),
  ),
  checkoutFilesStage('package', checkout.packageFiles, "The package's other files, those that npm would pack."),
  buildInfoStage(checkout),
];
