# Rendered by openclaw-image (npm run image:render). Change build/dockerfile, not this file.
#
# BuildKit runs only the stages that the last one needs, so optional stages cost nothing. FROM a${B:+-c} means: a if B is empty, else a-c.
# Optional secrets: ca (PEM file), npmrc (with tokens), npm_registry (npmrc without tokens), pip_index_url.
#
# The stages, in order:
#   base                                The parent image
#   helpers                             Settings and shell functions of the steps below
#   programs                            Node programs of the steps below, mounted in the same way
#   build-base                          The parent of stages from which the image only copies
#   system                              Debian packages that every image contains
#   system-with-apt                     Extra Debian packages
#   packages                            The system packages, with the extra ones if there are any
#   packages-with-pip                   Extra Python packages
#   with-python                         The image so far, with the extra Python packages if there are any
#   browser-download                    The Chromium for one version of Playwright, in the folder where Playwright looks for it, owned by the user node
#   with-python-and-browser-playwright  Chromium from browser-download, the Debian packages that it needs, and Xvfb
#   with-python-and-browser-debian      Debian's Chromium, for hosts that cannot reach Playwright's downloads
#   with-browser                        The image so far, with a browser if requested
#   docker-cli                          The Docker CLI and Compose of Debian 13, unpacked
#   with-browser-and-docker-cli         The Docker CLI, for sandboxes in a Docker Engine whose socket is mounted
#   pnpm                                pnpm, for skills
#   with-tools                          Everything that does not depend on the gateway
#   files                               Files of the image itself
#   gateway                             The gateway's package
#   gateway-dependencies                The locked dependencies of the gateway, without its version
#   dependencies                        Production dependencies, exactly as locked
#   unpacked                            The gateway's own files in layers, by how often they change, without type declarations and source maps
#   package                             The package's own install scripts, run on the complete gateway, without network
#   installed-files                     The gateway's files without those that its install scripts delete
#   runtime                             All layers of the image
#   smoke-test                          A quick test of the finished layers
#   image                               The image

# npm package of the gateway
ARG OPENCLAW_PACKAGE="openclaw@latest"
# extra Debian packages, separated by spaces
ARG OPENCLAW_DOCKER_APT_PACKAGES=""
# the same as OPENCLAW_DOCKER_APT_PACKAGES; takes precedence
ARG OPENCLAW_IMAGE_APT_PACKAGES="${OPENCLAW_DOCKER_APT_PACKAGES}"
# extra Python packages, separated by spaces
ARG OPENCLAW_IMAGE_PIP_PACKAGES=""
# not empty: include Chromium and Xvfb
ARG OPENCLAW_INSTALL_BROWSER=""
# source of Chromium: playwright or debian
ARG OPENCLAW_BROWSER="playwright"
# version of playwright-core that the gateway depends on; another one may install the wrong Chromium
ARG OPENCLAW_PLAYWRIGHT_VERSION="latest"
# another value installs the Debian packages again, in the versions of that day
ARG OPENCLAW_PACKAGES_DATE=""
# mirror of Playwright's downloads
ARG PLAYWRIGHT_DOWNLOAD_HOST=""
# not empty: include the Docker CLI
ARG OPENCLAW_INSTALL_DOCKER_CLI=""

# The parent image. To replace it: --build-context base=docker-image://… or oci-layout://…
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS base

# Settings and shell functions of the steps below. They mount this stage, so the image does not contain it.
FROM scratch AS helpers
COPY <<'SH' /prelude.sh
# shellcheck shell=sh
# Sourced by the steps of a build: settings and functions that several of them need.
set -eu

# A layer must not depend on the day when it is built, so all of its files get one time: npm pack's constant.
layer_time=@499162500
begun=@$(date +%s)

# A proxy that inspects TLS needs its own certificate authority, beside the public ones. It comes as a secret and is kept in
# memory, so no layer contains it.
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi

# dpkg need not flush each file to disk: an interrupted step starts again. Chromium and g++ take 91 s instead of 121 s.
apt_quiet() {
  apt-get -o Acquire::https::CAInfo="${SSL_CERT_FILE:-}" -o Acquire::Retries=3 \
    -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"
}

