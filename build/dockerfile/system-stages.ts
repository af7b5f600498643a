import type { Stage } from './stage.ts';
import { CA_MOUNT, installPackages, LAYERS, TRUST_CA } from './step.ts';

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

export const LAYOUT: Stage = {
  name: 'layout',
  from: 'base',
  why: 'What belongs to the user node has its owner from the start: changing it later would copy it into another layer.',
  body: `RUN mkdir -p ${LAYERS}/layout/usr/local/bin && \\
    ln -s /app/openclaw.mjs ${LAYERS}/layout/usr/local/bin/openclaw && \\
    cd ${LAYERS}/layout && \\
    install -d -o 1000 -g 1000 home/node home/node/.local home/node/.local/bin && \\
    install -d -o 1000 -g 1000 -m 700 home/node/.openclaw home/node/.openclaw/workspace home/node/.config home/node/.config/openclaw`,
};
