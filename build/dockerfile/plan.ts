import type { BakedPlugin, Gateway } from '../gateway/gateway.ts';
import type { DockerfilePlan, Layer, Stage } from './stage.ts';

/** What a Dockerfile depends on: the same request and the same gateway give the same file, byte for byte. */
export interface DockerfileRequest {
  /** `node:24-bookworm-slim@sha256:…`. */
  readonly base: string;
  /** Facts of one gateway, or `any` for the committed file, which fetches the gateway that its `ARG` names. */
  readonly gateway: Pick<Gateway, 'version' | 'installScripts' | 'largeDependencies' | 'allowedScripts'> | 'any';
  readonly plugins: readonly BakedPlugin[];
  readonly aptPackages: readonly string[];
  readonly pipPackages: readonly string[];
}

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

/** The folder in which a stage lays out a layer just as it is to stand in the image. */
const LAYERS = '/layers';

/**
 * What rarely changes comes first: base, system packages, extra packages, dependencies, plugins, gateway, metadata.
 * All but the Debian and Python packages are COPY --link, so that a new base re-uses them as they are.
 */
export function planDockerfile(request: DockerfileRequest): DockerfilePlan {
  const gateway = request.gateway === 'any' ? ANY_GATEWAY : request.gateway;
  const large = gateway.largeDependencies.map(({ name }) => name);
  const layers: Layer[] = [
    { name: 'system', holds: SYSTEM_PACKAGES.join(', '), stage: 'system', path: undefined },
    ...(request.aptPackages.length > 0
      ? [{ name: 'apt', holds: request.aptPackages.join(', '), stage: 'system-with-apt', path: undefined }]
      : []),
    ...(request.pipPackages.length > 0
      ? [{ name: 'pip', holds: request.pipPackages.join(', '), stage: 'packages-with-pip', path: undefined }]
      : []),
    {
      name: 'layout',
      holds: 'the openclaw command, directories of the user node',
      stage: 'layout',
      path: `${LAYERS}/layout`,
    },
    ...large.map((name) => ({
      name,
      holds: 'a large dependency',
      stage: 'dependencies',
      path: `${LAYERS}/large/${name}`,
    })),
    {
      name: 'dependencies',
      holds: large.length > 0 ? 'all other dependencies' : 'dependencies',
      stage: 'dependencies',
      path: `${LAYERS}/dependencies`,
    },
    ...request.plugins.map(({ id, packageName, version }) => ({
      name: `plugin ${id}`,
      holds: `${packageName}@${version} with its dependencies`,
      stage: `baked-${id}`,
      path: `${LAYERS}/plugin`,
    })),
    { name: 'docs', holds: 'documentation and skills', stage: 'package', path: `${LAYERS}/docs` },
    { name: 'control-ui', holds: 'the Control UI', stage: 'package', path: `${LAYERS}/control-ui` },
    { name: 'server', holds: 'the gateway', stage: 'package', path: `${LAYERS}/server` },
  ];

  return {
    parameters: [
      { name: 'OPENCLAW_PACKAGE', value: `openclaw@${gateway.version}`, meaning: 'the gateway, as npm names it' },
      {
        name: 'OPENCLAW_DOCKER_APT_PACKAGES',
        value: request.aptPackages.join(' '),
        meaning: 'extra Debian packages, separated by spaces',
      },
      {
        name: 'OPENCLAW_IMAGE_APT_PACKAGES',
        value: '${OPENCLAW_DOCKER_APT_PACKAGES}',
        meaning: 'the same, by its newer name',
      },
      {
        name: 'OPENCLAW_IMAGE_PIP_PACKAGES',
        value: request.pipPackages.join(' '),
        meaning: 'extra Python packages, separated by spaces',
      },
    ],
    stages: [
      {
        name: 'base',
        from: request.base,
        why: 'The parent image. Another one: --build-context base=docker-image://… or oci-layout://…',
        body: '',
      },
      SYSTEM,
      SYSTEM_WITH_APT,
      PACKAGES,
      PACKAGES_WITH_PIP,
      EXTRAS,
      LAYOUT,
      gatewayStage(gateway.allowedScripts),
      GATEWAY_DEPENDENCIES,
      dependenciesStage(large),
      UNPACKED,
      packageStage(gateway.installScripts),
      ...request.plugins.flatMap(pluginStages),
      runtimeStage(layers),
    ],
    layers,
  };
}

const ANY_GATEWAY = {
  version: 'latest',
  installScripts: ['preinstall', 'postinstall'],
  largeDependencies: [],
  allowedScripts: [],
} as const;