apt_install() { # PACKAGE ...
  apt_quiet update
  DEBIAN_FRONTEND=noninteractive apt_quiet install --yes --no-install-recommends -- "$@"
  apt_clean
}

# Makes an installation of Debian packages the same on every day.
apt_clean() {
  find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \
    \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
  same_accounts
  # A random number, which must not be the same in every container. Source: machine-id(5), "Initialization".
  rm -f /var/lib/dbus/machine-id
  if [ -s /etc/machine-id ]; then : >/etc/machine-id; fi
  same_system_times
  # The cache contains the times of the font folders.
  if command -v fc-cache >/dev/null; then
    fc-cache --force --system-only
    same_system_times
  fi
}

# Removes the day on which this step has added an account, and the copies that it made of the files of accounts.
same_accounts() {
  # The copies have the times of the originals, so the time of their last change of status counts.
  find /etc -maxdepth 1 -name '*-' -newerct "$begun" -delete
  find /etc -maxdepth 1 -name shadow -newermt "$begun" -exec sed --in-place --regexp-extended 's/^([^:]*:[^:]*):[0-9]+:/\1:1:/' {} +
}

# Gives the constant time to what this step has changed in the image itself: on its file system, so not to mounted files.
same_system_times() {
  find / -xdev -newermt "$begun" -printf '%D %p\0' | sed --null-data --quiet "s/^$(stat --format=%d /) //p" |
    xargs --null --no-run-if-empty touch --no-dereference --date="$layer_time"
}

# npm unpacks small files one after the other: with four threads, 333 packages take 10.2 s on two cores, with one 7.5 s.
npm_production() { # ci | install ...; needs the mount /programs
  UV_THREADPOOL_SIZE=1 node --require /programs/npm-filter.cjs "$(command -v npm)" "$@" \
    --omit=dev --omit=peer --no-audit --no-fund --no-update-notifier --loglevel=error
}

# Runs no install script, because npm's tokens are mounted. Bun needs its own script, which finish_bun runs.
npm_global() { # PACKAGE ...
  npm install --global --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "$@"
}

# Puts the program that npm downloaded for this processor in the place of Bun's command. For a step without tokens and network.
finish_bun() { # FOLDER of the global packages
  node "$1/bun/install.js"
}

# Deletes type declarations, source maps and TypeScript sources, which no program reads at run time, and empty folders.
# npm-filter.cjs has the same patterns.
delete_sources() { # FOLDER ...
  find "$@" -mindepth 1 -regextype posix-extended \
    \( -type f -regex '.*(\.d\.[cm]?ts|\.map|[/]node_modules[/].*\.([cm]?ts|tsx))' \
    ! -regex '.*[/]node_modules[/](typescript|@types)[/].*' -o -type d -empty \) -delete
}

# Gives the constant time to the finished files of layers that the image copies. Most files of npm packages have it already.
same_times() {
  find /finished \( -newermt "$layer_time" -o ! -newermt "@$((${layer_time#@} - 1))" \) \
    -exec touch --no-dereference --date="$layer_time" {} +
}

# The modes that git records and npm installs. Those in a checkout depend on the umask of the clone, those in a package on the host that
# packed it: release 2026.7.1-2 has 8,539 files that only their owner may read.
same_modes() { # FOLDER ...
  chmod --recursive u=rwX,go=rX "$@"
}
SH

# Node programs of the steps below, mounted in the same way.
FROM scratch AS programs
COPY <<'JS' /dependency-manifest.mjs
// Reads a package.json on standard input, and prints what npm installs for it. Arguments: packages whose install scripts may run.
import { argv, stdin } from 'node:process';
import { json } from 'node:stream/consumers';

/**
 * The dependencies of a package, without anything that changes with its version: the key of the dependency layers. Bundled dependencies
 * are left out: they are in the package's tarball, possibly patched, and npm would fetch them again.
 *
 * @param {{ readonly dependencies?: Readonly<Record<string, string>>,
 *   readonly optionalDependencies?: Readonly<Record<string, string>>,
 *   readonly bundleDependencies?: readonly string[] | boolean, readonly bundledDependencies?: readonly string[] | boolean }} manifest
 */
