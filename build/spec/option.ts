/** One option of a command, once: commander, the README's table, and the reader of environment variables come from it. */
export interface OptionDefinition {
  /** Commander's form: `--apt <names>`. */
  readonly flags: string;
  /** Environment variables that set it where the flag is not given; the first that is set counts. */
  readonly variables?: readonly string[];
  readonly repeatable?: true;
  readonly description: string;
  readonly default?: string;
  /** What happens where it is not given and has no default value. */
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
    unset: 'the checkout that the command is run in, if any',
    example: '--source ../openclaw',
  },
  extensions: {
    flags: '--extensions <ids>',
    variables: ['OPENCLAW_EXTENSIONS'],
    description: 'plugins the image must hold, by id (from a checkout also by folder), separated by spaces or commas',
    example: '--extensions slack,matrix',
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
    description: 'extra Python packages, separated by spaces; PIP_INDEX_URL is honoured as a secret',
    example: '--pip "humanize==4.14.0"',
  },
  browser: {
    flags: '--browser [source]',
    variables: ['OPENCLAW_INSTALL_BROWSER'],
    description:
      "bake Chromium and Xvfb: playwright, the version that the gateway's Playwright wants (PLAYWRIGHT_DOWNLOAD_HOST names a mirror), or debian",
    unset: 'none',
    example: '--browser debian',
  },
  variant: {
    flags: '--variant <name>',
    variables: ['OPENCLAW_VARIANT'],
    description:
      'default; slim, the same image by another name; or browser, with Chromium. Ends the tags: openclaw:local-browser',
    default: 'default',
    example: '--variant browser',
  },
  dockerCli: {
    flags: '--docker-cli',
    variables: ['OPENCLAW_INSTALL_DOCKER_CLI'],
    description: 'bake the Docker CLI and Compose, for sandboxes; no daemon',
    example: '--docker-cli',
  },
  base: {
    flags: '--base <base>',
    description: 'pinned: the pin, nothing else; bootstrap: made here from Debian packages and npm; or a reference',
    unset: 'the pin; where its registry cannot be reached bootstrap, but for a push',
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
    unset: "the engine's own",
    example: '--platform linux/amd64,linux/arm64',
  },
  load: { flags: '--load', description: 'keep the image in the engine (the default)' },
  push: {
    flags: '--push',
    description: 'push every tag to its registry instead',
    example: '--tag localhost:5000/openclaw:try --push',
  },
  output: {
    flags: '-o, --output <output>',
    description: "write the image to a file or folder, in buildx's words: type=oci,dest=FILE (or tar, local)",
    example: '--output type=oci,dest=openclaw.tar',
  },
  compression: {
    flags: '--compression <kind>',
    description:
      'of layers that are pushed or written to an archive: gzip, which every client reads, or zstd, which is smaller and faster to unpack',
    default: 'gzip',
    example: '--compression zstd',
  },
  cacheFrom: {
    flags: '--cache-from <cache>',
    repeatable: true,
    description: "import a build cache, in buildx's words",
    example: '--cache-from type=local,src=/tmp/cache',
  },
  cacheTo: {
    flags: '--cache-to <cache>',
    repeatable: true,
    description: "export the build cache, in buildx's words",
    example: '--cache-to type=local,dest=/tmp/cache,mode=max',
  },
  ca: {
    flags: '--ca <file>',
    variables: ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'],
    description:
      'certificate authorities to trust beside the known ones, a PEM file; steps that download get it as a build secret',
    example: '--ca /etc/ssl/certs/company.pem',
  },
  engine: {
    flags: '--engine <host>',
    description: 'Docker Engine to use: unix:///path, tcp://host:port, ssh://host',
    unset: 'DOCKER_HOST, the Docker context, a private engine',
  },
  builder: {
    flags: '--builder <name>',
    description: 'buildx builder to use, remote and Kubernetes ones too (docker buildx ls)',
  },
  dryRun: { flags: '--dry-run', description: 'print the plan and the Dockerfile, build nothing; needs no engine' },
  json: { flags: '--json', description: 'print one JSON object and nothing else' },
} as const satisfies Record<string, OptionDefinition>;

export type BuildOptionName = keyof typeof BUILD_OPTIONS;
