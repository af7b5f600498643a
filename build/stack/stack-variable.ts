import { parseExtraMounts } from './extra-mounts.ts';
import { pathProblem } from './path-rule.ts';
import {
  asDigit,
  bindMode,
  boolean,
  groupId,
  hostAddress,
  imageTrust,
  matching,
  oneOf,
  origins,
  type PartProblem,
  port,
  reference,
  service,
  socket,
  timeZone,
  token,
  url,
  userId,
  volume,
  withoutScheme,
} from './value-checks.ts';

/** A variable of setup. The documentation, the checks, the lines in `.env` and the masking of secrets use this definition. */
export interface StackVariable {
  readonly name: string;
  readonly meaning: string;
  /** Default value; undefined: the variable is not written to `.env`. */
  readonly unset?: string;
  readonly example?: string;
  readonly secret?: true;
  /** Another name of the variable in `.env`, which counts if this one is not there. */
  readonly alias?: string;
  /** Returns undefined if the value is valid. */
  readonly check: (value: string) => PartProblem | readonly PartProblem[] | undefined;
  /** Converts the value for `.env`; undefined: written as given. */
  readonly write?: (value: string) => string;
}

const OTLP = ['', 'TRACES_', 'METRICS_', 'LOGS_'] as const;
const otlp = (suffix: string): readonly string[] => OTLP.map((signal) => `OTEL_EXPORTER_OTLP_${signal}${suffix}`);

/** Defaults, as in docker-compose.yml, of the variables in every `.env`. `$HOME` is the user's home, or /tmp. */
export const DEFAULTS = {
  OPENCLAW_IMAGE: 'openclaw:local',
  OPENCLAW_CONFIG_DIR: '$HOME/.openclaw',
  OPENCLAW_WORKSPACE_DIR: '$HOME/.openclaw/workspace',
  OPENCLAW_AUTH_PROFILE_SECRET_DIR: '$HOME/.openclaw-auth-profile-secrets',
  OPENCLAW_GATEWAY_PORT: '18789',
  OPENCLAW_BRIDGE_PORT: '18790',
  OPENCLAW_GATEWAY_BIND: 'lan',
} as const;

/** A variable with a default. */
const required = (name: keyof typeof DEFAULTS, meaning: string, check: StackVariable['check']): StackVariable => ({
  name,
  meaning,
  unset: DEFAULTS[name],
  check,
});

/** A variable that is 0 or 1. */
const flag = (name: string, meaning: string, example = '1'): StackVariable => ({
  name,
  meaning,
  example,
  check: boolean,
  write: asDigit,
});

/** The variables in every `.env`. */
const STACK: readonly StackVariable[] = [
  {
    name: 'OPENCLAW_IMAGE',
    meaning: 'image to run; an image other than `openclaw:local` is pulled instead of built',
    unset: DEFAULTS.OPENCLAW_IMAGE,
    example: 'ghcr.io/openclaw/openclaw:latest',
    check: reference,
  },
  required('OPENCLAW_CONFIG_DIR', 'folder for configuration and state', (value) => pathProblem(value)),
  required('OPENCLAW_WORKSPACE_DIR', "folder for the agents' files", (value) => pathProblem(value)),
  required(
    'OPENCLAW_AUTH_PROFILE_SECRET_DIR',
    'folder for the key that decrypts stored logins; keep it separate from the configuration',
    (value) => pathProblem(value),
  ),
  required('OPENCLAW_GATEWAY_PORT', 'port of the gateway on the host', port),
  required('OPENCLAW_BRIDGE_PORT', 'port of the bridge on the host', port),
  {
    name: 'OPENCLAW_GATEWAY_BIND',
    meaning:
      'who can connect: `lan` (anyone who can reach the host port), `loopback` (only the containers), or `auto`, `custom`, `tailnet`',
    unset: DEFAULTS.OPENCLAW_GATEWAY_BIND,
    check: bindMode,
  },
  {
    name: 'OPENCLAW_GATEWAY_TOKEN',
    meaning: 'token that clients must send; default: the one in `openclaw.json`, the one in `.env`, or a new one',
    secret: true,
    check: token,
  },
];

