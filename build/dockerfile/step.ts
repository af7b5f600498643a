// What the steps of several stages share: mounts, and lines of shell.

/** The folder in which a stage lays out a layer just as it is to stand in the image. */
export const LAYERS = '/layers';

/** Downloads from behind a proxy that inspects TLS need its authority; it is a secret, so no layer and no log holds it. */
export const CA_MOUNT = '--mount=type=secret,id=ca';
export const TRUST_CA =
  'if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca; fi';
/** Registries and their tokens, and the authority behind which they stand. */
export const REGISTRY_MOUNTS = `${CA_MOUNT} --mount=type=secret,id=npmrc,target=/root/.npmrc`;
export const NPM_MOUNTS = `${REGISTRY_MOUNTS} --mount=type=cache,target=/root/.npm`;
export const APT_MOUNTS = `${CA_MOUNT} \\
    --mount=type=cache,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked`;
/** What is installed and then thinned out never reaches a disk: only what is kept is written, once. */
export const INSTALL_MOUNT = '--mount=type=tmpfs,target=/install';
const NPM_FLAGS = '--omit=dev --omit=peer --no-audit --no-fund --no-update-notifier --loglevel=error';
/**
 * npm unpacks small files one after the other: four threads mostly wait for each other, and take a third longer in all
 * (7.5 instead of 10.2 s for 333 packages on two cores).
 */
const ONE_THREAD = 'UV_THREADPOOL_SIZE=1';
/** What the lockfile says, from nothing. */
export const NPM_INSTALL = `${ONE_THREAD} npm ci ${NPM_FLAGS}`;
/** What the lockfile says, from what is installed already. */
export const NPM_UPDATE = `${ONE_THREAD} npm install --no-save ${NPM_FLAGS}`;

/** From npm, whose integrity hash stands for it; no script from the network is run. */
export const BUN = 'bun@1.4.4';

/** What an installation leaves behind that differs from run to run. */
export const CLEAN_APT =
  "find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \\( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \\) -delete";

/** Installs Debian packages and leaves nothing of the installation behind that differs from run to run. */
export const installPackages = (names: string): string => `RUN ${APT_MOUNTS} <<'SH'
set -efu
apt() { apt-get -o Acquire::https::CAInfo="$(ls /run/secrets/ca 2>/dev/null)" -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- ${names}
${CLEAN_APT}
SH`;

/**
 * Deletes what no program reads at run time: type declarations, source maps, and the TypeScript sources of installed packages,
 * which Node refuses to run (https://nodejs.org/api/typescript.html#type-stripping-in-dependencies). The compiler that some
 * plugins bring reads its own. They are more than half of the files of the dependencies, each of which would be written,
 * packed and unpacked.
 */
export const deleteSources = (folder: string): string =>
  `find ${folder} -type f \\( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' -o -path '*/node_modules/*.[cm]ts' -o -path '*/node_modules/*.ts' -o -path '*/node_modules/*.tsx' \\) ! -path '*/node_modules/typescript/*' ! -path '*/node_modules/@types/*' -delete`;
