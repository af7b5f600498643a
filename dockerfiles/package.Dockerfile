# Rendered by openclaw-image (npm run image:render): change build/dockerfile, not this file.
#
# A stage that was not asked for costs nothing: BuildKit builds only what the last one needs.
# Secrets, all optional: ca (PEM), npmrc, pip_index_url.

# the gateway, as npm names it
ARG OPENCLAW_PACKAGE="openclaw@latest"
# extra Debian packages, separated by spaces
ARG OPENCLAW_DOCKER_APT_PACKAGES=""
# the same, by its newer name
ARG OPENCLAW_IMAGE_APT_PACKAGES="${OPENCLAW_DOCKER_APT_PACKAGES}"
# extra Python packages, separated by spaces
ARG OPENCLAW_IMAGE_PIP_PACKAGES=""
# anything: bake Chromium and Xvfb
ARG OPENCLAW_INSTALL_BROWSER=""
# which Chromium: playwright or debian
ARG OPENCLAW_BROWSER="playwright"
# of playwright-core, as the gateway depends on it
ARG OPENCLAW_PLAYWRIGHT_VERSION="latest"
# a mirror of Playwright's downloads
ARG PLAYWRIGHT_DOWNLOAD_HOST=""
# anything: bake the Docker CLI
ARG OPENCLAW_INSTALL_DOCKER_CLI=""

# The parent image. Another one: --build-context base=docker-image://… or oci-layout://…
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS base

# Where things are made that the image only copies. image:build keeps the first base that brought this Node here, so that
# a new digest of it repeats the system packages, and nothing else.
FROM base AS build-base

