import { isIPv4, isIPv6 } from 'node:net';
import { InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { parseBoolean } from '../spec/parse-image-spec.ts';
import { parseExtraMounts } from './extra-mounts.ts';
import { pathProblem, unprintable, type ValueProblem } from './path-rule.ts';

/** A problem with a value; `value` names the part that is wrong. */
type PartProblem = ValueProblem & { readonly value?: string };

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

const BINDS = ['lan', 'loopback', 'auto', 'custom', 'tailnet'] as const;
const BIND_FOR: Readonly<Record<string, string>> = {
  '0.0.0.0': 'lan',
  '::': 'lan',
  '127.0.0.1': 'loopback',
  localhost: 'loopback',
};

const oneOf =
  (words: readonly string[], reason: string, hint: (value: string) => string | undefined = () => undefined) =>
  (value: string): ValueProblem | undefined =>
    words.includes(value) ? undefined : { reason, hint: hint(value) ?? `choose from ${words.join(', ')}` };

const matching =
  (rule: RegExp, reason: string, hint: string) =>
  (value: string): ValueProblem | undefined =>
    unprintable(value) ?? (rule.test(value) ? undefined : { reason, hint });

const port = (value: string): ValueProblem | undefined =>
  /^[1-9][0-9]{0,4}$/.test(value) && Number(value) <= 65_535
    ? undefined
    : {
        reason: 'is not a valid port',
        hint: /^.+:\d+$/.test(value)
          ? `write the port alone, and the address in OPENCLAW_HOST_ADDRESS=${value.replace(/:\d+$/, '')}`
          : 'choose a number from 1 to 65535',
      };

const boolean = (value: string): ValueProblem | undefined =>
  parseBoolean(value) === undefined
    ? { reason: 'is not a boolean', hint: 'use 1, true, yes or on; or 0, false, no or off' }
    : undefined;

/** The gateway accepts 1 and 0 only. */
const asDigit = (value: string): string => (isOn(value) ? '1' : '0');

/** Parses a boolean; see docs/reference.md, "Build inputs". @param value a validated value */
export const isOn = (value: string | undefined): boolean => parseBoolean(value ?? '') ?? false;

const url = (value: string): ValueProblem | undefined => {
  const hidden = unprintable(value);
  if (hidden !== undefined) return hidden;
  const parsed = URL.parse(value);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && !/\s/.test(value) && value.length <= 2048
    ? undefined
    : { reason: 'is not a valid http or https address', hint: 'for example: http://otel-collector:4318' };
};

const timeZone = (value: string): ValueProblem | undefined => {
  const problem = { reason: 'is not a valid time zone', hint: 'use an IANA name: Europe/Berlin, Asia/Taipei, UTC' };
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) return problem;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return undefined;
  } catch {
    return problem;
  }
};

const reference = (value: string): ValueProblem | undefined => {
  try {
    parseReference(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return {
      reason: `is not a valid image reference: ${error.message}`,
      hint: 'for example: ghcr.io/openclaw/openclaw:latest',
    };
  }
};

/** A token is used in headers and URLs without escaping. */
export const isToken = (value: string): boolean => TOKEN.test(value);
const TOKEN = /^[\x21-\x7e]{1,1024}$/;
const TOKEN_HINT = 'use another token, or leave the variable out to get a new one';
/** The gateway does not start with these. */
const PLACEHOLDERS = ['undefined', 'null', 'change-me-now', 'change-me-to-a-long-random-token'];
const token = (value: string): ValueProblem | undefined =>
  PLACEHOLDERS.includes(value)
    ? { reason: 'is a placeholder, with which the gateway does not start', hint: TOKEN_HINT }
    : matching(TOKEN, 'is not a valid token (1 to 1024 printable ASCII characters without spaces)', TOKEN_HINT)(value);

/** Docker takes ids up to 31 bits. Source: github.com/moby/sys/user */
const isId = (value: string): boolean => /^\d{1,10}$/.test(value) && Number(value) < 2 ** 31;
const ID_HINT = 'use a number; `id` prints those of an account';
const groupId = (value: string): ValueProblem | undefined =>
  isId(value) ? undefined : { reason: 'is not the number of a group', hint: ID_HINT };
const userId = (value: string): ValueProblem | undefined => {
  if (!isId(value)) return { reason: 'is not the number of a user', hint: ID_HINT };
  return Number(value) > 0
    ? undefined
    : { reason: 'is root, but the gateway runs programs for its agents', hint: 'use another user' };
};

/** IPv6 in brackets, as Compose reads it. Source: https://docs.docker.com/reference/compose-file/services/#ports */
const hostAddress = (value: string): ValueProblem | undefined =>
  isIPv4(value) || (/^\[[^%]*\]$/.test(value) && isIPv6(value.slice(1, -1)))
    ? undefined
    : { reason: 'is not an IP address', hint: 'for example: 127.0.0.1, or [::1]' };

/** Splits a list with commas. */
export const listOf = (value: string): readonly string[] =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');

/** An origin as browsers send it. Source: https://www.rfc-editor.org/rfc/rfc6454#section-6.2 */
const origins = (value: string): PartProblem | readonly PartProblem[] | undefined =>
  unprintable(value) ??
  listOf(value).flatMap((part) => {
    const parsed = URL.parse(part);
    if (parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.origin === part) return [];
    const meant = parsed !== null && /^https?:$/.test(parsed.protocol) ? parsed.origin : 'https://claw.example.org';
    return [{ value: part, reason: 'is not the origin of a page', hint: `write scheme, host and port only: ${meant}` }];
  });

const service = matching(/^.{1,255}$/u, 'is longer than 255 characters', 'use a shorter name');

const volume = (value: string): ValueProblem | undefined =>
  value.includes('/')
    ? {
        reason: 'is a path, not the name of a volume',
        hint: 'for a folder use OPENCLAW_EXTRA_MOUNTS=/folder:/home/node/…',
      }
    : matching(
        /^[A-Za-z0-9][A-Za-z0-9_.-]{1,254}$/,
        'is not a valid volume name (two or more letters, digits, _ . -)',
        'for example: openclaw_home',
      )(value);

const socket = (value: string): ValueProblem | undefined => pathProblem(withoutScheme(value));

/** DOCKER_HOST has the form `unix:///run/docker.sock`. */
export const withoutScheme = (value: string): string => value.replace(/^unix:\/\//, '');

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
    check: oneOf(BINDS, 'is not a bind mode', (value) => {
      const bind = BIND_FOR[value];
      return bind === undefined ? undefined : `use ${bind}: this variable takes a mode, not an address`;
    }),
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
    meaning: 'user of the gateway, which the data is given to; default: `PUID`, or 1000',
    example: '99',
    check: userId,
  },
  {
    name: 'OPENCLAW_GID',
    alias: 'PGID',
    meaning: 'group of the gateway, which the data is given to; default: `PGID`, or 1000',
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
