import type { Checkout, CheckoutPlugin } from '../gateway/gateway.ts';
import type { Stage } from './stage.ts';
import { CA_MOUNT, deleteTypesAndMaps, INSTALL_MOUNT, installPackages, LAYERS, NPM_MOUNTS, TRUST_CA } from './step.ts';

/** From npm, whose integrity hash stands for it; no script from the network is run. */
const BUN = 'bun@1.4.4';

const PNPM_MOUNTS = `${CA_MOUNT} --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/pnpm,id=pnpm`;
const PNPM_INSTALL = 'pnpm install --frozen-lockfile --store-dir=/pnpm/store --reporter=append-only';
/** pnpm's notes to itself: when it installed, and from which store. */
const DELETE_PNPM_NOTES =
  "find . -path '*/node_modules/.modules.yaml' -delete -o -name '.pnpm-workspace-state*.json' -delete";

/** `COPY` lines that put entries of the checkout where they stand there. */
function copyEntries(entries: readonly string[]): string {
  // A folder's contents are copied, so each needs a line of its own; so do files of different folders.
  return entries.map((entry) => `COPY ${entry} ./${entry}`).join('\n');
}

const toolchainStage = ({ pnpmVersion, needsBun }: Checkout): Stage => ({
  name: 'toolchain',
  from: 'base',
  why: `pnpm as the checkout pins it${needsBun ? ', Bun, which a build script calls,' : ''} and what native packages are compiled with.`,
  body: `${installPackages('ca-certificates git g++ make python3')}
RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
npm install --global --no-audit --no-fund --no-update-notifier --loglevel=error pnpm@${pnpmVersion}${needsBun ? ` ${BUN}` : ''}
SH
ENV CI=true npm_config_manage_package_manager_versions=false`,
});

const manifestsStage = ({ manifests }: Checkout): Stage => ({
  name: 'manifests',
  from: 'scratch',
  why: 'What decides an install of dependencies, and nothing else: an edit elsewhere repeats none.',
  body: manifests.map((path) => `COPY ${path} /${path}`).join('\n'),
});

const INSTALLED: Stage = {
  name: 'installed',
  from: 'toolchain',
  why: 'Dependencies for building, development ones too.',
  body: `WORKDIR /app
COPY --from=manifests / ./
RUN ${PNPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
${PNPM_INSTALL}
SH`,
};

const canvasStage = ({ canvasSources }: Checkout): Stage => ({
  name: 'canvas',
  from: 'installed',
  why: 'The canvas bundle, which the server serves. Whatever its script wrote is handed on.',
  body: `${copyEntries(canvasSources)}
RUN ${PNPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
touch /begun
pnpm run canvas:a2ui:bundle
mkdir -p ${LAYERS}/canvas
find . -name node_modules -prune -o -type f -newer /begun -print0 | tar --null -T - -cf - | tar -xf - -C ${LAYERS}/canvas
SH`,
});

const serverStage = ({ serverSources, serverScript, canvasSources }: Checkout): Stage => ({
  name: 'server',
  from: 'installed',
  why: "The gateway's own code, compiled. Reads neither docs nor skills nor the Control UI.",
  body: `${copyEntries(serverSources)}${canvasSources.length > 0 ? `\nCOPY --from=canvas ${LAYERS}/canvas/ ./` : ''}
RUN ${PNPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
pnpm run ${serverScript}
rm -rf dist/control-ui
${deleteTypesAndMaps('./dist')}
mkdir -p ${LAYERS}/server/app
mv dist ${LAYERS}/server/app/
SH`,
});

const controlUiStage = ({ uiSources }: Checkout): Stage => ({
  name: 'control-ui',
  from: 'installed',
  why: 'The Control UI, beside the server.',
  body: `${copyEntries(uiSources)}
RUN ${PNPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
export OPENCLAW_PREFER_PNPM=1
pnpm run ui:build
${deleteTypesAndMaps('./dist/control-ui')}
mkdir -p ${LAYERS}/control-ui/app/dist
mv dist/control-ui ${LAYERS}/control-ui/app/dist/
SH`,
});

const PRODUCTION: Stage = {
  name: 'dependencies',
  from: 'toolchain',
  why: 'Production dependencies, installed afresh: what a development install leaves behind when it is pruned is not here.',
  body: `RUN --mount=from=manifests,target=/manifests ${PNPM_MOUNTS} ${INSTALL_MOUNT} <<'SH'
set -eu
${TRUST_CA}
cd /install
cp -a /manifests/. .
# The Control UI is built already, and a plugin brings what it needs itself.
rm -rf ui extensions
${PNPM_INSTALL} --prod
${DELETE_PNPM_NOTES}
${deleteTypesAndMaps('./node_modules')}
mkdir -p ${LAYERS}/dependencies/app
cp -a node_modules ${LAYERS}/dependencies/app/
SH`,
};

/**
 * What a plugin needs stands outside of dist/ and is linked, as in an image from the package: the gateway's loader takes
 * every relative import below dist/ for an ES module.
 */
const pluginStage =
  ({ pluginsFromSource }: Checkout) =>
  ({ id, directory }: CheckoutPlugin): Stage => ({
    name: `plugin-${id}`,
    from: 'toolchain',
    why: `What the plugin ${id} needs at run time.`,
    body: `RUN --mount=from=manifests,target=/manifests ${PNPM_MOUNTS} ${INSTALL_MOUNT} <<'SH'
set -eu
${TRUST_CA}
cd /install
cp -a /manifests/. .
${PNPM_INSTALL} --prod --filter ./extensions/${directory}
${DELETE_PNPM_NOTES}
${deleteTypesAndMaps('./node_modules ./extensions')}
needed=${LAYERS}/plugin/app/plugin-dependencies/${id}/node_modules
mkdir -p "$needed" ${LAYERS}/plugin/app/${pluginFolder(pluginsFromSource, { id, directory })}
for from in node_modules extensions/${directory}/node_modules; do
  if [ -d "$from" ]; then cp -a "$from/." "$needed/"; fi
done
ln -s /app/plugin-dependencies/${id}/node_modules ${LAYERS}/plugin/app/${pluginFolder(pluginsFromSource, { id, directory })}/node_modules
SH`,
  });

/** Where the gateway loads a plugin from: its sources, where a release ships those, else what was compiled of them. */
const pluginFolder = (fromSource: boolean, { id, directory }: Pick<CheckoutPlugin, 'id' | 'directory'>): string =>
  fromSource ? `extensions/${directory}` : `dist/extensions/${id}`;

const packageFilesStage = ({ packageFiles }: Checkout): Stage => ({
  name: 'package-files',
  from: 'scratch',
  why: "The package's other files, as npm would pack them.",
  body: packageFiles.map((name) => `COPY ${name} ${LAYERS}/package/app/${name}`).join('\n'),
});

/** The stages that make a gateway from a checkout. What a release does not have, it has no stage for. */
export const sourceStages = (checkout: Checkout): readonly Stage[] => [
  toolchainStage(checkout),
  manifestsStage(checkout),
  INSTALLED,
  ...(checkout.canvasSources.length > 0 ? [canvasStage(checkout)] : []),
  serverStage(checkout),
  ...(checkout.uiSources.length > 0 ? [controlUiStage(checkout)] : []),
  PRODUCTION,
  ...checkout.selected.filter(({ hasDependencies }) => hasDependencies).map(pluginStage(checkout)),
  packageFilesStage(checkout),
];