export function dependencyManifest(manifest) {
  const bundled = manifest.bundleDependencies ?? manifest.bundledDependencies ?? [];
  const isBundled = (/** @type {string} */ name) =>
    bundled === true || (Array.isArray(bundled) && bundled.includes(name));
  const optionalDependencies = Object.fromEntries(
    Object.entries(manifest.optionalDependencies ?? {}).filter(([name]) => !isBundled(name)),
  );
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies ?? {}).filter(([name]) => !isBundled(name) && !(name in optionalDependencies)),
  );
  return { private: /** @type {const} */ (true), dependencies, optionalDependencies };
}

if (import.meta.main ?? argv[1] === import.meta.filename) {
  const allowScripts = Object.fromEntries(argv.slice(2).map((name) => [name, true]));
  const read = /** @type {Parameters<typeof dependencyManifest>[0]} */ (await json(stdin));
  const manifest = dependencyManifest(read);
  console.log(JSON.stringify({ ...manifest, allowScripts }));
}
JS
COPY <<'JS' /npm-filter.cjs
// Node loads this before npm, which has no option to skip files when it unpacks packages. Skipping those that prelude.sh would delete
// saves a quarter of a new installation (8.6 → 6.2 s), and half of an update (3.8 → 2.1 s). Packages with install scripts are unpacked
// completely. An npm with another structure works too, without the saving.
const { readFileSync, realpathSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join, relative } = require('node:path');

const SOURCE = /^.*(\.d\.[cm]?ts|\.map|[/]node_modules[/].*\.([cm]?ts|tsx))$/;
/** The TypeScript compiler reads its own sources. */
const COMPILER = /^.*[/]node_modules[/](typescript|@types)[/].*$/;
const isSource = (/** @type {string} */ path) => SOURCE.test(path) && !COMPILER.test(path);

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
try {
  const npm = createRequire(realpathSync(process.argv[1] ?? ''));
  const tar = npm('tar');
  /** @typedef {(path: string, entry: unknown) => boolean} Filter */
  const x = (/** @type {{ cwd: string, filter?: Filter }} */ options, /** @type {readonly unknown[]} */ ...rest) => {
    const hasInstallScript = packages[relative('', options.cwd)]?.hasInstallScript ?? false;
    const filter = (/** @type {string} */ path, /** @type {unknown} */ entry) =>
      (hasInstallScript || !isSource(join(options.cwd, path))) && (options.filter?.(path, entry) ?? true);
    return tar.x({ ...options, filter }, ...rest);
  };
  const module = require.cache[npm.resolve('tar')];
  if (module !== undefined) module.exports = { ...tar, x };
} catch {}
JS
COPY <<'JS' /run-install-scripts.mjs
// Runs the install scripts that the gateway allows, as the user node without any rights: they see no token, and can write to the folder
// of their own package only. Arguments: the folder with package.json and package-lock.json, and the folder with node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, lchownSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { argv, env, exit, kill, pid, ppid } from 'node:process';

const USER = 1000;
const [, , locked = '.', installed = '.'] = argv;
const readJson = (/** @type {string} */ name) => JSON.parse(readFileSync(join(locked, name), 'utf8'));

/** @type {{ readonly allowScripts?: Record<string, boolean> }} */
const { allowScripts = {} } = readJson('package.json');
/** @type {{ readonly packages: Record<string, { readonly version?: string, readonly optional?: boolean, readonly hasInstallScript?: boolean }> }} */
const { packages } = readJson('package-lock.json');

/** npm rebuilds all copies of a version. */
const chosen = Map.groupBy(
  Object.entries(packages).flatMap(([path, { version = '', optional = false, hasInstallScript = false }]) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const folder = join(installed, path);
    const runs = hasInstallScript && Object.hasOwn(allowScripts, name) && allowScripts[name] === true;
    return runs && existsSync(folder) ? [{ package: `${name}@${version}`, path, folder, optional }] : [];
  }),
  (copy) => copy.package,
);

const chown = (/** @type {string} */ path, /** @type {number} */ owner) => {
  // Never through a link: a script can put one in the place of a folder.
  lchownSync(path, owner, owner);
  if (!lstatSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) chown(join(path, name), owner);
};

// npm keeps the user's settings, its cache and its logs in the home folder.
const home = '/tmp/install-scripts';
mkdirSync(home, { recursive: true, mode: 0o700 });
lchownSync(home, USER, USER);

