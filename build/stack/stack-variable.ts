import { InvalidReferenceError, parseReference } from '../oci/reference.ts';
import { parseBoolean } from '../spec/parse-image-spec.ts';
import { parseExtraMounts } from './extra-mounts.ts';
import { type Complaint, pathComplaint, unprintable } from './path-rule.ts';

/** A complaint about a part of a value, where `value` names it. */
type ValueComplaint = Complaint & { readonly value?: string };

/** A variable of setup's: the README's table, the checks, what is kept in `.env` and what is hidden all come from here. */
export interface StackVariable {
  readonly name: string;
  readonly meaning: string;
  /** What it is where nobody sets it; undefined: it stays out of `.env`. */
  readonly unset?: string;
  readonly example?: string;
  readonly secret?: true;
  /** Undefined: the value is right. */
  readonly check: (value: string) => ValueComplaint | readonly ValueComplaint[] | undefined;
  /** How it is written to `.env`; as it is given where this is missing. */
  readonly write?: (value: string) => string;
}

export const BINDS = ['lan', 'loopback', 'auto', 'custom', 'tailnet'] as const;
const BIND_FOR: Readonly<Record<string, string>> = {
  '0.0.0.0': 'lan',
  '::': 'lan',
  '127.0.0.1': 'loopback',
  localhost: 'loopback',
};

const oneOf =
  (words: readonly string[], reason: string, hint: (value: string) => string | undefined = () => undefined) =>
  (value: string): Complaint | undefined =>
    words.includes(value) ? undefined : { reason, wayOut: hint(value) ?? `choose ${words.join(', ')}` };

const matching =
  (rule: RegExp, reason: string, wayOut: string) =>
  (value: string): Complaint | undefined =>
    unprintable(value) ?? (rule.test(value) ? undefined : { reason, wayOut });

const port = (value: string): Complaint | undefined =>
  /^[1-9][0-9]{0,4}$/.test(value) && Number(value) <= 65_535
    ? undefined
    : { reason: 'is no port', wayOut: 'choose a number from 1 to 65535' };

const boolean = (value: string): Complaint | undefined =>
  parseBoolean(value) === undefined
    ? { reason: 'is neither yes nor no', wayOut: 'write 1, true, yes or on; or 0, false, no or off' }
    : undefined;

/** The gateway reads 1 and 0. */
const asDigit = (value: string): string => (isOn(value) ? '1' : '0');

/** Section 4 of the reference. @param value checked before */
export const isOn = (value: string | undefined): boolean => parseBoolean(value ?? '') ?? false;

const url = (value: string): Complaint | undefined => {
  const hidden = unprintable(value);
  if (hidden !== undefined) return hidden;
  const parsed = URL.parse(value);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && !/\s/.test(value) && value.length <= 2048
    ? undefined
    : { reason: 'is no http or https address', wayOut: 'for example: http://otel-collector:4318' };
};

const timeZone = (value: string): Complaint | undefined => {
  const complaint = { reason: 'is no time zone', wayOut: 'write an IANA name: Europe/Berlin, Asia/Taipei, UTC' };
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(value)) return complaint;
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return undefined;
  } catch {
    return complaint;
  }
};

const reference = (value: string): Complaint | undefined => {
  try {
    parseReference(value);
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return {
      reason: `is no image reference: ${error.message}`,
      wayOut: 'for example: ghcr.io/openclaw/openclaw:latest',
    };
  }
};

/** Goes into a header and an address's fragment as it is. */
const token = matching(
  /^[\x21-\x7e]{1,1024}$/,
  'has characters that a token cannot have (1 to 1024 printable ones of ASCII, no space)',
  'leave it out, and a new one is made',
);

const service = matching(/^.{1,255}$/u, 'is longer than 255 characters', 'use a shorter name');

const volume = (value: string): Complaint | undefined =>
  value.includes('/')
    ? {
        reason: 'is a path, and a volume has a name',
        wayOut: 'for a folder: OPENCLAW_EXTRA_MOUNTS=/folder:/home/node/…',
      }
    : matching(
        /^[A-Za-z0-9][A-Za-z0-9_.-]{1,254}$/,
        'is no name of a volume (letters, digits, _ . - only; two characters or more)',
        'for example: openclaw_home',
      )(value);

const socket = (value: string): Complaint | undefined => pathComplaint(withoutScheme(value));

