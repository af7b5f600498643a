import type { BakedPlugin } from '../gateway/gateway.ts';
import type { Stage } from './stage.ts';
import { INSTALL_MOUNT, LAYERS, NPM_MOUNTS, PRELUDE, PROGRAMS_MOUNT, run } from './step.ts';
import { BUILD_BASE } from './system-stages.ts';

/** Fetches a package and locks its dependencies, for builds without this project: writes /package.tgz and /dependencies. */
const fetchPackage = (selector: string, allowedScripts: readonly string[]): string => `WORKDIR /fetched
${run(
  `${NPM_MOUNTS} ${PROGRAMS_MOUNT}`,
  `mv "$(npm pack --ignore-scripts --silent ${selector})" package.tgz
mkdir dependencies
tar -xzf package.tgz --to-stdout package/package.json |
  node /programs/dependency-manifest.mjs ${allowedScripts.join(' ')} >dependencies/package.json
npm install --prefix dependencies --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
find . -mindepth 1 -maxdepth 1 -exec mv {} / \\;`,
)}`;

export const gatewayStage = (allowedScripts: readonly string[]): Stage => ({
  name: 'gateway',
  from: BUILD_BASE.name,
  why: "The gateway's package. image:build replaces this stage by a folder with a verified package: --build-context gateway=…",
  body: `ARG OPENCLAW_PACKAGE
${fetchPackage('"$OPENCLAW_PACKAGE"', allowedScripts)}`,
});

export const GATEWAY_DEPENDENCIES: Stage = {
  name: 'gateway-dependencies',
  from: 'scratch',
  why: `The locked dependencies of the gateway, without its version: a new version with the same dependencies does not install them again.
A separate stage, so that the installation does not wait for the package. image:build replaces it by a folder.`,
  body: 'COPY --from=gateway /dependencies/ /',
};

/** Dependencies from git are packed beside the lockfile. */
const COPY_LOCK = `cp /locked/package.json /locked/package-lock.json .
if [ -d /locked/git ]; then cp -a /locked/git .; fi`;

const INTO_EMPTY_FOLDER = `mkdir /app
cd /app
${COPY_LOCK}
npm_production ci --ignore-scripts
mkdir -p node_modules # a package may bundle all its dependencies
rm -rf package.json package-lock.json git`;

const INTO_KEPT_FOLDER = `# npm unpacks other optional packages for another processor or C library.
kept="/kept/$(node -p 'process.arch + "-" + process.versions.modules')"
# Without the marker the installation was interrupted, and is discarded.
[ -e "$kept/complete" ] || rm -rf "$kept"
mkdir -p "$kept/node_modules"
cd "$kept"
rm -rf complete git
${COPY_LOCK}
npm_production install --no-save --ignore-scripts
delete_sources ./node_modules
# npm trusts its list of installed packages only if no folder is newer.
touch node_modules/.package-lock.json complete
mkdir /app
cp -a node_modules /app/`;

/**
 * Keeps the unpacked packages of the last build, which the next one updates: most are the same. npm has checked the integrity of each,
 * and no script of a package ever runs there. Named by its contents: builds before ran scripts in `openclaw-installed`.
 */
const KEPT_PACKAGES = '--mount=type=cache,target=/kept,id=openclaw-unpacked,sharing=locked';

/** @param isolated an image that must not depend on earlier builds: a release, a reproducible image */
export const dependenciesStage = (isolated: boolean): Stage => ({
  name: 'dependencies',
  from: BUILD_BASE.name,
  why: `Production dependencies, exactly as locked. Install scripts run only for packages that the gateway allows, without npm's tokens and
without capabilities.${isolated ? '' : ' The unpacked packages of an earlier version are updated, which gives the same files as unpacking all.'} The packages are then
distributed over layers, so that an update of one package changes few layers.`,
  body: run(
    `--mount=from=gateway-dependencies,target=/locked ${NPM_MOUNTS} ${PROGRAMS_MOUNT}${isolated ? '' : ` ${KEPT_PACKAGES}`}`,
    `${isolated ? INTO_EMPTY_FOLDER : INTO_KEPT_FOLDER}
cd /app
node /programs/run-install-scripts.mjs /locked /app
delete_sources ./node_modules
touch node_modules/.package-lock.json
mkdir -p ${LAYERS}/dependencies/app
# Hard links: the stage package needs the complete /app too.
cp -al node_modules ${LAYERS}/dependencies/app/
rm -f ${LAYERS}/dependencies/app/node_modules/.package-lock.json
# Only image:build provides a list of layers; otherwise there is one layer.
if [ -e /locked/layers ]; then node /programs/spread-over-layers.mjs /locked/layers ${LAYERS}; fi
same_times`,
  ),
});

export const UNPACKED: Stage = {
  name: 'unpacked',
  from: BUILD_BASE.name,
  why: `The gateway's own files in layers, by how often they change, without type declarations and source maps. Runs in parallel with the
installation of the dependencies.`,
  body: run(
    '--mount=from=helpers,target=/helpers --mount=from=gateway,target=/gateway',
    `mkdir -p ${LAYERS}/docs/app/docs ${LAYERS}/docs/app/skills ${LAYERS}/control-ui/app/dist/control-ui ${LAYERS}/server/app /package/files
cd /package/files
tar -xzf /gateway/package.tgz --strip-components=1 --no-same-owner --exclude='package/dist/*.d.*ts' --exclude='package/dist/*.map'
# A missing folder stays empty.
for name in docs skills; do if [ -e "$name" ]; then mv -T "$name" "${LAYERS}/docs/app/$name"; fi; done
if [ -e dist/control-ui ]; then mv -T dist/control-ui ${LAYERS}/control-ui/app/dist/control-ui; fi
mv dist ${LAYERS}/server/app/
# The stage package mounts the Control UI there.
mkdir ${LAYERS}/server/app/dist/control-ui
if [ -e node_modules ]; then mv node_modules /package/; fi
same_modes ${LAYERS} /package
same_times`,
  ),
};