/** Ends what a script left running: it could write to the folder of the next package. */
const endLeftovers = () => {
  for (const left of processesOfUser()) kill(left, 'SIGKILL');
};

function processesOfUser() {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((number) => lstatSync(`/proc/${number}`, { throwIfNoEntry: false })?.uid === USER)
    .map(Number);
}

/** The shell of a build's step is process 1 and sees no other processes. Elsewhere, this user may have processes of their own. */
const inBuild = pid === 1 || ppid === 1;
const top = realpathSync(installed);
for (const [name, all] of chosen) {
  // An earlier script may have removed the folder, or put a link in its place.
  const copies = all.filter(({ folder, path }) => existsSync(folder) && realpathSync(folder) === join(top, path));
  if (copies.length === 0) continue;
  for (const { folder } of copies) chown(folder, USER);
  const drop = ['--reuid', `${USER}`, '--regid', `${USER}`, '--clear-groups', '--no-new-privs'];
  const rebuild = [
    'npm',
    'rebuild',
    '--no-bin-links',
    '--loglevel=error',
    '--no-update-notifier',
    '--no-audit',
    '--no-fund',
  ];
  const { status } = spawnSync('setpriv', [...drop, ...rebuild, name], {
    cwd: installed,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...env, HOME: home, npm_config_cache: join(home, 'cache'), npm_config_logs_max: '0' },
  });
  if (inBuild) endLeftovers();
  for (const { folder } of copies) if (existsSync(folder)) chown(folder, 0);
  if (status === 0) continue;
  if (copies.some(({ optional }) => !optional)) {
    console.error(`The install script of ${name} failed.`);
    exit(1);
  }
  // As npm does it: an optional package whose script fails is left out.
  console.error(`The install script of the optional package ${name} failed; the package is left out.`);
  for (const { folder } of copies) rmSync(folder, { recursive: true, force: true });
}
rmSync(home, { recursive: true });
JS
COPY <<'JS' /spread-over-layers.mjs
// Moves installed packages into folders, one per layer. Arguments: the list of layers, the folder of all layers. Each line of the
// list is the folder of a layer, and the packages in it. A package for another processor is not installed, and is skipped.
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { argv } from 'node:process';