/** `unix:///run/docker.sock` is how DOCKER_HOST names it. */
export const withoutScheme = (value: string): string => value.replace(/^unix:\/\//, '');

const OTLP = ['', 'TRACES_', 'METRICS_', 'LOGS_'] as const;
const otlp = (suffix: string): readonly string[] => OTLP.map((signal) => `OTEL_EXPORTER_OTLP_${signal}${suffix}`);

/** The defaults of docker-compose.yml, of what stands in every `.env`; `$HOME` is the user's, or /tmp. */
export const DEFAULTS = {
  OPENCLAW_IMAGE: 'openclaw:local',
  OPENCLAW_CONFIG_DIR: '$HOME/.openclaw',
  OPENCLAW_WORKSPACE_DIR: '$HOME/.openclaw/workspace',
  OPENCLAW_AUTH_PROFILE_SECRET_DIR: '$HOME/.openclaw-auth-profile-secrets',
  OPENCLAW_GATEWAY_PORT: '18789',
  OPENCLAW_BRIDGE_PORT: '18790',
  OPENCLAW_GATEWAY_BIND: 'lan',
} as const;

/** What stands in every `.env`, and what the containers are made of. */
const STACK: readonly StackVariable[] = [
  {
    name: 'OPENCLAW_IMAGE',
    meaning: 'image to run; any other than `openclaw:local` is pulled instead of built',
    unset: DEFAULTS.OPENCLAW_IMAGE,
    example: 'ghcr.io/openclaw/openclaw:latest',
    check: reference,
  },
  {
    name: 'OPENCLAW_CONFIG_DIR',
    meaning: 'folder for configuration and state',
    unset: DEFAULTS.OPENCLAW_CONFIG_DIR,
    check: (value) => pathComplaint(value),
  },
  {
    name: 'OPENCLAW_WORKSPACE_DIR',
    meaning: "folder of the agents' files",
    unset: DEFAULTS.OPENCLAW_WORKSPACE_DIR,
    check: (value) => pathComplaint(value),
  },
  {
    name: 'OPENCLAW_AUTH_PROFILE_SECRET_DIR',
    meaning: 'folder of the key to stored logins; keep it apart from the configuration',
    unset: DEFAULTS.OPENCLAW_AUTH_PROFILE_SECRET_DIR,
    check: (value) => pathComplaint(value),
  },
  {
    name: 'OPENCLAW_GATEWAY_PORT',
    meaning: 'port of the host that leads to the gateway',
    unset: DEFAULTS.OPENCLAW_GATEWAY_PORT,
    check: port,
  },
  {
    name: 'OPENCLAW_BRIDGE_PORT',
    meaning: 'port of the host that leads to the bridge',
    unset: DEFAULTS.OPENCLAW_BRIDGE_PORT,
    check: port,
  },
  {
    name: 'OPENCLAW_GATEWAY_BIND',
    meaning:
      'who may reach the gateway: `lan`, whoever reaches the port; `loopback`, the containers alone; `auto`, `custom`, `tailnet`',
    unset: DEFAULTS.OPENCLAW_GATEWAY_BIND,
    check: oneOf(BINDS, 'is no kind of bind', (value) => {
      const bind = BIND_FOR[value];
      return bind === undefined ? undefined : `write ${bind}: it takes a kind, not an address`;
    }),
  },
  {
    name: 'OPENCLAW_GATEWAY_TOKEN',
    meaning: 'what clients show to enter; else the one in `openclaw.json`, the one in `.env`, or a new one',
    secret: true,
    check: token,
  },
];

const OPTIONAL: readonly StackVariable[] = [
  {
    name: 'OPENCLAW_EXTRA_MOUNTS',
    meaning: 'folders of the host in both containers: `source:target[:ro]`, separated by commas',
    example: '/srv/media:/media:ro',
    check: (value) => parseExtraMounts(value).complaints,
  },
  {
    name: 'OPENCLAW_HOME_VOLUME',
    meaning: 'volume that keeps all of `/home/node`',
    example: 'openclaw_home',
    check: volume,
  },
  { name: 'OPENCLAW_TZ', meaning: 'time zone of both containers', example: 'Asia/Taipei', check: timeZone },
  {
    name: 'OPENCLAW_SANDBOX',
    meaning: 'run tools of agents in containers of their own; mounts the socket of the engine, if everything is there',
    example: '1',
    check: boolean,
    write: asDigit,
  },
  {
    name: 'OPENCLAW_DOCKER_SOCKET',
    meaning: 'socket of the engine, for the sandbox; else that of `DOCKER_HOST`, else `/var/run/docker.sock`',
    example: '/run/user/1000/docker.sock',
    check: socket,
    write: withoutScheme,
  },
  {
    name: 'OPENCLAW_SKIP_ONBOARDING',
    meaning: 'no questions; configure providers later',
    example: '1',
    check: boolean,
    write: asDigit,
  },
  {
    name: 'OPENCLAW_DISABLE_BONJOUR',
    meaning: 'no announcements by mDNS, which a bridge network drops; 1 where it is not set',
    example: '0',
    check: boolean,
    write: asDigit,
  },
  {
    name: 'OPENCLAW_DISABLE_BUNDLED_SOURCE_OVERLAYS',
    meaning: "take the compiled plugins, also where a plugin's source is mounted",
    example: '1',
    check: boolean,
    write: asDigit,
  },
  ...otlp('ENDPOINT').map((name) => ({
    name,
    meaning: 'collector of OpenTelemetry, HTTP',
    example: 'http://otel-collector:4318',
    check: url,
  })),
  ...otlp('PROTOCOL').map((name) => ({
    name,
    meaning: 'only `http/protobuf`',
    example: 'http/protobuf',
    check: oneOf(['http/protobuf'], 'is not supported'),
  })),
  {
    name: 'OTEL_SERVICE_NAME',
    meaning: 'name of the service in telemetry',
    example: 'openclaw-gateway',
    check: service,
  },
  {
    name: 'OTEL_SEMCONV_STABILITY_OPT_IN',
    meaning: 'newer semantic conventions',
    example: 'gen_ai_latest_experimental',
    check: matching(
      /^[a-z0-9_/]+(?:,[a-z0-9_/]+)*$/,
      'is no list of conventions',
      'for example: gen_ai_latest_experimental',
    ),
  },
  {
    name: 'OPENCLAW_OTEL_PRELOADED',
    meaning: 'OpenTelemetry is loaded already: start no second one',
    example: '1',
    check: boolean,
    write: asDigit,
  },
];

export const STACK_VARIABLES: readonly StackVariable[] = [...STACK, ...OPTIONAL];

/** Read by the build, and kept so that the next run of setup builds the same: section 4 of the reference. */
export const BUILD_VARIABLES = [
  'OPENCLAW_DOCKER_APT_PACKAGES',
  'OPENCLAW_IMAGE_APT_PACKAGES',
  'OPENCLAW_IMAGE_PIP_PACKAGES',
  'OPENCLAW_EXTENSIONS',
  'OPENCLAW_INSTALL_BROWSER',
  'OPENCLAW_INSTALL_DOCKER_CLI',
] as const;
