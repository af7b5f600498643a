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