const [, , list = '', layers = ''] = argv;
for (const line of readFileSync(list, 'utf8').trim().split('\n')) {
  const [layer = '', ...packages] = line.split(' ');
  mkdirSync(join(layers, layer), { recursive: true });
  for (const name of packages) {
    const from = join(layers, 'dependencies/app/node_modules', name);
    const to = join(layers, layer, 'app/node_modules', name);
    if (!existsSync(from)) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
}
JS

# The parent of stages from which the image only copies. image:build keeps the first base with this Node version here, so that a new
# digest of the base repeats the system packages only.
FROM base AS build-base

# Debian packages that every image contains.
FROM base AS system
ARG OPENCLAW_PACKAGES_DATE
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install ca-certificates curl git hostname lsof openssl procps python3 tini
SH

# Extra Debian packages. BuildKit builds this stage only if there are any: the next stage selects it.
FROM system AS system-with-apt
ARG OPENCLAW_IMAGE_APT_PACKAGES
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
set -f # a version may contain *
apt_install $OPENCLAW_IMAGE_APT_PACKAGES
SH

# The system packages, with the extra ones if there are any.
FROM system${OPENCLAW_IMAGE_APT_PACKAGES:+-with-apt} AS packages

# Extra Python packages.
FROM packages AS packages-with-pip
ARG OPENCLAW_IMAGE_PIP_PACKAGES
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install python3 python3-pip
SH
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=pip_index_url,env=PIP_INDEX_URL <<'SH'
. /helpers/prelude.sh
set -f # a version may contain *
python3 -m pip install --no-cache-dir --no-compile --break-system-packages --root-user-action=ignore -- $OPENCLAW_IMAGE_PIP_PACKAGES
same_system_times
SH

# The image so far, with the extra Python packages if there are any.
FROM packages${OPENCLAW_IMAGE_PIP_PACKAGES:+-with-pip} AS with-python

# The Chromium for one version of Playwright, in the folder where Playwright looks for it, owned by the user node.
FROM build-base AS browser-download
ARG OPENCLAW_PLAYWRIGHT_VERSION
ARG PLAYWRIGHT_DOWNLOAD_HOST
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm <<'SH'
. /helpers/prelude.sh
npm install --prefix /playwright --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "playwright-core@${OPENCLAW_PLAYWRIGHT_VERSION:-latest}"
SH
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca <<'SH'
. /helpers/prelude.sh
install -d -o 1000 -g 1000 /finished/browser/home/node /finished/browser/home/node/.cache /finished/browser/home/node/.cache/ms-playwright
export HOME=/tmp PLAYWRIGHT_BROWSERS_PATH=/finished/browser/home/node/.cache/ms-playwright
if [ -z "${PLAYWRIGHT_DOWNLOAD_HOST:-}" ]; then unset PLAYWRIGHT_DOWNLOAD_HOST; fi
setpriv --reuid=1000 --regid=1000 --clear-groups node /playwright/node_modules/playwright-core/cli.js install chromium
same_times
SH

# Chromium from browser-download, the Debian packages that it needs, and Xvfb.
FROM with-python AS with-python-and-browser-playwright
ARG OPENCLAW_PLAYWRIGHT_VERSION
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install xvfb
SH
RUN --mount=from=browser-download,source=/playwright,target=/playwright --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
node /playwright/node_modules/playwright-core/cli.js install-deps chromium
apt_clean
SH
COPY --link --from=browser-download /finished/browser /

# Debian's Chromium, for hosts that cannot reach Playwright's downloads.
FROM with-python AS with-python-and-browser-debian
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install chromium fonts-liberation xvfb
SH

# The image so far, with a browser if requested.
FROM with-python${OPENCLAW_INSTALL_BROWSER:+-and-browser-${OPENCLAW_BROWSER}} AS with-browser

# The Docker CLI and Compose of Debian 13, unpacked: no daemon, and none of the packages that Debian would install with them. They run
# with the base's C library, stay available, and apt checks their signatures.
FROM build-base AS docker-cli
ARG OPENCLAW_PACKAGES_DATE
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
mkdir -p /debian /finished/docker-cli
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >/debian/sources.list
apt_trixie() { apt-get -o Dir::Etc::SourceList=/debian/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/debian/lists -o Acquire::Retries=3 -qq "$@"; }
mkdir -p /debian/lists/partial
apt_trixie update
cd /debian
chmod a+rwx .
apt_trixie download 'docker-cli=26.1.5*' 'docker-compose=2.26.1*'
# Scanners read status.d, as in distroless images: dpkg does not know these programs.
mkdir -p /finished/docker-cli/var/lib/dpkg/status.d
for archive in *.deb; do
  dpkg-deb -x "$archive" unpacked
  dpkg-deb -f "$archive" >"/finished/docker-cli/var/lib/dpkg/status.d/$(dpkg-deb -f "$archive" Package)"
done
mkdir -p /finished/docker-cli/usr/bin /finished/docker-cli/usr/libexec/docker/cli-plugins
cp unpacked/usr/bin/docker /finished/docker-cli/usr/bin/
cp unpacked/usr/libexec/docker/cli-plugins/docker-compose /finished/docker-cli/usr/libexec/docker/cli-plugins/
same_times
SH

# The Docker CLI, for sandboxes in a Docker Engine whose socket is mounted.
FROM with-browser AS with-browser-and-docker-cli
COPY --link --from=docker-cli /finished/docker-cli /

# pnpm, for skills: Corepack would download it in every new container.
FROM build-base AS pnpm
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm --mount=type=tmpfs,target=/install <<'SH'
. /helpers/prelude.sh
cd /install
file=$(npm pack --ignore-scripts --silent pnpm@11.28.11)
echo "740184d10f81f5d5b165be88560ee7ba62406c4134896abc27a580109eec2f47c1e41d91251c944c2cababcb1c22461799ebb72de2ec625af2030b0e36c735a3  $file" | sha512sum --check --quiet
npm_global --prefix /finished/pnpm/usr/local "./$file"
same_times
SH

# Everything that does not depend on the gateway.
FROM with-browser${OPENCLAW_INSTALL_DOCKER_CLI:+-and-docker-cli} AS with-tools
COPY --link --from=pnpm /finished/pnpm /

# Files of the image itself. Owners are set here, because a later change would copy the files into another layer.
FROM build-base AS files
COPY <<'SH' /healthcheck.sh
#!/bin/sh
# Docker's health check: requests a path, /healthz, where the gateway listens. It uses no proxy. The gateway can listen on another port
# than the usual one (--port, or gateway.port in openclaw.json), and on another address than 127.0.0.1 (the bind tailnet).
set -u
path=$1
usual=${OPENCLAW_GATEWAY_PORT:-18789}

answers() { # SECONDS ADDRESS:PORT
  curl --silent --fail --output /dev/null --noproxy '*' --max-time "$1" "http://$2$path" ||
    curl --silent --fail --output /dev/null --noproxy '*' --max-time "$1" --insecure "https://$2$path"
}

# The sockets of this container's processes: with the host's network, /proc/net/tcp also lists those of others. Source: proc(5)
sockets=$(find /proc/[0-9]*/fd -lname 'socket:*' -printf '%l\n' 2>/dev/null | tr -dc '0-9\n' | tr '\n' ' ')
if [ -z "$sockets" ]; then
  answers 4 "127.0.0.1:$usual"
  exit
fi

# Lines of hexadecimal digits: the address, in reverse order of bytes, and the port.
listening=$(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
  awk -v sockets=" $sockets" '$4 == "0A" && index(sockets, " " $10 " ") { sub(":", " ", $2); print $2 }' | sort -u)

addresses() {
  echo "$listening" | while read -r address port; do
    [ -n "$port" ] || continue
    case $address in
    00000000 | ????????????????????????????????) host=127.0.0.1 ;;
    *)
      host=$(echo "$address" | sed 's/\(..\)\(..\)\(..\)\(..\)/0x\4 0x\3 0x\2 0x\1/' |
        { read -r a b c d && printf '%d.%d.%d.%d' "$a" "$b" "$c" "$d"; })
      ;;
    esac
    printf '%s:%d\n' "$host" "0x$port"
  done
}