/** Downloads from behind a proxy that inspects TLS need its authority; it is a secret, so no layer and no log holds it. */
const CA_MOUNT = '--mount=type=secret,id=ca';
const TRUST_CA =
  'if [ -s /run/secrets/ca ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca; fi';
const NPM_MOUNTS = `${CA_MOUNT} --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,target=/root/.npm,sharing=locked`;
const APT_MOUNTS = `${CA_MOUNT} \\
    --mount=type=cache,target=/var/cache/apt,sharing=locked \\
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked`;
const NPM_INSTALL = 'npm ci --omit=dev --omit=peer --no-audit --no-fund --no-update-notifier --loglevel=error';

/** Installs Debian packages and leaves nothing of the installation behind that differs from run to run. */
const installPackages = (names: string): string => `RUN ${APT_MOUNTS} <<'SH'
set -efu
apt() { apt-get -o Acquire::https::CAInfo="$(ls /run/secrets/ca 2>/dev/null)" -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 -qq "$@"; }
apt update
DEBIAN_FRONTEND=noninteractive apt install --yes --no-install-recommends -- ${names}
find /var/log /var/cache/debconf /var/cache/ldconfig /var/lib/dpkg -type f \\( -path '/var/log/*' -o -name '*-old' -o -name aux-cache \\) -delete
SH`;

const SYSTEM: Stage = {
  name: 'system',
  from: 'base',
  why: 'Debian packages that every image needs.',
  body: installPackages(SYSTEM_PACKAGES.join(' ')),
};

const SYSTEM_WITH_APT: Stage = {
  name: 'system-with-apt',
  from: 'system',
  why: 'Debian packages that were asked for. Reached only if there are any: see the stage `packages`.',
  body: `ARG OPENCLAW_IMAGE_APT_PACKAGES
${installPackages('$OPENCLAW_IMAGE_APT_PACKAGES')}`,
};

const PACKAGES: Stage = {
  name: 'packages',
  from: 'system${OPENCLAW_IMAGE_APT_PACKAGES:+-with-apt}',
  why: 'The one or the other; what is not asked for is not built.',
  body: '',
};

