import { copyFiles } from './helpers.ts';
import type { Stage } from './stage.ts';
import {
  APT_MOUNTS,
  CA_MOUNTS,
  HELPERS_MOUNT,
  INSTALL_MOUNT,
  installPackages,
  LAYERS,
  NPM_MOUNTS,
  PNPM,
  PNPM_SHA512,
  PRELUDE,
  run,
} from './step.ts';

/** The Debian packages of the image contract. */
export const SYSTEM_PACKAGES = [
  'ca-certificates',
  'curl',
  'git',
  'hostname',
  'lsof',
  'openssl',
  'procps',
  'python3',
  'tini',
] as const;

/**
 * The argument that installs the Debian packages again, in the versions that Debian serves then. It is a part of the steps, because
 * BuildKit's option --no-cache-filter repeats them, but still takes the results of later steps from the cache.
 */
export const PACKAGES_DATE = 'OPENCLAW_PACKAGES_DATE';

export const BUILD_BASE: Stage = {
  name: 'build-base',
  from: 'base',
  why: `The parent of stages from which the image only copies. image:build keeps the first base with this Node version here, so that a new
digest of the base repeats the system packages only.`,
  body: '',
};

export const SYSTEM: Stage = {
  name: 'system',
  from: 'base',
  why: 'Debian packages that every image contains.',
  body: `ARG ${PACKAGES_DATE}
${installPackages(SYSTEM_PACKAGES.join(' '))}`,
};

export const SYSTEM_WITH_APT: Stage = {
  name: 'system-with-apt',
  from: 'system',
  why: 'Extra Debian packages. BuildKit builds this stage only if there are any: the next stage selects it.',
  body: `ARG OPENCLAW_IMAGE_APT_PACKAGES
${run(APT_MOUNTS, 'set -f # a version may contain *\napt_install $OPENCLAW_IMAGE_APT_PACKAGES')}`,
};

export const PACKAGES: Stage = {
  name: 'packages',
  from: 'system${OPENCLAW_IMAGE_APT_PACKAGES:+-with-apt}',
  why: 'The system packages, with the extra ones if there are any.',
  body: '',
};

export const PACKAGES_WITH_PIP: Stage = {
  name: 'packages-with-pip',
  from: 'packages',
  why: 'Extra Python packages.',
  body: `ARG OPENCLAW_IMAGE_PIP_PACKAGES
${installPackages('python3 python3-pip')}
${run(
  `${CA_MOUNTS} --mount=type=secret,id=pip_index_url,env=PIP_INDEX_URL`,
  `set -f # a version may contain *
python3 -m pip install --no-cache-dir --no-compile --break-system-packages --root-user-action=ignore -- $OPENCLAW_IMAGE_PIP_PACKAGES
same_system_times`,
)}`,
};

export const WITH_PYTHON: Stage = {
  name: 'with-python',
  from: 'packages${OPENCLAW_IMAGE_PIP_PACKAGES:+-with-pip}',
  why: 'The image so far, with the extra Python packages if there are any.',
  body: '',
};

const BROWSERS = '/home/node/.cache/ms-playwright';

export const BROWSER_DOWNLOAD: Stage = {
  name: 'browser-download',
  from: BUILD_BASE.name,
  why: 'The Chromium for one version of Playwright, in the folder where Playwright looks for it, owned by the user node.',
  body: `ARG OPENCLAW_PLAYWRIGHT_VERSION
ARG PLAYWRIGHT_DOWNLOAD_HOST
${run(
  NPM_MOUNTS,
  `npm install --prefix /playwright --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error "playwright-core@\${OPENCLAW_PLAYWRIGHT_VERSION:-latest}"`,
)}
${run(
  CA_MOUNTS,
  `install -d -o 1000 -g 1000 ${LAYERS}/browser/home/node ${LAYERS}/browser/home/node/.cache ${LAYERS}/browser${BROWSERS}
export HOME=/tmp PLAYWRIGHT_BROWSERS_PATH=${LAYERS}/browser${BROWSERS}
if [ -z "\${PLAYWRIGHT_DOWNLOAD_HOST:-}" ]; then unset PLAYWRIGHT_DOWNLOAD_HOST; fi
setpriv --reuid=1000 --regid=1000 --clear-groups node /playwright/node_modules/playwright-core/cli.js install chromium
same_times`,
)}`,
};

export const WITH_BROWSER_PLAYWRIGHT: Stage = {
  name: 'with-python-and-browser-playwright',
  from: WITH_PYTHON.name,
  why: 'Chromium from browser-download, the Debian packages that it needs, and Xvfb.',
  body: `ARG OPENCLAW_PLAYWRIGHT_VERSION
${installPackages('xvfb')}
${run(
  `--mount=from=browser-download,source=/playwright,target=/playwright ${APT_MOUNTS}`,
  `node /playwright/node_modules/playwright-core/cli.js install-deps chromium
apt_clean`,
)}
COPY --link --from=browser-download ${LAYERS}/browser /`,
};

