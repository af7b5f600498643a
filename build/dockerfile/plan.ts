import type { BakedPlugin, Checkout, PackagedGateway } from '../gateway/gateway.ts';
import type { BrowserChoice } from '../spec/image-spec.ts';
import { CHECKOUT_PROGRAMS, HELPERS, PACKAGE_PROGRAMS, programsStage } from './helpers.ts';
import {
  dependenciesStage,
  GATEWAY_DEPENDENCIES,
  gatewayStage,
  INSTALLED_FILES,
  packageStage,
  pluginStages,
  UNPACKED,
} from './package-stages.ts';
import { IMAGE, RUNTIME, runtimeStages, smokeTestStage, WITH_SERVER } from './runtime-stage.ts';
import { BUILD_HEAP, sourceStages, WITH_PLUGINS } from './source-stages.ts';
import { type DockerfilePlan, type Layer, parameter, type Stage } from './stage.ts';
import { LAYERS, PNPM } from './step.ts';
import {
  BROWSER_DOWNLOAD,
  BUILD_BASE,
  DOCKER_CLI_DOWNLOAD,
  FILES,
  PACKAGES,
  PACKAGES_DATE,
  PACKAGES_WITH_PIP,
  PNPM_DOWNLOAD,
  SYSTEM,
  SYSTEM_PACKAGES,
  SYSTEM_WITH_APT,
  WITH_BROWSER,
  WITH_BROWSER_DEBIAN,
  WITH_BROWSER_PLAYWRIGHT,
  WITH_DOCKER_CLI,
  WITH_PYTHON,
  WITH_TOOLS,
} from './system-stages.ts';

/** The parts of a package that its Dockerfile depends on; `any` is the committed file, which fetches the package named by an `ARG`. */
export type PlannedPackage =
  | Pick<
      PackagedGateway,
      'kind' | 'version' | 'installScripts' | 'dependencyLayers' | 'allowedScripts' | 'playwrightVersion'
    >
  | { readonly kind: 'any' };

/** Everything that a Dockerfile depends on: equal requests give equal files, byte for byte. */
export interface DockerfileRequest {
  /** `node:24-bookworm-slim@sha256:…`. */
  readonly base: string;
  readonly gateway: PlannedPackage | Checkout;
  /** Plugins from npm; a checkout contains its plugins. Default of this and the next four: nothing. */
  readonly plugins?: readonly BakedPlugin[];
  readonly aptPackages?: readonly string[];
  readonly pipPackages?: readonly string[];
  readonly browser?: BrowserChoice;
  readonly dockerCli?: boolean;
  /** Megabytes for JavaScript in the build scripts of a checkout; undefined: Node's own limit. */
  readonly heap?: number | undefined;
  /** Whether the image must not depend on earlier builds on the engine: a release, a reproducible image. Default: false. */
  readonly isolated?: boolean;
}

/** The parts of a Dockerfile that depend on the source of the gateway. */
interface GatewayPart {
  readonly parameters: DockerfilePlan['parameters'];
  readonly stages: readonly Stage[];
  /** The parent of the last stage. */
  readonly from: string;
  /** Layers made in stages below the last one. */
  readonly below: readonly Layer[];
  /** From the least to the most frequently changed. */
  readonly layers: readonly Layer[];
  readonly test: Stage;
}

/**
 * Plans stages and layers, the least frequently changed first: base, system packages, extra packages, browser, dependencies, plugins,
 * gateway, metadata. All layers except the Debian and Python packages are COPY --link, so a new base reuses them.
 */
