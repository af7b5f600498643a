import type { ExtraMount } from './extra-mounts.ts';

export const EXTRA_OVERLAY = 'docker-compose.extra.yml';
export const SANDBOX_OVERLAY = 'docker-compose.sandbox.yml';
/** The names that Compose finds by default, the first one that exists. Source: compose-go, cli/options.go, DefaultOverrideFileNames. */
export const OVERRIDES = [
  'compose.override.yml',
  'compose.override.yaml',
  'docker-compose.override.yml',
  'docker-compose.override.yaml',
] as const;
/** The last line of an overlay, which scripts/docker/setup/files.sh adds. */
export const CHECKSUM_LINE = /^# Checksum of the lines above: .*\n/m;
export const COMPOSE_FILE = 'docker-compose.yml';

/**
 * Quotes a text as a YAML scalar. JSON strings are valid double-quoted YAML
 * (https://yaml.org/spec/1.2.2/#73-flow-scalar-styles), and Compose reads `$$` as `$`.
 */
const scalar = (text: string): string => JSON.stringify(text.replaceAll('$', '$$$$'));

const mountLines = ({ source, target, access, label }: ExtraMount): readonly string[] => [
  '      - type: bind',
  `        source: ${scalar(source)}`,
  `        target: ${scalar(target)}`,
  ...(access === 'ro' ? ['        read_only: true'] : []),
  '        bind:',
  // A missing folder is an error. Docker would create it as a folder of root.
  '          create_host_path: false',
  ...(label === undefined ? [] : [`          selinux: ${label}`]),
];

/**
 * Renders docker-compose.extra.yml, with the home volume and the extra mounts for both services.
 *
 * @returns undefined if there is nothing to mount
 */
export function extraOverlay(homeVolume: string | undefined, mounts: readonly ExtraMount[]): string | undefined {
  if (homeVolume === undefined && mounts.length === 0) return undefined;
  const volumes = [
    ...(homeVolume === undefined
      ? []
      : ['      - type: volume', '        source: openclaw-home', '        target: "/home/node"']),
    ...mounts.flatMap(mountLines),
  ];
  return lines([
    '# Written by scripts/docker/setup.sh from OPENCLAW_HOME_VOLUME and OPENCLAW_EXTRA_MOUNTS. Change these and run it again.',
    'services:',
    ...['openclaw-gateway', 'openclaw-cli'].flatMap((service) => [`  ${service}:`, '    volumes:', ...volumes]),
    // A fixed name keeps the volume when the project name changes.
    ...(homeVolume === undefined ? [] : ['volumes:', '  openclaw-home:', `    name: ${scalar(homeVolume)}`]),
  ]);
}

/** Renders docker-compose.sandbox.yml, with the engine's socket and its group, for the gateway only. */
export const sandboxOverlay = (socket: string, group: number): string =>
  lines([
    '# Written by scripts/docker/setup.sh after all checks for the sandbox passed. OPENCLAW_SANDBOX=0 removes it.',
    'services:',
    '  openclaw-gateway:',
    '    group_add:',
    `      - "${group}"`,
    '    volumes:',
    '      - type: bind',
    `        source: ${scalar(socket)}`,
    '        target: "/var/run/docker.sock"',
  ]);

const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;

/** Whether a Compose file is the user's own, neither that of this project nor one that setup writes. */
export const isOfUser = (file: string): boolean => ![COMPOSE_FILE, EXTRA_OVERLAY, SANDBOX_OVERLAY].includes(file);

/** The user's override that Compose finds by default. */
export const overrideOf = (present: ReadonlySet<string>): readonly string[] =>
  OVERRIDES.filter((name) => present.has(name)).slice(0, 1);

/**
 * The files that Compose reads, in order, for COMPOSE_FILE in `.env`: with it, plain `docker compose` uses the same stack.
 *
 * @param kept value of COMPOSE_FILE, given or in `.env`; undefined if it is not set
 * @param present the overlays and the user's override that exist after setup
 * @returns the files; `written` is undefined if Compose finds the files by default
 */
export function composeFiles(
  kept: string | undefined,
  present: ReadonlySet<string>,
): { readonly files: readonly string[]; readonly written: string | undefined } {
  const own = [EXTRA_OVERLAY, SANDBOX_OVERLAY];
  const listed = (kept ?? '').split(':').filter((file) => file !== '' && !own.includes(file));
  const defaults = [COMPOSE_FILE, ...overrideOf(present)];
  const isOverride = (file: string): boolean => OVERRIDES.some((name) => name === file);
  // A list with other files belongs to the user, and stays. Otherwise use the files that Compose finds by default.
  const theirs = listed.some((file) => file !== COMPOSE_FILE && !isOverride(file));
  const base = theirs ? listed.filter((file) => !isOverride(file) || present.has(file)) : defaults;
  const overlays = own.filter((file) => present.has(file));
  const files = [...base, ...overlays];
  const byItself = overlays.length === 0 && !theirs;
  return { files, written: byItself ? undefined : files.join(':') };
}