# Other listeners, such as a server that an agent started, get a request only if nothing listens on the usual port.
seconds=1
known=$(addresses)
gateway=$(echo "$known" | grep -- ":$usual\$")
if [ -n "$gateway" ]; then seconds=4 known=$gateway; fi
for address in $known; do
  if answers "$seconds" "$address"; then exit 0; fi
done
exit 1
SH
RUN --mount=from=helpers,target=/helpers <<'SH'
. /helpers/prelude.sh
mkdir -p /finished/files/usr/local/bin /finished/files/app
ln -s /app/openclaw.mjs /finished/files/usr/local/bin/openclaw
cd /finished/files
install -m 755 /healthcheck.sh usr/local/bin/openclaw-healthcheck
# Any user may write here, as in /tmp: a container can run as another user (docker run --user, OpenShift, NAS systems).
for folder in . .local .local/bin .local/lib .openclaw .openclaw/workspace .config .config/openclaw; do
  install -d -o 1000 -g 1000 -m 1777 "home/node/$folder"
done
same_times
SH

# The gateway's package. image:build replaces this stage by a folder with a verified package: --build-context gateway=…
FROM build-base AS gateway
ARG OPENCLAW_PACKAGE
WORKDIR /fetched
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm --mount=from=programs,target=/programs <<'SH'
. /helpers/prelude.sh
mv "$(npm pack --ignore-scripts --silent "$OPENCLAW_PACKAGE")" package.tgz
mkdir dependencies
tar -xzf package.tgz --to-stdout package/package.json |
  node /programs/dependency-manifest.mjs  >dependencies/package.json
npm install --prefix dependencies --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
find . -mindepth 1 -maxdepth 1 -exec mv {} / \;
SH

# The locked dependencies of the gateway, without its version: a new version with the same dependencies does not install them again.
# A separate stage, so that the installation does not wait for the package. image:build replaces it by a folder.
FROM scratch AS gateway-dependencies
COPY --from=gateway /dependencies/ /

