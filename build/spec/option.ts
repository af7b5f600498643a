/** One option of a command. Commander, the documentation and the parser of environment variables use this definition. */
export interface OptionDefinition {
  /** Commander's form: `--apt <names>`. */
  readonly flags: string;
  /** Environment variables that set the option if the flag is not given; the first one that is set applies. */
  readonly variables?: readonly string[];
  readonly repeatable?: true;
  readonly description: string;
  readonly default?: string;
  /** Describes the behaviour if the option is not given and has no default value. */
  readonly unset?: string;
  readonly example?: string;
}

export const BUILD_OPTIONS = {
  package: {
    flags: '--package <spec>',
    description: 'gateway to build: openclaw@<version|tag> from npm, or a packed file.tgz',
    default: 'openclaw@latest',
    example: '--package openclaw@2026.9.5',
  },
  source: {
    flags: '--source <dir>',
    variables: ['OPENCLAW_SOURCE'],
    description: 'build from a checkout of the gateway instead',
    unset: 'the current folder, if it is a checkout',
    example: '--source ../openclaw',
  },
  extensions: {
    flags: '--extensions <ids>',
    variables: ['OPENCLAW_EXTENSIONS'],
    description: 'plugins to include, by id (in a checkout also by folder), separated by spaces or commas',
    example: '--extensions slack,matrix',
  },
  override: {
    flags: '--override <name=version>',
    variables: ['OPENCLAW_OVERRIDES'],
    repeatable: true,
    description: 'replace a dependency of the gateway by a published package, for example one from a git repository',
    example: '--override libsignal=npm:libsignal@2.0.1',
  },
  sourceUrl: {
    flags: '--source-url <url>',
    variables: ['OPENCLAW_SOURCE_URL'],
    description: 'address of the source repository, for the annotations',
    unset: "repository in the gateway's package.json, or https://github.com/openclaw/openclaw",
    example: '--source-url https://github.com/me/openclaw',
  },
  revision: {
    flags: '--revision <commit>',
    variables: ['OPENCLAW_REVISION'],
    description: 'commit of a gateway from npm, for the annotations; needed if its package does not name one',
    unset: "commit in the package's dist/build-info.json; a checkout has its own",
    example: '--revision 0123456789abcdef0123456789abcdef01234567',
  },
  apt: {
    flags: '--apt <names>',
    variables: ['OPENCLAW_IMAGE_APT_PACKAGES', 'OPENCLAW_DOCKER_APT_PACKAGES'],
    description: 'extra Debian packages, separated by spaces or commas',
    example: '--apt "ffmpeg jq"',
  },
  pip: {
    flags: '--pip <names>',
    variables: ['OPENCLAW_IMAGE_PIP_PACKAGES'],
    description: 'extra Python packages, separated by spaces; PIP_INDEX_URL is passed on as a secret',
    example: '--pip "humanize==4.14.0"',
  },
  browser: {
    flags: '--browser [source]',
    variables: ['OPENCLAW_INSTALL_BROWSER'],
    description:
      "include Chromium and Xvfb: playwright (the version that the gateway's Playwright needs; PLAYWRIGHT_DOWNLOAD_HOST names a mirror) or debian",
    unset: 'none',
    example: '--browser debian',
  },
  variant: {
    flags: '--variant <name>',
    variables: ['OPENCLAW_VARIANT'],
    description:
      'default; slim (another name of the default image); or browser (with Chromium). The variant becomes a suffix of each tag: openclaw:local-browser',
    default: 'default',
    example: '--variant browser',
  },
  dockerCli: {
    flags: '--docker-cli',
    variables: ['OPENCLAW_INSTALL_DOCKER_CLI'],
    description: 'include the Docker CLI and Compose, for sandboxes; no daemon',
    example: '--docker-cli',
  },
  base: {
    flags: '--base <base>',
    description:
      'pinned (fail if its registry is unreachable), bootstrap (made on this host from Debian packages and npm), or an image reference',
    unset: 'the pinned base; if its registry is unreachable, bootstrap (never for --push)',
    example: '--base bootstrap',
  },
  tag: {
    flags: '-t, --tag <reference>',
    repeatable: true,
    description: 'name of the image',
    default: 'openclaw:local',
    example: '--tag localhost:5000/openclaw:try',
  },
  platform: {
    flags: '--platform <platforms>',
    description: 'linux/amd64, linux/arm64 or both, separated by commas',
    unset: "the engine's platform",
    example: '--platform linux/amd64,linux/arm64',
  },
  load: { flags: '--load', description: 'load the image into the engine (the default)' },
  push: {
    flags: '--push',
    description: 'push every tag to its registry instead of loading the image',
    example: '--tag localhost:5000/openclaw:try --push',
  },
  output: {
    flags: '-o, --output <output>',
    description: 'write the image to a file or folder, as buildx does: type=oci,dest=FILE (or tar, local)',
    example: '--output type=oci,dest=openclaw.tar',
  },
  compression: {
    flags: '--compression <kind>',
    description:
      'compression of layers in a registry or an archive: gzip (every client can read it) or zstd (smaller, unpacks faster)',
    default: 'gzip',
    example: '--compression zstd',
  },
  heap: {
    flags: '--heap <megabytes>',
    variables: ['OPENCLAW_BUILD_HEAP'],
    description: 'memory for JavaScript in the build scripts of a checkout, if they end with "heap out of memory"',
    unset: "Node's own limit",
    example: '--heap 4096',
  },
  smoke: {
    flags: '--no-smoke',
    description:
      'do not test the finished layers: by default every build runs openclaw --version, and looks for links that lead nowhere',
  },
  cacheFrom: {
    flags: '--cache-from <cache>',
    variables: ['OPENCLAW_CACHE_FROM'],
    repeatable: true,
    description: 'import a build cache, as buildx does',
    example: '--cache-from type=local,src=/tmp/cache',
  },
  cacheTo: {
    flags: '--cache-to <cache>',
    repeatable: true,
    description: 'export the build cache, as buildx does',
    example: '--cache-to type=local,dest=/tmp/cache,mode=max',
  },
  ca: {
    flags: '--ca <file>',
    variables: ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'],
    description: 'PEM file with certificate authorities to trust in addition; download steps get it as a build secret',
    example: '--ca /etc/ssl/certs/company.pem',
  },
  engine: {
    flags: '--engine <host>',
    description: 'Docker Engine to use: unix:///path, tcp://host:port, ssh://host',
    unset: 'DOCKER_HOST, the current Docker context, or a private engine',
  },
  builder: {
    flags: '--builder <name>',
    description: 'buildx builder to use, also a remote or Kubernetes builder (docker buildx ls)',
  },
  dryRun: { flags: '--dry-run', description: 'print the plan and the Dockerfile without building; needs no engine' },
  verbose: { flags: '--verbose', description: 'also print the size of each layer and the time of each stage' },
  json: { flags: '--json', description: 'print one JSON object and nothing else' },
} as const satisfies Record<string, OptionDefinition>;

export type BuildOptionName = keyof typeof BUILD_OPTIONS;

type OptionValue<Definition extends OptionDefinition> = Definition extends { readonly repeatable: true }
  ? readonly string[]
  : Definition['flags'] extends `${string}[${string}`
    ? string | true
    : Definition['flags'] extends `${string}<${string}`
      ? string
      : boolean;

/** The values of a table of options, as commander provides them. */
export type OptionValues<Definitions extends Readonly<Record<string, OptionDefinition>>> = {
  readonly [Name in keyof Definitions]?: OptionValue<Definitions[Name]>;
};

/** The options of `build`. */
export type GivenOptions = OptionValues<typeof BUILD_OPTIONS>;