const PACKAGES_WITH_PIP: Stage = {
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

const EXTRAS: Stage = {
  name: 'extras',
  from: 'packages${OPENCLAW_IMAGE_PIP_PACKAGES:+-with-pip}',
  why: 'Likewise.',
  body: '',
};

const LAYOUT: Stage = {
  name: 'layout',
  from: 'base',
  why: 'What belongs to the user node has its owner from the start: changing it later would copy it into another layer.',
  body: `RUN mkdir -p ${LAYERS}/layout/usr/local/bin && \\
    ln -s /app/openclaw.mjs ${LAYERS}/layout/usr/local/bin/openclaw && \\
    cd ${LAYERS}/layout && \\
    install -d -o 1000 -g 1000 home/node home/node/.local home/node/.local/bin && \\
    install -d -o 1000 -g 1000 -m 700 home/node/.openclaw home/node/.openclaw/workspace home/node/.config home/node/.config/openclaw`,
};

/**
 * The same rule as `dependencyManifest` in build/gateway/package-manifest.ts, for builds without this project.
 * Reads package.json on standard input.
 */
const MANIFEST_SCRIPT = (allowedScripts: readonly string[]): string =>
  [
    'const p = JSON.parse(require("fs").readFileSync(0, "utf8")), b = p.bundleDependencies ?? [];',
    'const own = (group) => Object.fromEntries(Object.entries(group ?? {}).filter(([name]) => b !== true && !b.includes(name)));',
    `const allowScripts = ${JSON.stringify(Object.fromEntries(allowedScripts.map((name) => [name, true])))};`,
    'console.log(JSON.stringify({ private: true, dependencies: own(p.dependencies), optionalDependencies: own(p.optionalDependencies), allowScripts }));',
  ].join('\n');

const gatewayStage = (allowedScripts: readonly string[]): Stage => ({
  name: 'gateway',
  from: 'base',
  why: `The gateway's package. image:build puts a folder here in which it is resolved and verified: --build-context gateway=…`,
  body: `WORKDIR /gateway
ARG OPENCLAW_PACKAGE
RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
mv "$(npm pack --silent "$OPENCLAW_PACKAGE")" package.tgz
mkdir dependencies
cat >/tmp/manifest.cjs <<'JS'
${MANIFEST_SCRIPT(allowedScripts)}
JS
tar -xzf package.tgz --to-stdout package/package.json | node /tmp/manifest.cjs >dependencies/package.json
npm install --prefix dependencies --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
find . -mindepth 1 -maxdepth 1 -exec mv {} / \\;
SH`,
});

const GATEWAY_DEPENDENCIES: Stage = {
  name: 'gateway-dependencies',
  from: 'scratch',
  why: `What the gateway depends on, without its version, so that a new version with the same dependencies installs none.
Apart from the package, so that installing does not wait for that. Likewise a folder in image:build.`,
  body: 'COPY --from=gateway /dependencies/ /',
};

const dependenciesStage = (large: readonly string[]): Stage => ({
  name: 'dependencies',
  from: 'base',
  why: `Production dependencies, exactly those of the lockfile; install scripts run only for packages that the gateway allows.
A large package gets a layer of its own, so that an update of one does not send the others again.`,
  body: `WORKDIR /app
COPY --from=gateway-dependencies / ./
RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
${NPM_INSTALL}
mkdir -p ${LAYERS}/dependencies/app
cp -al node_modules ${LAYERS}/dependencies/app/
rm -f ${LAYERS}/dependencies/app/node_modules/.package-lock.json
for name in ${large.join(' ')}; do
  mkdir -p "${LAYERS}/large/$name"
  # A package for another processor is not here; its layer is empty.
  if [ -d "node_modules/$name" ]; then
    mkdir -p "$(dirname "${LAYERS}/large/$name/app/node_modules/$name")"
    mv "${LAYERS}/dependencies/app/node_modules/$name" "${LAYERS}/large/$name/app/node_modules/$name"
  fi
done
SH`,
});

const UNPACKED: Stage = {
  name: 'unpacked',
  from: 'base',
  why: `The gateway's own files, laid out by how often they change, without type declarations and source maps. Runs beside the
installation of the dependencies.`,
  body: `RUN --mount=from=gateway,target=/gateway <<'SH'
set -eu
mkdir -p ${LAYERS}/docs/app ${LAYERS}/control-ui/app/dist ${LAYERS}/server/app
cd ${LAYERS}/server/app
tar -xzf /gateway/package.tgz --strip-components=1 --no-same-owner
find dist -type f \\( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \\) -delete
for name in docs skills; do if [ -e "$name" ]; then mv "$name" ${LAYERS}/docs/app/; fi; done
if [ -e dist/control-ui ]; then mv dist/control-ui ${LAYERS}/control-ui/app/dist/; fi
if [ -e node_modules ]; then mkdir -p ${LAYERS}/carried/app && mv node_modules ${LAYERS}/carried/app/; fi
mkdir -p ${LAYERS}/carried/app docs skills dist/control-ui node_modules ${LAYERS}/docs/app/docs ${LAYERS}/docs/app/skills ${LAYERS}/control-ui/app/dist/control-ui
SH`,
};

const packageStage = (installScripts: readonly string[]): Stage => ({
  name: 'package',
  from: 'unpacked',
  why: `The package's own install scripts, run on the whole gateway. The lockfile of what was installed goes with the gateway
(npm ls reads it), because it changes with the version; so does what the package carries in node_modules itself.`,
  body: `WORKDIR ${LAYERS}/server/app
RUN --mount=from=dependencies,source=/app/node_modules,target=${LAYERS}/server/app/node_modules \\
    --mount=from=unpacked,source=${LAYERS}/docs/app/docs,target=${LAYERS}/server/app/docs \\
    --mount=from=unpacked,source=${LAYERS}/docs/app/skills,target=${LAYERS}/server/app/skills \\
    --mount=from=unpacked,source=${LAYERS}/control-ui/app/dist/control-ui,target=${LAYERS}/server/app/dist/control-ui \\
    --mount=type=tmpfs,target=/tmp <<'SH'
set -eu
export HOME=/tmp
${installScripts.map((name) => `npm run --silent --if-present ${name}`).join('\n')}
cp node_modules/.package-lock.json ${LAYERS}/carried/lock.json
SH
RUN if [ -d ${LAYERS}/carried/app/node_modules ]; then cp -a ${LAYERS}/carried/app/node_modules/. node_modules/; fi && \\
    cp ${LAYERS}/carried/lock.json node_modules/.package-lock.json`,
});

/**
 * A plugin stands among the gateway's own, in dist/extensions/<id>. Its dependencies stand outside dist/ and are linked:
 * the gateway's loader takes every relative import below dist/ for an ES module, which CommonJS dependencies are not.
 */
const pluginStages = ({ id, packageName, version }: BakedPlugin): readonly Stage[] => [
  {
    name: `plugin-${id}`,
    from: 'base',
    why: `The plugin ${id}. image:build puts a resolved and verified folder here.`,
    body: `WORKDIR /plugin
RUN ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
mv "$(npm pack --silent ${packageName}@${version})" package.tgz
mkdir dependencies
cat >/tmp/manifest.cjs <<'JS'
${MANIFEST_SCRIPT([])}
JS
tar -xzf package.tgz --to-stdout package/package.json | node /tmp/manifest.cjs >dependencies/package.json
npm install --prefix dependencies --package-lock-only --ignore-scripts --no-audit --no-fund --loglevel=error
find . -mindepth 1 -maxdepth 1 -exec mv {} / \\;
SH`,
  },
  {
    name: `baked-${id}`,
    from: 'base',
    why: `${id} as the gateway loads it: with the plugins that the gateway brings.`,
    body: `WORKDIR /install
RUN --mount=from=plugin-${id},target=/plugin ${NPM_MOUNTS} <<'SH'
set -eu
${TRUST_CA}
files=${LAYERS}/plugin/app/dist/extensions/${id}
dependencies=${LAYERS}/plugin/app/plugin-dependencies/${id}
mkdir -p "$files" "$dependencies/node_modules"
tar -xzf /plugin/package.tgz -C "$files" --strip-components=1 --no-same-owner
cp /plugin/dependencies/package.json /plugin/dependencies/package-lock.json .
${NPM_INSTALL}
for from in node_modules "$files/node_modules"; do
  if [ -d "$from" ]; then cp -a "$from/." "$dependencies/node_modules/"; fi
done
find "$files" -type f \\( -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -name '*.map' \\) ! -path '*/node_modules/*' -delete
rm -rf "$files/node_modules" "$dependencies/node_modules/.package-lock.json"
ln -s ../../../plugin-dependencies/${id}/node_modules "$files/node_modules"
SH`,
  },
];

/** Cold starts of 7 to 22 s were measured on two cores; a slow disk or emulation takes several times that. */
const HEALTHCHECK = `HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --start-interval=2s --retries=3 \\
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.OPENCLAW_GATEWAY_PORT || 18789) + '/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]`;

/** `ARG` that carries each annotation whose value differs from build to build. */
export const ANNOTATION_ARGUMENTS = {
  'org.opencontainers.image.base.name': 'OPENCLAW_BASE_NAME',
  'org.opencontainers.image.base.digest': 'OPENCLAW_BASE_DIGEST',
  'org.opencontainers.image.source': 'OPENCLAW_SOURCE_URL',
  'org.opencontainers.image.url': 'OPENCLAW_URL',
  'org.opencontainers.image.documentation': 'OPENCLAW_DOCUMENTATION_URL',
  'org.opencontainers.image.licenses': 'OPENCLAW_LICENSES',
  'org.opencontainers.image.title': 'OPENCLAW_TITLE',
  'org.opencontainers.image.description': 'OPENCLAW_DESCRIPTION',
  'org.opencontainers.image.version': 'OPENCLAW_VERSION',
  'org.opencontainers.image.revision': 'OPENCLAW_REVISION',
  'org.opencontainers.image.created': 'OPENCLAW_CREATED',
} as const;

const runtimeStage = (layers: readonly Layer[]): Stage => ({
  name: 'runtime',
  from: 'extras',
  why: `The image. It copies layers that stand ready, so it waits for nothing but the slowest of them. Files belong to root:
the gateway writes to /home/node and /tmp only, and what it cannot write no one can change through it.`,
  body: `WORKDIR /app
${layers.flatMap(({ stage, path }) => (path === undefined ? [] : `COPY --link --from=${stage} ${path} /`)).join('\n')}
USER node
ENV NODE_ENV=production \\
    PATH=/home/node/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
EXPOSE 18789 18790
${HEALTHCHECK}
ENTRYPOINT ["tini", "-s", "--"]
CMD ["node", "openclaw.mjs", "gateway", "--allow-unconfigured"]
${Object.values(ANNOTATION_ARGUMENTS)
  .map((name) => `ARG ${name}`)
  .join('\n')}
LABEL ${Object.entries(ANNOTATION_ARGUMENTS)
    .map(([key, name]) => `${key}="\${${name}}"`)
    .join(' \\\n      ')}`,
});
