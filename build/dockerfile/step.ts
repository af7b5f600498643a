// What the steps of several stages share: mounts, and lines of shell.

/** The folder in which a stage lays out a layer just as it is to stand in the image. */
export const LAYERS = '/layers';

/**
 * Gives all that goes into layers the time that `npm pack` gives its files: what holds the same is the same layer then, whoever
 * made it and when. BuildKit takes one for the other by their contents alone, so that otherwise a build after one of the other kind
 * had its times, and another digest than elsewhere.
 */
export const SAME_TIMES = `find ${LAYERS} -newermt @499162500 -exec touch --no-dereference --date=@499162500 {} +`;

/**
 * Downloads from behind a proxy that inspects TLS need its authority, beside those that everybody trusts: not every host is
 * inspected. It is a secret, so no layer and no log holds it: what is made of it stands in memory, which a step has for itself.
 */
export const CA_MOUNT = '--mount=type=secret,id=ca';
export const TRUST_CA = `if [ -s /run/secrets/ca ]; then
  { cat /run/secrets/ca; echo; cat /etc/ssl/certs/ca-certificates.crt 2>/dev/null || true; } >/dev/shm/ca.pem
  export NODE_EXTRA_CA_CERTS=/dev/shm/ca.pem SSL_CERT_FILE=/dev/shm/ca.pem PIP_CERT=/dev/shm/ca.pem GIT_SSL_CAINFO=/dev/shm/ca.pem
fi`;
/** Registries and their tokens, and the authority behind which they stand. */
export const REGISTRY_MOUNTS = `${CA_MOUNT} --mount=type=secret,id=npmrc,target=/root/.npmrc`;
export const NPM_MOUNTS = `${REGISTRY_MOUNTS} --mount=type=cache,target=/root/.npm`;
export const APT_MOUNTS = `${CA_MOUNT} \\
    --mount=type=cache,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked`;
/** What is installed and then thinned out never reaches a disk: only what is kept is written, once. */
export const INSTALL_MOUNT = '--mount=type=tmpfs,target=/install';
/** From npm, whose integrity hash stands for it; no script from the network is run. */
export const BUN = 'bun@1.4.4';

/** What an installation leaves behind that differs from run to run. */
export const CLEAN_APT =
  "find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \\( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \\) -delete";

/**
 * Installs Debian packages and leaves nothing of the installation behind that differs from run to run. dpkg need not wait for the disk
 * after each file: a step that is cut off begins anew. Debian's own images say so too; without it Chromium and g++ take 121 s, not 91.
 */
export const installPackages = (names: string): string => `RUN ${APT_MOUNTS} <<'SH'
set -efu
${TRUST_CA}
apt() { apt-get -o Acquire::https::CAInfo="\${SSL_CERT_FILE:-}" -o Acquire::Retries=3 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- ${names}
${CLEAN_APT}
SH`;