/** Where the package's files come from, each in its own layer. The Control UI is in dist/, so it is mounted last. */
const UNPACKED_MOUNTS = (
  [
    ['docs', 'docs'],
    ['docs', 'skills'],
    ['server', 'dist'],
    ['control-ui', 'dist/control-ui'],
  ] as const
)
  // Writable: a script may change every file. A mount keeps no changes, so changed files are copied to the layer `package`.
  .map(([layer, path]) => `--mount=from=unpacked,source=${LAYERS}/${layer}/app/${path},target=/app/${path},rw`)
  .join(' \\\n    ');

/** Lists everything that is in other layers: those of the stage `unpacked`, and those of the dependencies. */
const LIST_OTHERS = 'find docs skills dist node_modules | sort';

export const packageStage = (installScripts: readonly string[]): Stage => ({
  name: 'package',
  from: 'dependencies',
  why: `The package's own install scripts, run on the complete gateway, without network: everything that an image contains is locked before
the build. The layer contains the files that they write or change, those of dependencies too, the package's other files, bundled
dependencies, and the lockfile, which changes with every version (npm ls reads it). /deleted lists the files that they delete.`,
  body: `RUN --network=none --mount=from=helpers,target=/helpers \\
    --mount=from=unpacked,source=/package,target=/package \\
    ${UNPACKED_MOUNTS} \\
    --mount=type=tmpfs,target=/tmp <<'SH'
${PRELUDE}
# npm fails at once, instead of trying again for minutes.
export HOME=/tmp npm_config_offline=true
cd /app
cp -a /package/files/. .
${LIST_OTHERS} >/tmp/before
touch /tmp/begun
if [ -d /package/node_modules ]; then cp -a /package/node_modules/. node_modules/; fi
${installScripts.map((name) => `npm run --silent --if-present ${name}`).join('\n')}
${LIST_OTHERS} >/tmp/after
mkdir -p ${LAYERS}/package/app/node_modules
comm -23 /tmp/before /tmp/after | sed '/^node_modules[/]/d' >/deleted
find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist ! -name docs ! -name skills -exec cp -a -t ${LAYERS}/package/app/ {} +
# Copies new files, new empty folders and changed files.
{
  find docs skills dist node_modules -cnewer /tmp/begun ! -type d
  comm -13 /tmp/before /tmp/after
} | sort -u | sed '/^node_modules[/][.]cache/d' | tar --no-recursion --verbatim-files-from -T - -cf - | tar -xf - -C ${LAYERS}/package/app
cp node_modules/.package-lock.json ${LAYERS}/package/app/node_modules/
same_modes ${LAYERS}
same_times
SH`,
});

export const INSTALLED_FILES: Stage = {
  name: 'installed-files',
  from: UNPACKED.name,
  why: `The gateway's files without those that its install scripts delete. In most releases they delete nothing, and this changes nothing.
A separate stage, so that the package is unpacked while the dependencies are installed.`,
  body: run(
    '--mount=from=helpers,target=/helpers --mount=from=package,source=/deleted,target=/deleted',
    `while IFS= read -r path; do
  for layer in docs control-ui server; do rm -rf "${LAYERS}/$layer/app/$path"; done
done </deleted
same_times`,
  ),
};

/**
 * A plugin is placed among the gateway's own, in dist/extensions/<id>. Its dependencies are outside of dist/ and linked, because the
 * gateway's loader treats every relative import below dist/ as an ES module, and the dependencies may be CommonJS.
 */
export const pluginStages = ({ id, packageName, version }: BakedPlugin): readonly Stage[] => [
  {
    name: `plugin-${id}`,
    from: BUILD_BASE.name,
    why: `The package of the plugin ${id}. image:build replaces this stage by a folder with a verified package.`,
    body: fetchPackage(`${packageName}@${version}`, []),
  },
  {
    name: `baked-${id}`,
    from: BUILD_BASE.name,
    why: `The plugin ${id} in the folder of the gateway's own plugins.`,
    body: `RUN --mount=from=plugin-${id},target=/plugin ${NPM_MOUNTS} ${PROGRAMS_MOUNT} ${INSTALL_MOUNT} <<'SH'
${PRELUDE}
cd /install
files=${LAYERS}/plugin/app/dist/extensions/${id}
dependencies=${LAYERS}/plugin/app/plugin-dependencies/${id}
mkdir -p "$files" "$dependencies" plugin
tar -xzf /plugin/package.tgz -C plugin --strip-components=1 --no-same-owner
cp /plugin/dependencies/package.json /plugin/dependencies/package-lock.json .
npm_production ci --ignore-scripts
mkdir -p node_modules
if [ -d plugin/node_modules ]; then cp -a plugin/node_modules/. node_modules/; fi
rm -rf plugin/node_modules node_modules/.package-lock.json
delete_sources ./plugin ./node_modules
same_modes plugin node_modules
cp -a plugin/. "$files/"
cp -a node_modules "$dependencies/"
ln -s ../../../plugin-dependencies/${id}/node_modules "$files/node_modules"
same_times
SH`,
  },
];