const OPTIONAL: readonly StackVariable[] = [
  {
    name: 'OPENCLAW_IMAGE_TRUST',
    meaning:
      'who must have signed a pulled image: `release` (the release workflow of the gateway), or the path of a cosign public key; `unsigned` requires no signature. Default: the first setup requires none, and an update asks',
    example: 'release',
    check: imageTrust,
  },
  {
    name: 'OPENCLAW_EXTRA_MOUNTS',
    meaning: 'host folders to mount in both containers: `source:target[:ro]`, separated by commas',
    example: '/srv/media:/media:ro',
    check: (value) => parseExtraMounts(value).problems,
  },
  {
    name: 'OPENCLAW_HOME_VOLUME',
    meaning: 'volume for all of `/home/node`',
    example: 'openclaw_home',
    check: volume,
  },
  {
    name: 'OPENCLAW_UID',
    alias: 'PUID',
    meaning: 'uid that the gateway runs as, and that owns its data; default: `PUID`, or 1000',
    example: '99',
    check: userId,
  },
  {
    name: 'OPENCLAW_GID',
    alias: 'PGID',
    meaning: 'gid that the gateway runs as, and that owns its data; default: `PGID`, or 1000',
    example: '100',
    check: groupId,
  },
  {
    name: 'OPENCLAW_HOST_ADDRESS',
    meaning: 'address of this host to publish the ports on; default: all',
    example: '127.0.0.1',
    check: hostAddress,
  },
  {
    name: 'OPENCLAW_ALLOWED_ORIGINS',
    meaning: 'more origins from which browsers may use the Control UI, such as that of a proxy, separated by commas',
    example: 'https://claw.example.org',
    check: origins,
  },
  {
    name: 'OPENCLAW_SELINUX_LABEL',
    meaning: 'SELinux label of the data: `z` (shared by the containers of the stack); default: none',
    example: 'z',
    check: oneOf(['z'], 'is not a label that several containers can share'),
  },
  {
    name: 'OPENCLAW_MEMORY_LIMIT',
    meaning: 'memory limit of each container; default: none',
    example: '4g',
    check: matching(/^(?:0|[1-9]\d{0,6}[bkmg]?)$/i, 'is not a size', 'write a number and b, k, m or g: 4g'),
  },
  {
    name: 'OPENCLAW_PIDS_LIMIT',
    meaning: 'limit for processes and threads of each container; default: 4096',
    example: '8192',
    check: matching(/^\d{1,7}$/, 'is not a number', 'write a number: 4096'),
  },
  {
    name: 'OPENCLAW_SNAPSHOT_DIR',
    meaning: 'folder for the snapshots of updates; default: that of the configuration with `-snapshots`',
    example: '/srv/openclaw-snapshots',
    check: (value) => pathProblem(value),
  },
  {
    name: 'OPENCLAW_SNAPSHOTS',
    meaning: 'number of snapshots to keep; default: 3',
    example: '5',
    check: matching(/^[1-9]\d{0,2}$/, 'is not a number from 1 to 999', 'write a number: 3'),
  },
  {
    name: 'CONTAINER_ENGINE',
    meaning: 'engine to use: `docker` or `podman`; default: the one of the host, Docker if it has both',
    example: 'podman',
    check: oneOf(['docker', 'podman'], 'is not a supported engine'),
  },
  {
    name: 'OPENCLAW_USERNS',
    meaning: 'user namespace of the containers, which setup sets for rootless Podman',
    example: 'keep-id:uid=1000,gid=1000',
    check: matching(
      /^(?:host|keep-id(?::uid=\d{1,10},gid=\d{1,10})?)$/,
      'is not a user namespace that the stack can use',
      'write host, or keep-id:uid=1000,gid=1000',
    ),
  },
  { name: 'OPENCLAW_TZ', meaning: 'time zone of both containers', example: 'Asia/Taipei', check: timeZone },
  flag(
    'OPENCLAW_SANDBOX',
    "run agents' tools in separate containers; mounts the engine's socket if all prerequisites hold",
  ),
  {
    name: 'OPENCLAW_DOCKER_SOCKET',
    meaning:
      "the engine's socket, for the sandbox; default: that of `DOCKER_HOST` or of the Docker context, or `/var/run/docker.sock`",
    example: '/run/user/1000/docker.sock',
    check: socket,
    write: withoutScheme,
  },
  flag('OPENCLAW_SKIP_ONBOARDING', 'skip the onboarding questions; configure providers later'),
  flag('OPENCLAW_DISABLE_BONJOUR', 'disable mDNS announcements, which a bridge network drops; default 1', '0'),
  flag('OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS', "load compiled plugins even if a plugin's source is mounted"),
  ...otlp('ENDPOINT').map((name) => ({
    name,
    meaning: 'OpenTelemetry collector, over HTTP',
    example: 'http://otel-collector:4318',
    check: url,
  })),
  ...otlp('PROTOCOL').map((name) => ({
    name,
    meaning: 'protocol of the collector: `http/protobuf`',
    example: 'http/protobuf',
    check: oneOf(['http/protobuf'], 'is not supported'),
  })),
  {
    name: 'OTEL_SERVICE_NAME',
    meaning: 'service name in telemetry',
    example: 'openclaw-gateway',
    check: service,
  },
  {
    name: 'OTEL_SEMCONV_STABILITY_OPT_IN',
    meaning: 'opt-in to newer semantic conventions',
    example: 'gen_ai_latest_experimental',
    check: matching(
      /^[a-z0-9_/]+(?:,[a-z0-9_/]+)*$/,
      'is not a list of semantic conventions',
      'for example: gen_ai_latest_experimental',
    ),
  },
  flag('OPENCLAW_OTEL_PRELOADED', 'OpenTelemetry is already loaded: do not start it again'),
];

export const STACK_VARIABLES: readonly StackVariable[] = [...STACK, ...OPTIONAL];

/** Build variables, kept in .env so that the next setup builds the same image. See docs/reference.md, "Build inputs". */
export const BUILD_VARIABLES = [
  'OPENCLAW_SOURCE',
  'OPENCLAW_DOCKER_APT_PACKAGES',
  'OPENCLAW_IMAGE_APT_PACKAGES',
  'OPENCLAW_IMAGE_PIP_PACKAGES',
  'OPENCLAW_EXTENSIONS',
  'OPENCLAW_INSTALL_BROWSER',
  'OPENCLAW_INSTALL_DOCKER_CLI',
] as const;
