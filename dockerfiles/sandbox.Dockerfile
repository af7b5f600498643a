# Rendered by openclaw-image (npm run image:render). Change build/dockerfile, not this file.
#
# BuildKit runs only the stages that the last one needs, so optional stages cost nothing. FROM a${B:+-c} means: a if B is empty, else a-c.
# Optional secrets: ca (PEM file), npmrc (with tokens), npm_registry (npmrc without tokens), pip_index_url.
#
# The stages, in order:
#   helpers           Settings and shell functions of the steps below
#   debian            The parent image of all sandboxes
#   node              The gateway's base, from which Node is copied
#   sandbox           openclaw-sandbox
#   tools             pnpm and Bun, from npm, beside Node
#   sandbox-common    openclaw-sandbox-common
#   browser-programs  The programs that start the browser, and guard its DevTools
#   sandbox-browser   openclaw-sandbox-browser

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

# The parent image of all sandboxes. To replace it: --build-context debian=…
FROM debian:bookworm-slim@sha256:98f4b71de414932439ac6ac690d7060df1f27161073c5036a7553723881bffbe AS debian

# The gateway's base, from which Node is copied.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS node

# openclaw-sandbox: programs that most tools need, and an unprivileged user.
FROM debian AS sandbox
RUN --mount=from=helpers,target=/helpers <<'SH'
. /helpers/prelude.sh
useradd --uid 1000 --create-home --shell /bin/bash sandbox
same_accounts
same_system_times
SH
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install bash ca-certificates curl git jq python3 ripgrep
SH
USER sandbox
WORKDIR /home/sandbox
CMD ["sleep", "infinity"]

# pnpm and Bun, from npm, beside Node.
FROM node AS tools
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm <<'SH'
. /helpers/prelude.sh
mkdir -p /finished/node/usr
cp -a /usr/local /finished/node/usr/
npm_global --prefix /finished/tools/usr/local pnpm@11.28.11 bun@1.4.4
SH
RUN --network=none --mount=from=helpers,target=/helpers <<'SH'
. /helpers/prelude.sh
finish_bun /finished/tools/usr/local/lib/node_modules
same_times
SH

# openclaw-sandbox-common: adds compilers, Go, Rust, Node, pnpm and Bun.
FROM sandbox AS sandbox-common
USER root
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install build-essential cargo file golang-go pkg-config rustc unzip wget xz-utils
SH
COPY --link --from=tools /finished/node /
COPY --link --from=tools /finished/tools /
USER sandbox
WORKDIR /home/sandbox

# The programs that start the browser, and guard its DevTools.
FROM debian AS browser-programs
RUN --mount=from=helpers,target=/helpers --mount=target=/source <<'SH'
. /helpers/prelude.sh
cd /source
for name in browser cdp-relay; do
  install -D "$name" "/finished/programs/usr/local/bin/openclaw-sandbox-$name"
done
same_times
SH

# openclaw-sandbox-browser: adds Chromium on a virtual screen, DevTools for one address range, and noVNC with a password.
FROM sandbox AS sandbox-browser
USER root
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install chromium fonts-liberation fonts-noto-color-emoji novnc socat websockify x11vnc xvfb
SH
COPY --link --from=browser-programs /finished/programs /
LABEL org.openclaw.sandbox-browser.contract="2026-05-12-cdp-relay-auth"
USER sandbox
WORKDIR /home/sandbox
EXPOSE 9222 5900 6080
CMD ["openclaw-sandbox-browser"]