# Production dependencies, exactly as locked. Install scripts run only for packages that the gateway allows, without npm's tokens and
# without capabilities. The unpacked packages of an earlier version are updated, which gives the same files as unpacking all. The packages are then
# distributed over layers, so that an update of one package changes few layers.
FROM build-base AS dependencies
RUN --mount=from=gateway-dependencies,target=/locked --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm --mount=from=programs,target=/programs --mount=type=cache,target=/kept,id=openclaw-unpacked,sharing=locked <<'SH'
. /helpers/prelude.sh
# npm unpacks other optional packages for another processor or C library.
kept="/kept/$(node -p 'process.arch + "-" + process.versions.modules')"
# Without the marker the installation was interrupted, and is discarded.
[ -e "$kept/complete" ] || rm -rf "$kept"
mkdir -p "$kept/node_modules"
cd "$kept"
rm -rf complete git
cp /locked/package.json /locked/package-lock.json .
if [ -d /locked/git ]; then cp -a /locked/git .; fi
npm_production install --no-save --ignore-scripts
delete_sources ./node_modules
# npm trusts its list of installed packages only if no folder is newer.
touch node_modules/.package-lock.json complete
mkdir /app
cp -a node_modules /app/
cd /app
node /programs/run-install-scripts.mjs /locked /app
delete_sources ./node_modules
touch node_modules/.package-lock.json
mkdir -p /finished/dependencies/app
# Hard links: the stage package needs the complete /app too.
cp -al node_modules /finished/dependencies/app/
rm -f /finished/dependencies/app/node_modules/.package-lock.json
# Only image:build provides a list of layers; otherwise there is one layer.
if [ -e /locked/layers ]; then node /programs/spread-over-layers.mjs /locked/layers /finished; fi
same_times
SH

# The gateway's own files in layers, by how often they change, without type declarations and source maps. Runs in parallel with the
# installation of the dependencies.
FROM build-base AS unpacked
RUN --mount=from=helpers,target=/helpers --mount=from=gateway,target=/gateway <<'SH'
. /helpers/prelude.sh
mkdir -p /finished/docs/app/docs /finished/docs/app/skills /finished/control-ui/app/dist/control-ui /finished/server/app /package/files
cd /package/files
tar -xzf /gateway/package.tgz --strip-components=1 --no-same-owner --exclude='package/dist/*.d.*ts' --exclude='package/dist/*.map'
# A missing folder stays empty.
for name in docs skills; do if [ -e "$name" ]; then mv -T "$name" "/finished/docs/app/$name"; fi; done
if [ -e dist/control-ui ]; then mv -T dist/control-ui /finished/control-ui/app/dist/control-ui; fi
mv dist /finished/server/app/
# The stage package mounts the Control UI there.
mkdir /finished/server/app/dist/control-ui
if [ -e node_modules ]; then mv node_modules /package/; fi
same_modes /finished /package
same_times
SH

# The package's own install scripts, run on the complete gateway, without network: everything that an image contains is locked before
# the build. The layer contains the files that they write or change, those of dependencies too, the package's other files, bundled
# dependencies, and the lockfile, which changes with every version (npm ls reads it). /deleted lists the files that they delete.
FROM dependencies AS package
RUN --network=none --mount=from=helpers,target=/helpers \
    --mount=from=unpacked,source=/package,target=/package \
    --mount=from=unpacked,source=/finished/docs/app/docs,target=/app/docs,rw \
    --mount=from=unpacked,source=/finished/docs/app/skills,target=/app/skills,rw \
    --mount=from=unpacked,source=/finished/server/app/dist,target=/app/dist,rw \
    --mount=from=unpacked,source=/finished/control-ui/app/dist/control-ui,target=/app/dist/control-ui,rw \
    --mount=type=tmpfs,target=/tmp <<'SH'
. /helpers/prelude.sh
# npm fails at once, instead of trying again for minutes.
export HOME=/tmp npm_config_offline=true
cd /app
cp -a /package/files/. .
find docs skills dist node_modules | sort >/tmp/before
touch /tmp/begun
if [ -d /package/node_modules ]; then cp -a /package/node_modules/. node_modules/; fi
npm run --silent --if-present preinstall
npm run --silent --if-present postinstall
find docs skills dist node_modules | sort >/tmp/after
mkdir -p /finished/package/app/node_modules
comm -23 /tmp/before /tmp/after | sed '/^node_modules[/]/d' >/deleted
find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist ! -name docs ! -name skills -exec cp -a -t /finished/package/app/ {} +
# Copies new files, new empty folders and changed files.
{
  find docs skills dist node_modules -cnewer /tmp/begun ! -type d
  comm -13 /tmp/before /tmp/after
} | sort -u | sed '/^node_modules[/][.]cache/d' | tar --no-recursion --verbatim-files-from -T - -cf - | tar -xf - -C /finished/package/app
cp node_modules/.package-lock.json /finished/package/app/node_modules/
same_modes /finished
same_times
SH