# Debian packages that every image needs.
FROM base AS system
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -efu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
apt() { apt-get -o Acquire::https::CAInfo="${SSL_CERT_FILE:-}" -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- ca-certificates curl git hostname lsof openssl procps tini
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH

# Debian packages that were asked for. Reached only if there are any: see the stage `packages`.
FROM system AS system-with-apt
ARG OPENCLAW_IMAGE_APT_PACKAGES
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -efu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
apt() { apt-get -o Acquire::https::CAInfo="${SSL_CERT_FILE:-}" -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- $OPENCLAW_IMAGE_APT_PACKAGES
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH

# The one or the other; what is not asked for is not built.
FROM system${OPENCLAW_IMAGE_APT_PACKAGES:+-with-apt} AS packages

# Python packages that were asked for.
FROM packages AS packages-with-pip
ARG OPENCLAW_IMAGE_PIP_PACKAGES
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -efu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
apt() { apt-get -o Acquire::https::CAInfo="${SSL_CERT_FILE:-}" -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- python3 python3-pip
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH
RUN --mount=type=secret,id=ca --mount=type=secret,id=pip_index_url,env=PIP_INDEX_URL <<'SH'
set -efu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
python3 -m pip install --no-cache-dir --no-compile --break-system-packages --root-user-action=ignore -- $OPENCLAW_IMAGE_PIP_PACKAGES
SH

# Likewise.
FROM packages${OPENCLAW_IMAGE_PIP_PACKAGES:+-with-pip} AS extras

# The Chromium that one version of Playwright is made for, where Playwright looks for it, and owned by the user node.
FROM build-base AS browser-download
ARG OPENCLAW_PLAYWRIGHT_VERSION
ARG PLAYWRIGHT_DOWNLOAD_HOST
RUN --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm <<'SH'
set -eu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
npm install --prefix /playwright --no-audit --no-fund --no-update-notifier --loglevel=error "playwright-core@${OPENCLAW_PLAYWRIGHT_VERSION:-latest}"
install -d -o 1000 -g 1000 /layers/browser/home/node /layers/browser/home/node/.cache /layers/browser/home/node/.cache/ms-playwright
export HOME=/tmp PLAYWRIGHT_BROWSERS_PATH=/layers/browser/home/node/.cache/ms-playwright
if [ -z "${PLAYWRIGHT_DOWNLOAD_HOST:-}" ]; then unset PLAYWRIGHT_DOWNLOAD_HOST; fi
setpriv --reuid=1000 --regid=1000 --clear-groups node /playwright/node_modules/playwright-core/cli.js install chromium
SH

# With what that Chromium needs of Debian, and Xvfb.
FROM extras AS extras-with-browser-playwright
ARG OPENCLAW_PLAYWRIGHT_VERSION
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -efu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
apt() { apt-get -o Acquire::https::CAInfo="${SSL_CERT_FILE:-}" -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- xvfb
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH
RUN --mount=from=browser-download,source=/playwright,target=/playwright --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -eu
node /playwright/node_modules/playwright-core/cli.js install-deps chromium
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH
COPY --link --from=browser-download /layers/browser /

# Debian's Chromium, for hosts that do not reach Playwright's downloads.
FROM extras AS extras-with-browser-debian
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -efu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
apt() { apt-get -o Acquire::https::CAInfo="${SSL_CERT_FILE:-}" -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- chromium fonts-liberation xvfb
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH

# Likewise.
FROM extras${OPENCLAW_INSTALL_BROWSER:+-with-browser-${OPENCLAW_BROWSER}} AS browsed

# The Docker CLI and Compose, unpacked: no daemon, and nothing of what Debian would install beside them.
FROM build-base AS docker-cli
RUN --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
set -eu
mkdir -p /debian /layers/docker-cli
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >/debian/sources.list
apt() { apt-get -o Dir::Etc::SourceList=/debian/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/debian/lists -o Acquire::Retries=3 -qq "$@"; }
mkdir -p /debian/lists/partial
apt update
cd /debian
chmod a+rwx .
apt download 'docker-cli=26.1.5*' 'docker-compose=2.26.1*'
for archive in *.deb; do dpkg-deb -x "$archive" unpacked; done
mkdir -p /layers/docker-cli/usr/bin /layers/docker-cli/usr/libexec/docker/cli-plugins
cp unpacked/usr/bin/docker /layers/docker-cli/usr/bin/
cp unpacked/usr/libexec/docker/cli-plugins/docker-compose /layers/docker-cli/usr/libexec/docker/cli-plugins/
SH

# With that, for sandboxes on a Docker Engine whose socket is mounted.
FROM browsed AS browsed-with-docker-cli
COPY --link --from=docker-cli /layers/docker-cli /

# Likewise.
FROM browsed${OPENCLAW_INSTALL_DOCKER_CLI:+-with-docker-cli} AS equipped

# What belongs to the user node has its owner from the start: changing it later would copy it into another layer.
FROM build-base AS layout
RUN mkdir -p /layers/layout/usr/local/bin && \
    ln -s /app/openclaw.mjs /layers/layout/usr/local/bin/openclaw && \
    cd /layers/layout && \
    install -d -o 1000 -g 1000 home/node home/node/.local home/node/.local/bin && \
    install -d -o 1000 -g 1000 -m 700 home/node/.openclaw home/node/.openclaw/workspace home/node/.config home/node/.config/openclaw

# The gateway's package. image:build puts a folder here in which it is resolved and verified: --build-context gateway=…
FROM build-base AS gateway
ARG OPENCLAW_PACKAGE
WORKDIR /fetched
RUN --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm <<'SH'
set -eu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
mv "$(npm pack --silent "$OPENCLAW_PACKAGE")" package.tgz
mkdir dependencies
cat >/tmp/manifest.cjs <<'JS'
const p = JSON.parse(require("fs").readFileSync(0, "utf8")), b = p.bundleDependencies ?? [];
const own = (group) => Object.fromEntries(Object.entries(group ?? {}).filter(([name]) => b !== true && !b.includes(name)));
const allowScripts = {};
console.log(JSON.stringify({ private: true, dependencies: own(p.dependencies), optionalDependencies: own(p.optionalDependencies), allowScripts }));
JS
tar -xzf package.tgz --to-stdout package/package.json | node /tmp/manifest.cjs >dependencies/package.json
npm install --prefix dependencies --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
find . -mindepth 1 -maxdepth 1 -exec mv {} / \;
SH

# What the gateway depends on, without its version, so that a new version with the same dependencies installs none.
# Apart from the package, so that installing does not wait for that. Likewise a folder in image:build.
FROM scratch AS gateway-dependencies
COPY --from=gateway /dependencies/ /

# Production dependencies, exactly those of the lockfile; install scripts run only for packages that the gateway allows.
# What an earlier version installed is brought up to date, which gives the same files as installing all of them.
# They are spread over layers, large packages one by one, so that an update of one sends few others again.
FROM build-base AS dependencies
RUN --mount=from=gateway-dependencies,target=/locked --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm --mount=type=cache,target=/kept,id=openclaw-installed,sharing=locked <<'SH'
set -eu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
# Install scripts compile for a processor and a version of Node's binary interface.
kept="/kept/$(node -p 'process.arch + "-" + process.versions.modules')"
# What was cut off is no installation.
[ -e "$kept/complete" ] || rm -rf "$kept"
mkdir -p "$kept/node_modules"
cd "$kept"
rm -f complete
cp /locked/package.json /locked/package-lock.json .
cat >/tmp/unpack-less.cjs <<'JS'
const { readFileSync, realpathSync } = require("node:fs");
const { createRequire } = require("node:module");
const { join, relative } = require("node:path");
const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const isSource = (path) => /^.*(\.d\.[cm]?ts|\.map|[/]node_modules[/].*\.([cm]?ts|tsx))$/.test(path) && !/^.*[/]node_modules[/](typescript|@types)[/].*$/.test(path);
try {
  const npm = createRequire(realpathSync(process.argv[1]));
  const tar = npm("tar");
  const x = (options, ...rest) => {
    const hasInstallScript = packages[relative("", options.cwd)]?.hasInstallScript ?? false;
    const filter = (path, entry) =>
      (hasInstallScript || !isSource(join(options.cwd, path))) && (options.filter?.(path, entry) ?? true);
    return tar.x({ ...options, filter }, ...rest);
  };
  require.cache[npm.resolve("tar")].exports = { ...tar, x };
} catch {}
JS
UV_THREADPOOL_SIZE=1 node --require /tmp/unpack-less.cjs "$(command -v npm)" install --no-save --omit=dev --omit=peer --no-audit --no-fund --no-update-notifier --loglevel=error
find ./node_modules -mindepth 1 -regextype posix-extended \( -type f -regex '.*(\.d\.[cm]?ts|\.map|[/]node_modules[/].*\.([cm]?ts|tsx))' ! -regex '.*[/]node_modules[/](typescript|@types)[/].*' -o -type d -empty \) -delete
# npm believes its list of what is installed where no folder is newer.
touch node_modules/.package-lock.json complete
mkdir /app
cp -a node_modules /app/
cd /app
mkdir -p /layers/dependencies/app
cp -al node_modules /layers/dependencies/app/
rm -f /layers/dependencies/app/node_modules/.package-lock.json
# Without image:build there is no list of layers, and one for all.
if [ -e /locked/layers ]; then
  node - <<'JS'
const { existsSync, mkdirSync, readFileSync, renameSync } = require("node:fs");
const { dirname } = require("node:path");
for (const line of readFileSync("/locked/layers", "utf8").trim().split("\n")) {
  const [layer, ...packages] = line.split(" ");
  mkdirSync("/layers/" + layer, { recursive: true });
  for (const name of packages) {
    const from = "/layers/dependencies/app/node_modules/" + name;
    const to = "/layers/" + layer + "/app/node_modules/" + name;
    if (!existsSync(from)) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
}
JS
fi
SH

# The gateway's own files, laid out by how often they change, without type declarations and source maps. Runs beside the
# installation of the dependencies.
FROM build-base AS unpacked
RUN --mount=from=gateway,target=/gateway <<'SH'
set -eu
mkdir -p /layers/docs/app/docs /layers/docs/app/skills /layers/control-ui/app/dist/control-ui /layers/server/app /package/files
cd /package/files
tar -xzf /gateway/package.tgz --strip-components=1 --no-same-owner --exclude='package/dist/*.d.*ts' --exclude='package/dist/*.map'
# An empty folder takes the place of one that is not there.
for name in docs skills; do if [ -e "$name" ]; then mv -T "$name" "/layers/docs/app/$name"; fi; done
if [ -e dist/control-ui ]; then mv -T dist/control-ui /layers/control-ui/app/dist/control-ui; fi
mv dist /layers/server/app/
mkdir /layers/server/app/dist/control-ui
if [ -e node_modules ]; then mv node_modules /package/; fi
find /layers -newermt @499162500 -exec touch --no-dereference --date=@499162500 {} +
SH

# The package's own install scripts, run on the whole gateway. What they write joins the package's other files; dist/ is
# in a layer already, which did not wait for the dependencies. The lockfile of what was installed goes here too
# (npm ls reads it), because it changes with the version; so does what the package carries in node_modules itself.
FROM dependencies AS package
RUN --mount=from=unpacked,source=/package,target=/package \
    --mount=from=unpacked,source=/layers/docs/app/docs,target=/app/docs \
    --mount=from=unpacked,source=/layers/docs/app/skills,target=/app/skills \
    --mount=from=unpacked,source=/layers/server/app/dist,target=/app/dist,rw \
    --mount=from=unpacked,source=/layers/control-ui/app/dist/control-ui,target=/app/dist/control-ui \
    --mount=type=tmpfs,target=/tmp <<'SH'
set -eu
export HOME=/tmp
cd /app
cp -a /package/files/. .
find dist -path dist/control-ui -prune -o -type f -print | sort >/tmp/before
touch /tmp/begun
npm run --silent --if-present preinstall
npm run --silent --if-present postinstall
find dist -path dist/control-ui -prune -o -type f -print | sort >/tmp/after
if comm -23 /tmp/before /tmp/after | grep . >&2; then
  echo "An install script of the gateway deletes these files: they stand in a layer that it cannot change." >&2
  exit 1
fi
mkdir -p /layers/package/app/node_modules
find . -mindepth 1 -maxdepth 1 ! -name node_modules ! -name dist ! -name docs ! -name skills -exec cp -a -t /layers/package/app/ {} +
find dist -path dist/control-ui -prune -o -type f -newer /tmp/begun -print0 | tar --null -T - -cf - | tar -xf - -C /layers/package/app
cp node_modules/.package-lock.json /layers/package/app/node_modules/
if [ -d /package/node_modules ]; then cp -a /package/node_modules/. /layers/package/app/node_modules/; fi
SH

# The image. It copies layers that stand ready, so it waits for nothing but the slowest of them. Files belong to root:
# the gateway writes to /home/node and /tmp only, and what it cannot write no one can change through it.
FROM equipped AS runtime
WORKDIR /app
COPY --link --from=layout /layers/layout /
COPY --link --from=dependencies /layers/dependencies /
COPY --link --from=unpacked /layers/docs /
COPY --link --from=unpacked /layers/control-ui /
COPY --link --from=unpacked /layers/server /
COPY --link --from=package /layers/package /
USER node
# Node's compile cache would go with its container: to write it makes a gateway's start a fifth longer, and a command twice as long.
ENV NODE_ENV=production \
    NODE_DISABLE_COMPILE_CACHE=1 \
    PATH=/home/node/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
EXPOSE 18789 18790
HEALTHCHECK --interval=30s --timeout=10s --start-period=300s --start-interval=2s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPENCLAW_GATEWAY_PORT || 18789) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["tini", "-s", "--"]
CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]
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
