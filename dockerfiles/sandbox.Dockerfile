# Rendered by openclaw-image (npm run image:render): change build/dockerfile, not this file.
#
# A stage that was not asked for costs nothing: BuildKit builds only what the last one needs.
# Secrets, all optional: ca (PEM), npmrc, pip_index_url.

# The parent image of all three. Another one: --build-context debian=…
FROM debian:bookworm-slim@sha256:98f4b71de414932439ac6ac690d7060df1f27161073c5036a7553723881bffbe AS debian

# Node, from the gateway's base.
FROM node:24-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d AS node

# openclaw-sandbox: what most tools need, and a user without rights.
FROM debian AS sandbox
RUN useradd --uid 1000 --create-home --shell /bin/bash sandbox
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
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- bash ca-certificates curl git jq python3 ripgrep
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH
USER sandbox
WORKDIR /home/sandbox
CMD ["sleep", "infinity"]

# pnpm and Bun, from npm.
FROM node AS tools
RUN --mount=type=secret,id=ca --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm <<'SH'
set -eu
if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi
npm install --global --prefix /layers/tools/usr/local --no-audit --no-fund --no-update-notifier --loglevel=error pnpm@11.28.11 bun@1.4.4
SH

# openclaw-sandbox-common: with compilers, Go, Rust, Node, pnpm and Bun.
FROM sandbox AS sandbox-common
USER root
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
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- build-essential cargo file golang-go pkg-config rustc unzip wget xz-utils
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH
COPY --link --from=node /usr/local /usr/local
COPY --link --from=tools /layers/tools /
USER sandbox
WORKDIR /home/sandbox

# openclaw-sandbox-browser: Chromium on a virtual screen, with DevTools for an address range and noVNC behind a password.
FROM sandbox AS sandbox-browser
USER root
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
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- chromium fonts-liberation fonts-noto-color-emoji novnc socat websockify x11vnc xvfb
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \) -delete
SH
COPY --link --chmod=755 browser /usr/local/bin/openclaw-sandbox-browser
COPY --link --chmod=755 cdp-relay /usr/local/bin/openclaw-sandbox-cdp-relay
LABEL org.openclaw.sandbox-browser.contract="2026-05-12-cdp-relay-auth"
USER sandbox
WORKDIR /home/sandbox
EXPOSE 9222 5900 6080
CMD ["openclaw-sandbox-browser"]