export const WITH_BROWSER_DEBIAN: Stage = {
  name: 'with-python-and-browser-debian',
  from: WITH_PYTHON.name,
  why: "Debian's Chromium, for hosts that cannot reach Playwright's downloads.",
  body: installPackages('chromium fonts-liberation xvfb'),
};

export const WITH_BROWSER: Stage = {
  name: 'with-browser',
  from: 'with-python${OPENCLAW_INSTALL_BROWSER:+-and-browser-${OPENCLAW_BROWSER}}',
  why: 'The image so far, with a browser if requested.',
  body: '',
};

const DOCKER_CLI = ['docker-cli=26.1.5*', 'docker-compose=2.26.1*'] as const;

export const DOCKER_CLI_DOWNLOAD: Stage = {
  name: 'docker-cli',
  from: BUILD_BASE.name,
  why: `The Docker CLI and Compose of Debian 13, unpacked: no daemon, and none of the packages that Debian would install with them. They run
with the base's C library, stay available, and apt checks their signatures.`,
  body: `ARG ${PACKAGES_DATE}
RUN ${APT_MOUNTS} <<'SH'
${PRELUDE}
mkdir -p /debian ${LAYERS}/docker-cli
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian trixie main' >/debian/sources.list
apt_trixie() { apt-get -o Dir::Etc::SourceList=/debian/sources.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/debian/lists -o Acquire::Retries=3 -qq "$@"; }
mkdir -p /debian/lists/partial
apt_trixie update
cd /debian
chmod a+rwx .
apt_trixie download ${DOCKER_CLI.map((name) => `'${name}'`).join(' ')}
# Scanners read status.d, as in distroless images: dpkg does not know these programs.
mkdir -p ${LAYERS}/docker-cli/var/lib/dpkg/status.d
for archive in *.deb; do
  dpkg-deb -x "$archive" unpacked
  dpkg-deb -f "$archive" >"${LAYERS}/docker-cli/var/lib/dpkg/status.d/$(dpkg-deb -f "$archive" Package)"
done
mkdir -p ${LAYERS}/docker-cli/usr/bin ${LAYERS}/docker-cli/usr/libexec/docker/cli-plugins
cp unpacked/usr/bin/docker ${LAYERS}/docker-cli/usr/bin/
cp unpacked/usr/libexec/docker/cli-plugins/docker-compose ${LAYERS}/docker-cli/usr/libexec/docker/cli-plugins/
same_times
SH`,
};

export const WITH_DOCKER_CLI: Stage = {
  name: 'with-browser-and-docker-cli',
  from: WITH_BROWSER.name,
  why: 'The Docker CLI, for sandboxes in a Docker Engine whose socket is mounted.',
  body: `COPY --link --from=docker-cli ${LAYERS}/docker-cli /`,
};

export const PNPM_DOWNLOAD: Stage = {
  name: 'pnpm',
  from: BUILD_BASE.name,
  why: 'pnpm, for skills: Corepack would download it in every new container.',
  body: run(
    `${NPM_MOUNTS} ${INSTALL_MOUNT}`,
    `cd /install
file=$(npm pack --ignore-scripts --silent ${PNPM})
echo "${PNPM_SHA512}  $file" | sha512sum --check --quiet
npm_global --prefix ${LAYERS}/pnpm/usr/local "./$file"
same_times`,
  ),
};

export const WITH_TOOLS: Stage = {
  name: 'with-tools',
  from: 'with-browser${OPENCLAW_INSTALL_DOCKER_CLI:+-and-docker-cli}',
  why: 'Everything that does not depend on the gateway.',
  body: `COPY --link --from=${PNPM_DOWNLOAD.name} ${LAYERS}/pnpm /`,
};

export const FILES: Stage = {
  name: 'files',
  from: BUILD_BASE.name,
  why: 'Files of the image itself. Owners are set here, because a later change would copy the files into another layer.',
  body: `${copyFiles(['healthcheck.sh'])}
${run(
  HELPERS_MOUNT,
  `mkdir -p ${LAYERS}/files/usr/local/bin ${LAYERS}/files/app
ln -s /app/openclaw.mjs ${LAYERS}/files/usr/local/bin/openclaw
cd ${LAYERS}/files
install -m 755 /healthcheck.sh usr/local/bin/openclaw-healthcheck
# Any user may write here, as in /tmp: a container can run as another user (docker run --user, OpenShift, NAS systems).
for folder in . .local .local/bin .local/lib .openclaw .openclaw/workspace .config .config/openclaw; do
  install -d -o 1000 -g 1000 -m 1777 "home/node/$folder"
done
same_times`,
)}`,
};