export function planDockerfile(request: DockerfileRequest): DockerfilePlan {
  const { gateway, aptPackages = [], pipPackages = [], browser = 'none', dockerCli = false } = request;
  const playwright = gateway.kind === 'any' ? undefined : gateway.playwrightVersion;
  const part = gateway.kind === 'checkout' ? checkoutPart(gateway, request) : packagePart(gateway, request);
  const layers: readonly Layer[] = [
    inPlace('system', SYSTEM_PACKAGES.join(', '), 'system'),
    ...(aptPackages.length > 0 ? [inPlace('apt', aptPackages.join(', '), 'system-with-apt')] : []),
    ...(pipPackages.length > 0 ? [inPlace('pip', pipPackages.join(', '), 'packages-with-pip')] : []),
    ...browserLayers(browser, playwright),
    ...(dockerCli
      ? [fromStage('docker-cli', 'the Docker CLI and Compose', 'docker-cli', 'docker-cli', WITH_DOCKER_CLI.name)]
      : []),
    fromStage('pnpm', PNPM, PNPM_DOWNLOAD.name, 'pnpm', WITH_TOOLS.name),
    ...part.below,
    // The test of the command needs it.
    fromStage('files', 'the openclaw command, folders of the user node', FILES.name, 'files', part.test.from),
    ...part.layers,
  ];
  return {
    parameters: [
      ...part.parameters,
      parameter('OPENCLAW_DOCKER_APT_PACKAGES', aptPackages.join(' '), 'extra Debian packages, separated by spaces'),
      parameter(
        'OPENCLAW_IMAGE_APT_PACKAGES',
        '${OPENCLAW_DOCKER_APT_PACKAGES}',
        'the same as OPENCLAW_DOCKER_APT_PACKAGES; takes precedence',
      ),
      parameter('OPENCLAW_IMAGE_PIP_PACKAGES', pipPackages.join(' '), 'extra Python packages, separated by spaces'),
      parameter('OPENCLAW_INSTALL_BROWSER', browser === 'none' ? '' : '1', 'not empty: include Chromium and Xvfb'),
      parameter(
        'OPENCLAW_BROWSER',
        browser === 'debian' ? 'debian' : 'playwright',
        'source of Chromium: playwright or debian',
      ),
      parameter(
        'OPENCLAW_PLAYWRIGHT_VERSION',
        playwright ?? 'latest',
        'version of playwright-core that the gateway depends on; another one may install the wrong Chromium',
      ),
      parameter(PACKAGES_DATE, '', 'another value installs the Debian packages again, in the versions of that day'),
      parameter('PLAYWRIGHT_DOWNLOAD_HOST', '', "mirror of Playwright's downloads"),
      parameter('OPENCLAW_INSTALL_DOCKER_CLI', dockerCli ? '1' : '', 'not empty: include the Docker CLI'),
    ],
    stages: [
      {
        name: 'base',
        from: request.base,
        why: 'The parent image. To replace it: --build-context base=docker-image://… or oci-layout://…',
        body: '',
      },
      HELPERS,
      programsStage(gateway.kind === 'checkout' ? CHECKOUT_PROGRAMS : PACKAGE_PROGRAMS),
      BUILD_BASE,
      SYSTEM,
      SYSTEM_WITH_APT,
      PACKAGES,
      PACKAGES_WITH_PIP,
      WITH_PYTHON,
      BROWSER_DOWNLOAD,
      WITH_BROWSER_PLAYWRIGHT,
      WITH_BROWSER_DEBIAN,
      WITH_BROWSER,
      DOCKER_CLI_DOWNLOAD,
      WITH_DOCKER_CLI,
      PNPM_DOWNLOAD,
      WITH_TOOLS,
      FILES,
      ...part.stages,
      ...runtimeStages(part.from, layers),
      part.test,
      IMAGE,
    ],
    layers,
  };
}

const inPlace = (name: string, holds: string, stage: string): Layer => ({ name, holds, made: { by: 'stage', stage } });

/**
 * @param path below LAYERS in that stage
 * @param into the stage that copies it
 */
const fromStage = (name: string, holds: string, stage: string, path: string, into: string = RUNTIME): Layer => ({
  name,
  holds,
  made: { by: 'copy', stage: into, instruction: `COPY --link --from=${stage} ${LAYERS}/${path} /` },
});

function browserLayers(browser: BrowserChoice, playwright: string | undefined): readonly Layer[] {
  switch (browser) {
    case 'none':
      return [];
    case 'debian':
      return [inPlace('browser', "Debian's Chromium, Xvfb", WITH_BROWSER_DEBIAN.name)];
    case 'playwright':
      return [
        inPlace('xvfb', 'Xvfb', WITH_BROWSER_PLAYWRIGHT.name),
        inPlace('browser-libraries', 'Debian packages for Chromium', WITH_BROWSER_PLAYWRIGHT.name),
        fromStage(
          'browser',
          `Chromium of Playwright ${playwright ?? 'latest'}`,
          BROWSER_DOWNLOAD.name,
          'browser',
          WITH_BROWSER_PLAYWRIGHT.name,
        ),
      ];
  }
}

