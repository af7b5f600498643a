import type { BakedPlugin, Checkout, PackagedGateway } from '../gateway/gateway.ts';
import type { BrowserChoice } from '../spec/image-spec.ts';
import {
  DEPENDENCIES,
  GATEWAY_DEPENDENCIES,
  gatewayStage,
  packageStage,
  pluginStages,
  UNPACKED,
} from './package-stages.ts';
import { RUNTIME, runtimeStage } from './runtime-stage.ts';
import { sourceStages, WITH_PLUGINS } from './source-stages.ts';
import type { DockerfilePlan, Layer, Stage } from './stage.ts';
import { LAYERS } from './step.ts';
import {
  BROWSED,
  BROWSER_DOWNLOAD,
  BUILD_BASE,
  DOCKER_CLI_DOWNLOAD,
  EQUIPPED,
  EXTRAS,
  LAYOUT,
  PACKAGES,
  PACKAGES_WITH_PIP,
  SYSTEM,
  SYSTEM_PACKAGES,
  SYSTEM_WITH_APT,
  WITH_BROWSER_DEBIAN,
  WITH_BROWSER_PLAYWRIGHT,
  WITH_DOCKER_CLI,
} from './system-stages.ts';

/** What the Dockerfile of a package depends on; `any` is the committed file, which fetches the gateway that its `ARG` names. */
export type PlannedPackage =
  | Pick<
      PackagedGateway,
      'kind' | 'version' | 'installScripts' | 'dependencyLayers' | 'allowedScripts' | 'playwrightVersion'
    >
  | { readonly kind: 'any' };

/** What a Dockerfile depends on: the same request and the same gateway give the same file, byte for byte. */
export interface DockerfileRequest {
  /** `node:24-bookworm-slim@sha256:…`. */
  readonly base: string;
  readonly gateway: PlannedPackage | Checkout;
  /** Plugins from npm; a checkout has its own. */
  readonly plugins: readonly BakedPlugin[];
  readonly aptPackages: readonly string[];
  readonly pipPackages: readonly string[];
  readonly browser: BrowserChoice;
  readonly dockerCli: boolean;
}

/** What a gateway adds to a Dockerfile, by where it comes from. */
interface GatewayPart {
  readonly parameters: DockerfilePlan['parameters'];
  readonly stages: readonly Stage[];
  /** What the last stage stands on. */
  readonly from: string;
  /** Layers that are made in stages below the last one. */
  readonly below: readonly Layer[];
  /** From what changes least to what changes most. */
  readonly layers: readonly Layer[];
}

/**
 * What rarely changes comes first: base, system packages, extra packages, dependencies, plugins, gateway, metadata.
 * All but the Debian and Python packages are COPY --link, so that a new base re-uses them as they are.
 */
export function planDockerfile(request: DockerfileRequest): DockerfilePlan {
  const { gateway, aptPackages, pipPackages, browser, dockerCli } = request;
  const playwright = gateway.kind === 'any' ? undefined : gateway.playwrightVersion;
  const part = gateway.kind === 'checkout' ? checkoutPart(gateway) : packagePart(gateway, request.plugins);
  const layers: readonly Layer[] = [
    inPlace('system', SYSTEM_PACKAGES.join(', '), 'system'),
    ...(aptPackages.length > 0 ? [inPlace('apt', aptPackages.join(', '), 'system-with-apt')] : []),
    ...(pipPackages.length > 0 ? [inPlace('pip', pipPackages.join(', '), 'packages-with-pip')] : []),
    ...browserLayers(browser, playwright),
    ...(dockerCli
      ? [fromStage('docker-cli', 'the Docker CLI and Compose', 'docker-cli', 'docker-cli', WITH_DOCKER_CLI.name)]
      : []),
    ...part.below,
    fromStage('layout', 'the openclaw command, directories of the user node', 'layout', 'layout'),
    ...part.layers,
  ];
  return {
    parameters: [
      ...part.parameters,
      {
        name: 'OPENCLAW_DOCKER_APT_PACKAGES',
        value: aptPackages.join(' '),
        meaning: 'extra Debian packages, separated by spaces',
      },
      {
        name: 'OPENCLAW_IMAGE_APT_PACKAGES',
        value: '${OPENCLAW_DOCKER_APT_PACKAGES}',
        meaning: 'the same, by its newer name',
      },
      {
        name: 'OPENCLAW_IMAGE_PIP_PACKAGES',
        value: pipPackages.join(' '),
        meaning: 'extra Python packages, separated by spaces',
      },
      {
        name: 'OPENCLAW_INSTALL_BROWSER',
        value: browser === 'none' ? '' : '1',
        meaning: 'anything: bake Chromium and Xvfb',
      },
      {
        name: 'OPENCLAW_BROWSER',
        value: browser === 'debian' ? 'debian' : 'playwright',
        meaning: 'which Chromium: playwright or debian',
      },
      {
        name: 'OPENCLAW_PLAYWRIGHT_VERSION',
        value: playwright ?? 'latest',
        meaning: 'of playwright-core, as the gateway depends on it',
      },
      { name: 'PLAYWRIGHT_DOWNLOAD_HOST', value: '', meaning: "a mirror of Playwright's downloads" },
      { name: 'OPENCLAW_INSTALL_DOCKER_CLI', value: dockerCli ? '1' : '', meaning: 'anything: bake the Docker CLI' },
    ],
    stages: [
      {
        name: 'base',
        from: request.base,
        why: 'The parent image. Another one: --build-context base=docker-image://… or oci-layout://…',
        body: '',
      },
      BUILD_BASE,
      SYSTEM,
      SYSTEM_WITH_APT,
      PACKAGES,
      PACKAGES_WITH_PIP,
      EXTRAS,
      BROWSER_DOWNLOAD,
      WITH_BROWSER_PLAYWRIGHT,
      WITH_BROWSER_DEBIAN,
      BROWSED,
      DOCKER_CLI_DOWNLOAD,
      WITH_DOCKER_CLI,
      EQUIPPED,
      LAYOUT,
      ...part.stages,
      runtimeStage(part.from, layers),
    ],
    layers,
  };
}

