# Rendered by openclaw-image (npm run image:render). Change build/dockerfile, not this file.
#
# BuildKit runs only the stages that the last one needs, so optional stages cost nothing. FROM a${B:+-c} means: a if B is empty, else a-c.
# Optional secrets: ca (PEM file), npmrc (with tokens), npm_registry (npmrc without tokens), pip_index_url.

# Settings and shell functions of the steps below. They mount this stage, so the image does not contain it.
FROM scratch AS helpers
COPY <<'SH' /prelude.sh
# shellcheck shell=sh
# Sourced by the steps of a build: settings and functions that several of them need.
set -eu

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

# Deletes the files of an installation that differ from run to run.
apt_clean() {
  find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \
    \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
}

# npm unpacks small files one after the other: with four threads, 333 packages take 10.2 s on two cores, with one 7.5 s.
npm_production() { # ci | install ...; needs the mount /programs
  UV_THREADPOOL_SIZE=1 node --require /programs/npm-filter.cjs "$(command -v npm)" "$@" \
    --omit=dev --omit=peer --no-audit --no-fund --no-update-notifier --loglevel=error
}

npm_global() { # PACKAGE ...
  npm install --global --no-audit --no-fund --no-update-notifier --loglevel=error "$@"
}

# Deletes type declarations, source maps and TypeScript sources, which no program reads at run time, and empty folders.
# npm-filter.cjs has the same patterns.
delete_sources() { # FOLDER ...
  find "$@" -mindepth 1 -regextype posix-extended \
    \( -type f -regex '.*(\.d\.[cm]?ts|\.map|[/]node_modules[/].*\.([cm]?ts|tsx))' \
    ! -regex '.*[/]node_modules[/](typescript|@types)[/].*' -o -type d -empty \) -delete
}

# Sets the time of every file to npm pack's constant, so that equal contents give equal layers.
same_times() {
  find /layers -newermt @499162500 -exec touch --no-dereference --date=@499162500 {} +
}
SH

# The parent image of all sandboxes. To replace it: --build-context debian=…
FROM debian:bookworm-slim@sha256:98f4b71de414932439ac6ac690d7060df1f27161073c5036a7553723881bffbe AS debian

# The gateway's base, from which Node is copied.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS node

# openclaw-sandbox: programs that most tools need, and an unprivileged user.
FROM debian AS sandbox
RUN useradd --uid 1000 --create-home --shell /bin/bash sandbox
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install bash ca-certificates curl git jq python3 ripgrep
SH
USER sandbox
WORKDIR /home/sandbox
CMD ["sleep", "infinity"]

# pnpm and Bun, from npm.
FROM node AS tools
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm <<'SH'
. /helpers/prelude.sh
npm_global --prefix /layers/tools/usr/local pnpm@11.28.11 bun@1.4.4
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
COPY --link --from=node /usr/local /usr/local
COPY --link --from=tools /layers/tools /
USER sandbox
WORKDIR /home/sandbox

# openclaw-sandbox-browser: adds Chromium on a virtual screen, DevTools for one address range, and noVNC with a password.
FROM sandbox AS sandbox-browser
USER root
RUN --mount=from=helpers,target=/helpers --mount=type=secret,id=ca \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked <<'SH'
. /helpers/prelude.sh
apt_install chromium fonts-liberation fonts-noto-color-emoji novnc socat websockify x11vnc xvfb
SH
COPY --link --chmod=755 browser /usr/local/bin/openclaw-sandbox-browser
COPY --link --chmod=755 cdp-relay /usr/local/bin/openclaw-sandbox-cdp-relay
LABEL org.openclaw.sandbox-browser.contract="2026-05-12-cdp-relay-auth"
USER sandbox
WORKDIR /home/sandbox
EXPOSE 9222 5900 6080
CMD ["openclaw-sandbox-browser"]
