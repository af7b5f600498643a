import type { Checkout } from '../gateway/gateway.ts';
import { deleteSources } from './sources.ts';
import type { Stage } from './stage.ts';
import {
  BUN,
  INSTALL_MOUNT,
  installPackages,
  LAYERS,
  NPM_MOUNTS,
  REGISTRY_MOUNTS,
  SAME_TIMES,
  TRUST_CA,
} from './step.ts';
import { BUILD_BASE } from './system-stages.ts';

const PNPM_MOUNTS = `${REGISTRY_MOUNTS} --mount=type=cache,target=/pnpm,id=pnpm`;
const PNPM_INSTALL = 'pnpm install --frozen-lockfile --store-dir=/pnpm/store --reporter=append-only';
/** pnpm's notes to itself: when it installed, and from which store. */
const DELETE_PNPM_NOTES =
  "find . -path '*/node_modules/.modules.yaml' -delete -o -name '.pnpm-workspace-state*.json' -delete";

/**
 * Deletes installed packages that this image cannot use, by what each says of itself: another system, processor or C library
 * (older lockfiles do not record the last), and back ends for graphics cards, whose drivers no image of ours has.
 */
const DELETE_FOREIGN = `cat >/tmp/foreign.cjs <<'JS'
const { readdirSync, readFileSync, rmSync, lstatSync, existsSync } = require("fs"), { join } = require("path");
const suits = (list, own) => list === undefined || [list].flat().some((word) => word === own || word === "any" || (word[0] === "!" && word.slice(1) !== own));
const graphics = /^@node-llama-cpp\\/.*-(cuda|vulkan)/;
const visit = (folder) => {
  for (const { name, path } of readdirSync(folder).map((name) => ({ name, path: join(folder, name) }))) {
    if (lstatSync(path).isSymbolicLink() || !lstatSync(path).isDirectory()) continue;
    if (name === ".pnpm" || name === "node_modules" || name[0] === "@" || folder.endsWith(".pnpm")) { visit(path); continue; }
    if (name === ".bin" || !existsSync(join(path, "package.json"))) continue;
    const { name: own = "", os, cpu, libc } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    if (!suits(os, "linux") || !suits(cpu, process.arch) || !suits(libc, "glibc") || graphics.test(own)) rmSync(path, { recursive: true });
    else if (existsSync(join(path, "node_modules"))) visit(join(path, "node_modules"));
  }
};
visit("node_modules");
JS
node /tmp/foreign.cjs
find node_modules -xtype l -delete`;

/**
 * Finds the plugins that were asked for, and copies their manifests; `.asked` names those that have dependencies.
 * The same rule as `selectPlugins` in build/gateway/checkout-plugin.ts, for builds without this project.
 */
const FIND_PLUGINS = `cat >/tmp/find.cjs <<'JS'
const { readdirSync, readFileSync, existsSync, mkdirSync, copyFileSync, appendFileSync } = require("fs");
const read = (file) => JSON.parse(readFileSync(file, "utf8")), names = process.env.OPENCLAW_EXTENSIONS.split(/[\\s,]+/).filter(Boolean);
const manifest = (directory) => "/extensions/" + directory + "/openclaw.plugin.json", folder = "/manifests/extensions/";
const known = readdirSync("/extensions").filter((directory) => existsSync(manifest(directory))).map((directory) => ({ directory, id: read(manifest(directory)).id }));
const chosen = names.map((name) => {
  const found = known.filter(({ directory, id }) => id === name || directory === name);
  if (found.length === 1 && Object.values(found[0]).every((word) => /^\\w[\\w.-]*$/.test(word))) return found[0];
  console.error("OPENCLAW_EXTENSIONS: " + name + (found.length > 1 ? " is ambiguous" : " is no plugin") + "; there are: " + known.map(({ id }) => id).join(", "));
  process.exit(1);
});
for (const { directory, id } of new Set(chosen)) {
  if (!existsSync("/extensions/" + directory + "/package.json")) continue;
  mkdirSync(folder + directory, { recursive: true });
  copyFileSync("/extensions/" + directory + "/package.json", folder + directory + "/package.json");
  const { dependencies, optionalDependencies } = read(folder + directory + "/package.json");
  if (Object.keys({ ...dependencies, ...optionalDependencies }).length > 0) appendFileSync(folder + ".asked", directory + " " + id + "\\n");
}
JS
mkdir -p /manifests/extensions
touch /manifests/extensions/.asked
node /tmp/find.cjs`;

/**
 * Makes a workspace of one plugin: its manifest in place of the root's, with the root's settings, and of the lockfile only its
 * own importer. pnpm would install the root's dependencies too where the root is there.
 * The lockfile is cut as text, because Node reads no YAML: pnpm writes it in one form (lockfileVersion 9).
 */
