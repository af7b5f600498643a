import type { BakedPlugin } from '../gateway/gateway.ts';
import { deleteSources, NPM_INSTALL, NPM_UPDATE } from './sources.ts';
import type { Stage } from './stage.ts';
import { INSTALL_MOUNT, LAYERS, NPM_MOUNTS, SAME_TIMES, TRUST_CA } from './step.ts';
import { BUILD_BASE } from './system-stages.ts';

/**
 * The same rule as `dependencyManifest` in build/gateway/package-manifest.ts, for builds without this project.
 * Reads package.json on standard input.
 */
const MANIFEST_SCRIPT = (allowedScripts: readonly string[]): string =>
  [
    'const p = JSON.parse(require("fs").readFileSync(0, "utf8")), b = p.bundleDependencies ?? [];',
    'const own = (group) => Object.fromEntries(Object.entries(group ?? {}).filter(([name]) => b !== true && !b.includes(name)));',
    `const allowScripts = ${JSON.stringify(Object.fromEntries(allowedScripts.map((name) => [name, true])))};`,
    'console.log(JSON.stringify({ private: true, dependencies: own(p.dependencies), optionalDependencies: own(p.optionalDependencies), allowScripts }));',
  ].join('\n');

/** Fetches a package and locks its dependencies, for builds without this project: leaves /package.tgz and /dependencies. */
const fetchPackage = (selector: string, allowed: readonly string[]): string => `WORKDIR /fetched
RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
mv "$(npm pack --silent ${selector})" package.tgz
mkdir dependencies
cat >/tmp/manifest.cjs <<'JS'
${MANIFEST_SCRIPT(allowed)}
JS
tar -xzf package.tgz --to-stdout package/package.json | node /tmp/manifest.cjs >dependencies/package.json
npm install --prefix dependencies --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
find . -mindepth 1 -maxdepth 1 -exec mv {} / \\;
SH`;

export const gatewayStage = (allowedScripts: readonly string[]): Stage => ({
  name: 'gateway',
  from: BUILD_BASE.name,
  why: `The gateway's package. image:build puts a folder here in which it is resolved and verified: --build-context gateway=…`,
  body: `ARG OPENCLAW_PACKAGE
${fetchPackage('"$OPENCLAW_PACKAGE"', allowedScripts)}`,
});

export const GATEWAY_DEPENDENCIES: Stage = {
  name: 'gateway-dependencies',
  from: 'scratch',
  why: `What the gateway depends on, without its version, so that a new version with the same dependencies installs none.
Apart from the package, so that installing does not wait for that. Likewise a folder in image:build.`,
  body: 'COPY --from=gateway /dependencies/ /',
};

/** Where the last installation stays, for the next to bring up to date: most of its packages are the same. */
const KEPT_INSTALLATION = '--mount=type=cache,target=/kept,id=openclaw-installed,sharing=locked';

/** Each line of the list names a layer's folder, and the packages that go there. One for another processor is not here. */
const SPREAD_OVER_LAYERS = `const { existsSync, mkdirSync, readFileSync, renameSync } = require("node:fs");
const { dirname } = require("node:path");
for (const line of readFileSync("/locked/layers", "utf8").trim().split("\\n")) {
  const [layer, ...packages] = line.split(" ");
  mkdirSync("${LAYERS}/" + layer, { recursive: true });
  for (const name of packages) {
    const from = "${LAYERS}/dependencies/app/node_modules/" + name;
    const to = "${LAYERS}/" + layer + "/app/node_modules/" + name;
    if (!existsSync(from)) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
}`;

export const DEPENDENCIES: Stage = {
  name: 'dependencies',
  from: BUILD_BASE.name,
  why: `Production dependencies, exactly those of the lockfile; install scripts run only for packages that the gateway allows.
What an earlier version installed is brought up to date, which gives the same files as installing all of them.
They are spread over layers, large packages one by one, so that an update of one sends few others again.`,
  body: `RUN --mount=from=gateway-dependencies,target=/locked ${NPM_MOUNTS} ${KEPT_INSTALLATION} <<'SH'
set -eu
${TRUST_CA}
# Install scripts compile for a processor and a version of Node's binary interface.
kept="/kept/$(node -p 'process.arch + "-" + process.versions.modules')"
# What was cut off is no installation.
[ -e "$kept/complete" ] || rm -rf "$kept"
mkdir -p "$kept/node_modules"
cd "$kept"
rm -f complete
cp /locked/package.json /locked/package-lock.json .
${NPM_UPDATE}
${deleteSources('./node_modules')}
# npm believes its list of what is installed where no folder is newer.
touch node_modules/.package-lock.json complete
mkdir /app
cp -a node_modules /app/
cd /app
mkdir -p ${LAYERS}/dependencies/app
cp -al node_modules ${LAYERS}/dependencies/app/
rm -f ${LAYERS}/dependencies/app/node_modules/.package-lock.json
# Without image:build there is no list of layers, and one for all.
if [ -e /locked/layers ]; then
  node - <<'JS'
${SPREAD_OVER_LAYERS}
JS
fi
SH`,
};

