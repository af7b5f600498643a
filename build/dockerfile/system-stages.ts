import type { Stage } from './stage.ts';
import { APT_MOUNTS, CA_MOUNT, CLEAN_APT, installPackages, LAYERS, NPM_MOUNTS, TRUST_CA } from './step.ts';

/** Section 3 of the contract, row "system packages". */
export const SYSTEM_PACKAGES = [
  'ca-certificates',
  'curl',
  'git',
  'hostname',
  'lsof',
  'openssl',
  'procps',
  'tini',
] as const;

export const BUILD_BASE: Stage = {
  name: 'build-base',
  from: 'base',
  why: `Where things are made that the image only copies. image:build keeps the first base that brought this Node here, so that
a new digest of it repeats the system packages, and nothing else.`,
  body: '',
};

export const SYSTEM: Stage = {
  name: 'system',
  from: 'base',
  why: 'Debian packages that every image needs.',
  body: installPackages(SYSTEM_PACKAGES.join(' ')),
};

export const SYSTEM_WITH_APT: Stage = {
  name: 'system-with-apt',
  from: 'system',
  why: 'Debian packages that were asked for. Reached only if there are any: see the stage `packages`.',
  body: `ARG OPENCLAW_IMAGE_APT_PACKAGES
${installPackages('$OPENCLAW_IMAGE_APT_PACKAGES')}`,
};

export const PACKAGES: Stage = {
  name: 'packages',
  from: 'system${OPENCLAW_IMAGE_APT_PACKAGES:+-with-apt}',
  why: 'The one or the other; what is not asked for is not built.',
  body: '',
};

export const PACKAGES_WITH_PIP: Stage = {
  name: 'packages-with-pip',
  from: 'packages',
  why: 'Python packages that were asked for.',
  body: `ARG OPENCLAW_IMAGE_PIP_PACKAGES
${installPackages('python3 python3-pip')}
RUN ${CA_MOUNT} --mount=type=secret,id=pip_index_url,env=PIP_INDEX_URL <<'SH'
set -efu
${TRUST_CA}
python3 -m pip install --no-cache-dir --no-compile --break-system-packages --root-user-action=ignore -- $OPENCLAW_IMAGE_PIP_PACKAGES
SH`,
};

export const EXTRAS: Stage = {
  name: 'extras',
  from: 'packages${OPENCLAW_IMAGE_PIP_PACKAGES:+-with-pip}',
  why: 'Likewise.',
  body: '',
};

const BROWSERS = '/home/node/.cache/ms-playwright';

export const BROWSER_DOWNLOAD: Stage = {
  name: 'browser-download',
  from: BUILD_BASE.name,
  why: `The Chromium that one version of Playwright is made for, where Playwright looks for it, and owned by the user node.`,
  body: `ARG OPENCLAW_PLAYWRIGHT_VERSION
ARG PLAYWRIGHT_DOWNLOAD_HOST
RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
npm install --prefix /playwright --no-audit --no-fund --no-update-notifier --loglevel=error "playwright-core@\${OPENCLAW_PLAYWRIGHT_VERSION:-latest}"
install -d -o 1000 -g 1000 ${LAYERS}/browser/home/node ${LAYERS}/browser/home/node/.cache ${LAYERS}/browser${BROWSERS}
export HOME=/tmp PLAYWRIGHT_BROWSERS_PATH=${LAYERS}/browser${BROWSERS}
if [ -z "\${PLAYWRIGHT_DOWNLOAD_HOST:-}" ]; then unset PLAYWRIGHT_DOWNLOAD_HOST; fi
setpriv --reuid=1000 --regid=1000 --clear-groups node /playwright/node_modules/playwright-core/cli.js install chromium
SH`,
};

export const WITH_BROWSER_PLAYWRIGHT: Stage = {
  name: 'extras-with-browser-playwright',
  from: 'extras',
  why: 'With what that Chromium needs of Debian, and Xvfb.',
  body: `ARG OPENCLAW_PLAYWRIGHT_VERSION
${installPackages('xvfb')}
RUN --mount=from=browser-download,source=/playwright,target=/playwright ${APT_MOUNTS} <<'SH'
set -eu
node /playwright/node_modules/playwright-core/cli.js install-deps chromium
${CLEAN_APT}
SH
COPY --link --from=browser-download ${LAYERS}/browser /`,
};

export const WITH_BROWSER_DEBIAN: Stage = {
  name: 'extras-with-browser-debian',
  from: 'extras',
  why: "Debian's Chromium, for hosts that do not reach Playwright's downloads.",
  body: installPackages('chromium fonts-liberation xvfb'),
};

export const BROWSED: Stage = {
  name: 'browsed',
  from: 'extras${OPENCLAW_INSTALL_BROWSER:+-with-browser-${OPENCLAW_BROWSER}}',
  why: 'Likewise.',
  body: '',
};

/** Debian 13's: it needs no newer C library than the base has, its version stays, and apt checks its signature. */
const DOCKER_CLI = ['docker-cli=26.1.5*', 'docker-compose=2.26.1*'] as const;

export const DOCKER_CLI_DOWNLOAD: Stage = {
  name: 'docker-cli',
  from: BUILD_BASE.name,
  why: 'The Docker CLI and Compose, unpacked: no daemon, and nothing of what Debian would install beside them.',
  body: `RUN ${APT_MOUNTS} <<'SH'
set -eu
mkdir -p /debian ${LAYERS}/docker-cli
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >/debian/sources.list
apt() { apt-get -o Dir::Etc::SourceList=/debian/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/debian/lists -o Acquire::Retries=3 -qq "$@"; }
mkdir -p /debian/lists/partial
apt update
cd /debian
chmod a+rwx .
apt download ${DOCKER_CLI.map((one) => `'${one}'`).join(' ')}
for archive in *.deb; do dpkg-deb -x "$archive" unpacked; done
mkdir -p ${LAYERS}/docker-cli/usr/bin ${LAYERS}/docker-cli/usr/libexec/docker/cli-plugins
cp unpacked/usr/bin/docker ${LAYERS}/docker-cli/usr/bin/
cp unpacked/usr/libexec/docker/cli-plugins/docker-compose ${LAYERS}/docker-cli/usr/libexec/docker/cli-plugins/
SH`,
};

export const WITH_DOCKER_CLI: Stage = {
  name: 'browsed-with-docker-cli',
  from: 'browsed',
  why: 'With that, for sandboxes on a Docker Engine whose socket is mounted.',
  body: `COPY --link --from=docker-cli ${LAYERS}/docker-cli /`,
};

export const EQUIPPED: Stage = {
  name: 'equipped',
  from: 'browsed${OPENCLAW_INSTALL_DOCKER_CLI:+-with-docker-cli}',
  why: 'Likewise.',
  body: '',
};

export const LAYOUT: Stage = {
  name: 'layout',
  from: BUILD_BASE.name,
  why: 'What belongs to the user node has its owner from the start: changing it later would copy it into another layer.',
  body: `RUN mkdir -p ${LAYERS}/layout/usr/local/bin && \\
    ln -s /app/openclaw.mjs ${LAYERS}/layout/usr/local/bin/openclaw && \\
    cd ${LAYERS}/layout && \\
    install -d -o 1000 -g 1000 home/node home/node/.local home/node/.local/bin && \\
    install -d -o 1000 -g 1000 -m 700 home/node/.openclaw home/node/.openclaw/workspace home/node/.config home/node/.config/openclaw`,
};
