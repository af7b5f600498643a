import type { BakedPlugin, Gateway } from '../gateway/gateway.ts';
import {
  dependenciesStage,
  GATEWAY_DEPENDENCIES,
  gatewayStage,
  packageStage,
  pluginStages,
  UNPACKED,
} from './package-stages.ts';
import { runtimeStage } from './runtime-stage.ts';
import type { DockerfilePlan, Layer } from './stage.ts';
import { LAYERS } from './step.ts';
import {
  EXTRAS,
  LAYOUT,
  PACKAGES,
  PACKAGES_WITH_PIP,
  SYSTEM,
  SYSTEM_PACKAGES,
  SYSTEM_WITH_APT,
} from './system-stages.ts';

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