# The gateway's files without those that its install scripts delete. In most releases they delete nothing, and this changes nothing.
# A separate stage, so that the package is unpacked while the dependencies are installed.
FROM unpacked AS installed-files
RUN --mount=from=helpers,target=/helpers --mount=from=package,source=/deleted,target=/deleted <<'SH'
. /helpers/prelude.sh
while IFS= read -r path; do
  for layer in docs control-ui server; do rm -rf "/finished/$layer/app/$path"; done
done </deleted
same_times
SH

# All layers of the image. It copies finished layers, so it waits only for the slowest of them. Files belong to root: the gateway
# writes only to /home/node and /tmp, and cannot change its own code.
FROM with-tools AS runtime
COPY --link --from=files /finished/files /
COPY --link --from=dependencies /finished/dependencies /
COPY --link --from=installed-files /finished/docs /
COPY --link --from=installed-files /finished/control-ui /
COPY --link --from=installed-files /finished/server /
COPY --link --from=package /finished/package /
WORKDIR /app
# A number: Kubernetes refuses names with runAsNonRoot. Any other user works too, so its home is set here.
USER 1000:1000
# Node's compile cache would be lost with the container. Writing it makes a start 20 % slower, and a command twice as slow.
ENV NODE_ENV=production \
    HOME=/home/node \
    NPM_CONFIG_PREFIX=/home/node/.local \
    PNPM_HOME=/home/node/.local \
    NODE_DISABLE_COMPILE_CACHE=1 \
    PATH=/home/node/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# A quick test of the finished layers: the gateway's command prints its version, and no link in /app leads nowhere. The image does not
# contain this stage. image:build builds it together with the image; with docker build: --target smoke-test.
FROM runtime AS smoke-test
RUN --network=none --mount=type=tmpfs,target=/tmp openclaw --version
RUN --network=none <<'SH'
set -eu
dangling=$(find /app -xtype l | head -n 5)
if [ -n "$dangling" ]; then
  echo "These links of the gateway lead nowhere, so a part of it is missing in the image:" >&2
  echo "$dangling" >&2
  exit 1
fi
SH

# The image: its settings, without a further layer.
FROM runtime AS image
EXPOSE 18789 18790
HEALTHCHECK --interval=30s --timeout=10s --start-period=300s --start-interval=2s --retries=3 \
    CMD ["openclaw-healthcheck", "/healthz"]
ENTRYPOINT ["tini", "-s", "--"]
CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]
# image:build provides these values. With plain docker build they are empty unless given as build arguments.
ARG OPENCLAW_BASE_NAME
ARG OPENCLAW_BASE_DIGEST
ARG OPENCLAW_SOURCE_URL
ARG OPENCLAW_URL
ARG OPENCLAW_DOCUMENTATION_URL
ARG OPENCLAW_LICENSES
ARG OPENCLAW_TITLE
ARG OPENCLAW_DESCRIPTION
ARG OPENCLAW_VERSION
ARG OPENCLAW_REVISION
ARG OPENCLAW_CREATED
LABEL org.opencontainers.image.base.name="${OPENCLAW_BASE_NAME}" \
      org.opencontainers.image.base.digest="${OPENCLAW_BASE_DIGEST}" \
      org.opencontainers.image.source="${OPENCLAW_SOURCE_URL}" \
      org.opencontainers.image.url="${OPENCLAW_URL}" \
      org.opencontainers.image.documentation="${OPENCLAW_DOCUMENTATION_URL}" \
      org.opencontainers.image.licenses="${OPENCLAW_LICENSES}" \
      org.opencontainers.image.title="${OPENCLAW_TITLE}" \
      org.opencontainers.image.description="${OPENCLAW_DESCRIPTION}" \
      org.opencontainers.image.version="${OPENCLAW_VERSION}" \
      org.opencontainers.image.revision="${OPENCLAW_REVISION}" \
      org.opencontainers.image.created="${OPENCLAW_CREATED}"
