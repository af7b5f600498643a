import type { Checkout } from '../gateway/gateway.ts';
import { BUILD_MOUNTS, copyEntries, IN_APP } from './source-step.ts';
import type { Stage } from './stage.ts';
import { HELPERS_MOUNT, LAYERS, run } from './step.ts';
import { BUILD_BASE } from './system-stages.ts';

/**
 * Settings of the gateway's build scripts for images. Releases before 2026.2 exclude the sources of the canvas bundle from the build context.
 * Type declarations would be deleted below. The commit and its time are not set: every commit would build the server again.
 */
const buildSettings = ({ version }: Checkout): string =>
  `export OPENCLAW_A2UI_SKIP_MISSING=1 OPENCLAW_RUN_NODE_SKIP_DTS_BUILD=1 OPENCLAW_DOCKER_BUILD_VERSION=${version}`;

/** Copies what npm would pack of a workspace package, after the build: a link in `node_modules` of the image leads there. */
const copyPacked = ({ folder, files, entry }: Checkout['workspaceDependencies'][number]): string =>
  buildEntry(folder, entry) +
  (files.length === 0
    ? `\ncp -a --parents ${folder} ${LAYERS}/server/app/\nrm -rf ${LAYERS}/server/app/${folder}/node_modules`
    : `\nfor path in ${files.map((file) => `${folder}/${file}`).join(' ')}; do
  if [ -e "$path" ]; then cp -a --parents "$path" ${LAYERS}/server/app/; fi
done\ndelete_sources ${LAYERS}/server/app/${folder}`);

/** The gateway's build does not build every workspace package that it links. */
const buildEntry = (folder: string, entry: string | undefined): string =>
  entry === undefined
    ? ''
    : `
if [ ! -e ${folder}/${entry} ]; then
  pnpm --dir ${folder} --if-present run build
  [ -e ${folder}/${entry} ] || { echo "Error: the build did not write ${folder}/${entry}, which the gateway imports" >&2; exit 1; }
fi`;

export const isReadByServer = ({ readsPluginManifests, serverSources }: Checkout): boolean =>
  readsPluginManifests && !serverSources.includes('extensions');

export const ALL_PLUGIN_MANIFESTS: Stage = {
  name: 'all-plugin-manifests',
  from: BUILD_BASE.name,
  why: "The manifests of all plugins, which the server's build reads. An edit of their code does not change them.",
  body: run(
    `${HELPERS_MOUNT} --mount=source=extensions,target=/checkout/extensions`,
    `mkdir -p ${LAYERS}/plugin-manifests
cd /checkout
find extensions -maxdepth 2 \\( -name package.json -o -name openclaw.plugin.json \\) -exec cp --parents -t ${LAYERS}/plugin-manifests {} +
same_modes ${LAYERS}/plugin-manifests
same_times`,
  ),
};

export const serverStage = (checkout: Checkout): Stage => {
  const { serverSources, serverScript, canvasSources, uiSources, workspaceDependencies } = checkout;
  return {
    name: 'server',
    from: 'installed',
    why: 'The compiled gateway. Does not read docs, skills or the Control UI.',
    body: `${copyEntries(serverSources)}${isReadByServer(checkout) ? `\nCOPY --from=${ALL_PLUGIN_MANIFESTS.name} ${LAYERS}/plugin-manifests/ /app/` : ''}${canvasSources.length > 0 ? `\nCOPY --from=canvas ${LAYERS}/canvas/ /app/` : ''}
${run(
  BUILD_MOUNTS,
  `${IN_APP}
${buildSettings(checkout)}
pnpm run ${serverScript}
# The stage build-info writes it: the script knows no commit, and writes the time of this build.
rm -rf ${uiSources.length > 0 ? 'dist/control-ui ' : ''}dist/build-info.json
delete_sources ./dist
mkdir -p ${LAYERS}/server/app
mv dist ${LAYERS}/server/app/${workspaceDependencies.map(copyPacked).join('')}
same_modes ${LAYERS}/server/app
same_times`,
)}`,
  };
};