function packagePart(
  planned: PlannedPackage,
  { plugins = [], isolated = false }: Pick<DockerfileRequest, 'plugins' | 'isolated'>,
): GatewayPart {
  const gateway = planned.kind === 'any' ? ANY_PACKAGE : planned;
  const { dependencyLayers } = gateway;
  return {
    parameters: [parameter('OPENCLAW_PACKAGE', `openclaw@${gateway.version}`, 'npm package of the gateway')],
    stages: [
      gatewayStage(gateway.allowedScripts),
      GATEWAY_DEPENDENCIES,
      dependenciesStage(isolated),
      UNPACKED,
      packageStage(gateway.installScripts),
      INSTALLED_FILES,
      ...plugins.flatMap(pluginStages),
    ],
    from: WITH_TOOLS.name,
    below: [],
    layers: [
      ...dependencyLayers.map(({ name, holds, path }) => fromStage(name, holds, 'dependencies', path)),
      fromStage(
        'dependencies',
        dependencyLayers.length > 0 ? 'commands of the dependencies' : 'dependencies',
        'dependencies',
        'dependencies',
      ),
      ...plugins.map(({ id, packageName, version }) =>
        fromStage(`plugin ${id}`, `${packageName}@${version} with its dependencies`, `baked-${id}`, 'plugin'),
      ),
      fromStage('docs', 'documentation and skills', INSTALLED_FILES.name, 'docs'),
      fromStage('control-ui', 'the Control UI', INSTALLED_FILES.name, 'control-ui'),
      fromStage('server', 'the compiled gateway', INSTALLED_FILES.name, 'server'),
      fromStage('package', "the package's other files, and files that its install scripts wrote", 'package', 'package'),
    ],
    // Files that install scripts wrote are above all other layers.
    test: smokeTestStage(RUNTIME, []),
  };
}

const ANY_PACKAGE = {
  version: 'latest',
  installScripts: ['preinstall', 'postinstall'],
  dependencyLayers: [],
  allowedScripts: [],
} as const;

function checkoutPart(
  checkout: Checkout,
  { isolated = false, heap }: Pick<DockerfileRequest, 'isolated' | 'heap'>,
): GatewayPart {
  const { selected, hasExtensions } = checkout;
  const hasUi = checkout.uiSources.length > 0;
  return {
    parameters: [
      ...(hasExtensions
        ? [
            parameter(
              'OPENCLAW_EXTENSIONS',
              selected.map(({ id }) => id).join(' '),
              'plugins to include, by id or by folder, separated by spaces or commas',
            ),
          ]
        : []),
      parameter(
        BUILD_HEAP,
        heap === undefined ? '' : String(heap),
        "megabytes for JavaScript in the gateway's build scripts",
      ),
    ],
    stages: sourceStages(checkout, isolated),
    from: hasExtensions ? `${WITH_TOOLS.name}\${OPENCLAW_EXTENSIONS:+-and-plugins}` : WITH_TOOLS.name,
    below:
      selected.length === 0
        ? []
        : [
            fromStage(
              'plugin dependencies',
              `dependencies of ${selected.map(({ id }) => id).join(', ')}`,
              'plugins',
              'plugins',
              WITH_PLUGINS.name,
            ),
          ],
    layers: [
      fromStage('dependencies', 'production dependencies', 'dependencies', 'dependencies', WITH_SERVER),
      ...(checkout.pluginsFromSource
        ? [fromStage('plugins', 'plugins, as sources', 'extensions', 'extensions', WITH_SERVER)]
        : []),
      fromStage('package', checkout.packageFiles.join(', '), 'package', 'package', WITH_SERVER),
      fromStage('server', 'the compiled gateway', 'server', 'server', WITH_SERVER),
      ...checkout.documents.map((path) => fromStage(path, path, path, path)),
      ...(hasUi ? [fromStage('control-ui', 'the Control UI', 'control-ui', 'control-ui')] : []),
      fromStage('build-info', 'version and commit', 'build-info', 'build-info'),
    ],
    test: smokeTestStage(WITH_SERVER, [
      ...checkout.documents.map((path) => ({ stage: path, folder: path })),
      ...(hasUi ? [{ stage: 'control-ui', folder: 'dist/control-ui' }] : []),
    ]),
  };
}