const inPlace = (name: string, holds: string, stage: string): Layer => ({ name, holds, made: { by: 'stage', stage } });

/**
 * @param path below LAYERS of that stage
 * @param into the stage that copies it
 */
const fromStage = (name: string, holds: string, stage: string, path: string, into: string = RUNTIME): Layer => ({
  name,
  holds,
  made: { by: 'copy', stage: into, instruction: `COPY --link --from=${stage} ${LAYERS}/${path} /` },
});

const fromCheckout = (name: string, holds: string, path: string): Layer => ({
  name,
  holds,
  made: { by: 'copy', stage: RUNTIME, instruction: `COPY --link ${path} /app/${path}` },
});

function browserLayers(browser: BrowserChoice, playwright: string | undefined): readonly Layer[] {
  switch (browser) {
    case 'none':
      return [];
    case 'debian':
      return [inPlace('browser', "Debian's Chromium, Xvfb", 'extras-with-browser-debian')];
    case 'playwright':
      return [
        inPlace('xvfb', 'Xvfb', 'extras-with-browser-playwright'),
        inPlace('browser-libraries', 'what Chromium needs of Debian', 'extras-with-browser-playwright'),
        fromStage(
          'browser',
          `Chromium of Playwright ${playwright ?? 'latest'}`,
          'browser-download',
          'browser',
          WITH_BROWSER_PLAYWRIGHT.name,
        ),
      ];
  }
}

function packagePart(planned: PlannedPackage, plugins: readonly BakedPlugin[]): GatewayPart {
  const gateway = planned.kind === 'any' ? ANY_PACKAGE : planned;
  const { dependencyLayers } = gateway;
  return {
    parameters: [
      { name: 'OPENCLAW_PACKAGE', value: `openclaw@${gateway.version}`, meaning: 'the gateway, as npm names it' },
    ],
    stages: [
      gatewayStage(gateway.allowedScripts),
      GATEWAY_DEPENDENCIES,
      DEPENDENCIES,
      UNPACKED,
      packageStage(gateway.installScripts),
      ...plugins.flatMap(pluginStages),
    ],
    from: EQUIPPED.name,
    below: [],
    layers: [
      ...dependencyLayers.map(({ name, holds, path }) => fromStage(name, holds, 'dependencies', path)),
      fromStage(
        'dependencies',
        dependencyLayers.length > 0 ? 'the commands of all dependencies' : 'dependencies',
        'dependencies',
        'dependencies',
      ),
      ...plugins.map(({ id, packageName, version }) =>
        fromStage(`plugin ${id}`, `${packageName}@${version} with its dependencies`, `baked-${id}`, 'plugin'),
      ),
      fromStage('docs', 'documentation and skills', 'unpacked', 'docs'),
      fromStage('control-ui', 'the Control UI', 'unpacked', 'control-ui'),
      fromStage('server', 'the gateway, compiled', 'unpacked', 'server'),
      fromStage('package', "the package's other files, as its install scripts left them", 'package', 'package'),
    ],
  };
}

const ANY_PACKAGE = {
  version: 'latest',
  installScripts: ['preinstall', 'postinstall'],
  dependencyLayers: [],
  allowedScripts: [],
} as const;

function checkoutPart(checkout: Checkout): GatewayPart {
  const { selected, hasExtensions } = checkout;
  return {
    parameters: hasExtensions
      ? [
          {
            name: 'OPENCLAW_EXTENSIONS',
            value: selected.map(({ id }) => id).join(' '),
            meaning: 'plugins the image must hold, by id or by folder, separated by spaces or commas',
          },
        ]
      : [],
    stages: sourceStages(checkout),
    from: hasExtensions ? `${EQUIPPED.name}\${OPENCLAW_EXTENSIONS:+-with-plugins}` : EQUIPPED.name,
    below:
      selected.length === 0
        ? []
        : [
            fromStage(
              'plugin dependencies',
              `what ${selected.map(({ id }) => id).join(', ')} need`,
              'plugins',
              'plugins',
              WITH_PLUGINS.name,
            ),
          ],
    layers: [
      fromStage('dependencies', 'production dependencies', 'dependencies', 'dependencies'),
      ...(checkout.pluginsFromSource ? [fromCheckout('plugins', 'plugins, as sources', 'extensions')] : []),
      ...checkout.documents.map((name) => fromCheckout(name, name, name)),
      fromStage('package', checkout.packageFiles.join(', '), 'package-files', 'package'),
      ...(checkout.uiSources.length > 0 ? [fromStage('control-ui', 'the Control UI', 'control-ui', 'control-ui')] : []),
      fromStage('server', 'the gateway, compiled', 'server', 'server'),
    ],
  };
}