export const UNPACKED: Stage = {
  name: 'unpacked',
  from: BUILD_BASE.name,
  why: `The gateway's own files, laid out by how often they change, without type declarations and source maps. Runs beside the
installation of the dependencies.`,
  body: `RUN --mount=from=gateway,target=/gateway <<'SH'
set -eu
mkdir -p ${LAYERS}/docs/app/docs ${LAYERS}/docs/app/skills ${LAYERS}/control-ui/app/dist/control-ui ${LAYERS}/server/app /package/files
cd /package/files
tar -xzf /gateway/package.tgz --strip-components=1 --no-same-owner --exclude='package/dist/*.d.*ts' --exclude='package/dist/*.map'
# An empty folder takes the place of one that is not there.
for name in docs skills; do if [ -e "$name" ]; then mv -T "$name" "${LAYERS}/docs/app/$name"; fi; done
if [ -e dist/control-ui ]; then mv -T dist/control-ui ${LAYERS}/control-ui/app/dist/control-ui; fi
mv dist ${LAYERS}/server/app/
mkdir ${LAYERS}/server/app/dist/control-ui
if [ -e node_modules ]; then mv node_modules /package/; fi
${SAME_TIMES}
SH`,
};

/** Files of dist/ that stand in the layer `server`. */
const LIST_SERVER = 'find dist -path dist/control-ui -prune -o -type f -print | sort';

export const packageStage = (installScripts: readonly string[]): Stage => ({
  name: 'package',
  from: 'dependencies',
  why: `The package's own install scripts, run on the whole gateway. What they write joins the package's other files; dist/ is
in a layer already, which did not wait for the dependencies. The lockfile of what was installed goes here too
(npm ls reads it), because it changes with the version; so does what the package carries in node_modules itself.`,
  body: `RUN --mount=from=unpacked,source=/package,target=/package \\
    --mount=from=unpacked,source=${LAYERS}/docs/app/docs,target=/app/docs \\
    --mount=from=unpacked,source=${LAYERS}/docs/app/skills,target=/app/skills \\
    --mount=from=unpacked,source=${LAYERS}/server/app/dist,target=/app/dist,rw \\
    --mount=from=unpacked,source=${LAYERS}/control-ui/app/dist/control-ui,target=/app/dist/control-ui \\
    --mount=type=tmpfs,target=/tmp <<'SH'
set -eu
export HOME=/tmp
cd /app
cp -a /package/files/. .
${LIST_SERVER} >/tmp/before
touch /tmp/begun
${installScripts.map((name) => `npm run --silent --if-present ${name}`).join('\n')}
${LIST_SERVER} >/tmp/after
if comm -23 /tmp/before /tmp/after | grep . >&2; then
  echo "An install script of the gateway deletes these files: they stand in a layer that it cannot change." >&2
  exit 1
fi
mkdir -p ${LAYERS}/package/app/node_modules
find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist ! -name docs ! -name skills -exec cp -a -t ${LAYERS}/package/app/ {} +
find dist -path dist/control-ui -prune -o -type f -newer /tmp/begun -print0 | tar --null -T - -cf - | tar -xf - -C ${LAYERS}/package/app
cp node_modules/.package-lock.json ${LAYERS}/package/app/node_modules/
if [ -d /package/node_modules ]; then cp -a /package/node_modules/. ${LAYERS}/package/app/node_modules/; fi
SH`,
});

/**
 * A plugin stands among the gateway's own, in dist/extensions/<id>. Its dependencies stand outside dist/ and are linked:
 * the gateway's loader takes every relative import below dist/ for an ES module, which CommonJS dependencies are not.
 */
export const pluginStages = ({ id, packageName, version }: BakedPlugin): readonly Stage[] => [
  {
    name: `plugin-${id}`,
    from: BUILD_BASE.name,
    why: `The plugin ${id}. image:build puts a resolved and verified folder here.`,
    body: fetchPackage(`${packageName}@${version}`, []),
  },
  {
    name: `baked-${id}`,
    from: BUILD_BASE.name,
    why: `${id} as the gateway loads it: with the plugins that the gateway brings.`,
    body: `RUN --mount=from=plugin-${id},target=/plugin ${NPM_MOUNTS} ${INSTALL_MOUNT} <<'SH'
set -eu
${TRUST_CA}
cd /install
files=${LAYERS}/plugin/app/dist/extensions/${id}
dependencies=${LAYERS}/plugin/app/plugin-dependencies/${id}
mkdir -p "$files" "$dependencies" plugin
tar -xzf /plugin/package.tgz -C plugin --strip-components=1 --no-same-owner
cp /plugin/dependencies/package.json /plugin/dependencies/package-lock.json .
${NPM_INSTALL}
mkdir -p node_modules
if [ -d plugin/node_modules ]; then cp -a plugin/node_modules/. node_modules/; fi
rm -rf plugin/node_modules node_modules/.package-lock.json
${deleteSources('./plugin ./node_modules')}
cp -a plugin/. "$files/"
cp -a node_modules "$dependencies/"
ln -s ../../../plugin-dependencies/${id}/node_modules "$files/node_modules"
SH`,
  },
];
