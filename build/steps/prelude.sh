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