const ISOLATE_PLUGIN = `cat >/tmp/isolate.cjs <<'JS'
const { readFileSync, writeFileSync } = require("fs"), folder = "extensions/" + process.argv[2];
const read = (file) => JSON.parse(readFileSync(file, "utf8"));
const { name, version, dependencies, optionalDependencies } = read(folder + "/package.json"), { pnpm, packageManager } = read("package.json");
writeFileSync("package.json", JSON.stringify({ name, version, dependencies, optionalDependencies, pnpm, packageManager }));
const lock = readFileSync("pnpm-lock.yaml", "utf8"), start = lock.indexOf("\\nimporters:\\n") + 12;
const end = start + lock.slice(start).search(/^\\S/m);
const block = lock.slice(start, end).split(/^(?=  \\S)/m).find((text) => text.startsWith("  " + folder + ":"));
const groups = block.split(/^(?=    \\S)/m).slice(1).filter((text) => !text.startsWith("    devDependencies:"));
writeFileSync("pnpm-lock.yaml", lock.slice(0, start) + "\\n  .:\\n" + groups.join("").trimEnd() + "\\n\\n" + lock.slice(end));
JS`;

/** `COPY` lines that put entries of the checkout where they stand there. */
function copyEntries(entries: readonly string[]): string {
  // A folder's contents are copied, so each needs a line of its own; so do files of different folders.
  return entries.map((entry) => `COPY ${entry} ./${entry}`).join('\n');
}

const toolchainStage = ({ pnpmVersion, needsBun }: Checkout): Stage => ({
  name: 'toolchain',
  from: BUILD_BASE.name,
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

/** What is asked for by name is found in the build, so that an argument of `docker build` can name it. */
const PLUGIN_MANIFESTS: readonly Stage[] = [
  {
    name: 'plugin-manifests',
    from: BUILD_BASE.name,
    why: 'The manifests of the plugins that were asked for, by id or by folder. An edit of their code changes none of them.',
    body: `ARG OPENCLAW_EXTENSIONS
RUN --mount=source=extensions,target=/extensions <<'SH'
set -eu
${FIND_PLUGINS}
SH`,
  },
  {
    name: 'manifests-with-plugins',
    from: 'manifests',
    why: 'All manifests.',
    body: 'COPY --from=plugin-manifests /manifests/ /',
  },
];

const installManifests = (hasExtensions: boolean): Stage => ({
  name: 'install-manifests',
  from: hasExtensions ? 'manifests${OPENCLAW_EXTENSIONS:+-with-plugins}' : 'manifests',
  why: 'The one or the other.',
  body: '',
});

const INSTALLED: Stage = {
  name: 'installed',
  from: 'toolchain',
  why: 'Dependencies for building, development ones too.',
  body: `WORKDIR /app
COPY --from=install-manifests / ./
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
${deleteSources('./dist')}
mkdir -p ${LAYERS}/server/app
mv dist ${LAYERS}/server/app/
${SAME_TIMES}
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
${deleteSources('./dist/control-ui')}
mkdir -p ${LAYERS}/control-ui/app/dist
mv dist/control-ui ${LAYERS}/control-ui/app/dist/
${SAME_TIMES}
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
${DELETE_FOREIGN}
${deleteSources('./node_modules')}
mkdir -p ${LAYERS}/dependencies/app
cp -a node_modules ${LAYERS}/dependencies/app/
SH`,
};

/**
 * What a plugin needs stands outside of dist/ and is linked, as in an image from the package: the gateway's loader takes
 * every relative import below dist/ for an ES module. A plugin is loaded from its sources, where a release ships those, else
 * from what was compiled of them.
 */
const pluginsStage = ({ pluginsFromSource }: Checkout): Stage => ({
  name: 'plugins',
  from: 'toolchain',
  why: 'What the plugins that were asked for need at run time.',
  body: `RUN --mount=from=install-manifests,target=/manifests ${PNPM_MOUNTS} ${INSTALL_MOUNT} <<'SH'
set -eu
${TRUST_CA}
${ISOLATE_PLUGIN}
mkdir -p ${LAYERS}/plugins/app
while read -r directory id; do
  mkdir "/install/$id"
  cd "/install/$id"
  cp -a /manifests/. .
  node /tmp/isolate.cjs "$directory"
  rm -rf extensions packages ui
  ${PNPM_INSTALL} --prod --config.allow-unused-patches=true </dev/null
  ${DELETE_PNPM_NOTES}
  ${DELETE_FOREIGN}
  ${deleteSources('./node_modules')}
  needed="/app/plugin-dependencies/$id/node_modules"
  loaded="/app/${pluginsFromSource ? 'extensions/$directory' : 'dist/extensions/$id'}"
  mkdir -p "${LAYERS}/plugins$needed" "${LAYERS}/plugins$loaded"
  cp -a node_modules/. "${LAYERS}/plugins$needed/"
  ln -s "$needed" "${LAYERS}/plugins$loaded/node_modules"
done </manifests/extensions/.asked
SH`,
});

export const WITH_PLUGINS: Stage = {
  name: 'equipped-with-plugins',
  from: 'equipped',
  why: 'With that.',
  body: `COPY --link --from=plugins ${LAYERS}/plugins /`,
};

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
  ...(checkout.hasExtensions ? PLUGIN_MANIFESTS : []),
  installManifests(checkout.hasExtensions),
  INSTALLED,
  ...(checkout.canvasSources.length > 0 ? [canvasStage(checkout)] : []),
  serverStage(checkout),
  ...(checkout.uiSources.length > 0 ? [controlUiStage(checkout)] : []),
  PRODUCTION,
  ...(checkout.hasExtensions ? [pluginsStage(checkout), WITH_PLUGINS] : []),
  packageFilesStage(checkout),
];
