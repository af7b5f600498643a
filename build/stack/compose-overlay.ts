import type { ExtraMount } from './extra-mounts.ts';

export const EXTRA_OVERLAY = 'docker-compose.extra.yml';
export const SANDBOX_OVERLAY = 'docker-compose.sandbox.yml';
export const OVERRIDE = 'docker-compose.override.yml';
export const COMPOSE_FILE = 'docker-compose.yml';

/**
 * A text as a YAML scalar that is nothing but this text: JSON's strings are YAML's double-quoted ones
 * (https://yaml.org/spec/1.2.2/#73-flow-scalar-styles), and Compose reads `$$` as `$`.
 */
const scalar = (text: string): string => JSON.stringify(text.replaceAll('$', '$$$$'));

const mountLines = ({ source, target, access, label }: ExtraMount): readonly string[] => [
  '      - type: bind',
  `        source: ${scalar(source)}`,
  `        target: ${scalar(target)}`,
  ...(access === 'ro' ? ['        read_only: true'] : []),
  '        bind:',
  // A folder that is not there is a mistake, and not a folder of root's.
  '          create_host_path: false',
  ...(label === undefined ? [] : [`          selinux: ${label}`]),
];

/**
 * docker-compose.extra.yml: the home volume and the extra mounts, for both services.
 *
 * @returns undefined where there is nothing to mount
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
    '# Written by scripts/docker/setup.sh from OPENCLAW_HOME_VOLUME and OPENCLAW_EXTRA_MOUNTS: set these and run it again.',
    'services:',
    ...['openclaw-gateway', 'openclaw-cli'].flatMap((service) => [`  ${service}:`, '    volumes:', ...volumes]),
    // By its own name, so that it stays when the project is called otherwise.
    ...(homeVolume === undefined ? [] : ['volumes:', '  openclaw-home:', `    name: ${scalar(homeVolume)}`]),
  ]);
}

/** docker-compose.sandbox.yml: the engine's socket, for the gateway alone, and the group that may use it. */
export const sandboxOverlay = (socket: string, group: number): string =>
  lines([
    '# Written by scripts/docker/setup.sh, after all that the sandbox needs was found: OPENCLAW_SANDBOX=0 takes it away.',
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

/**
 * The files that Compose reads, in their order, for COMPOSE_FILE in `.env`: with it a plain `docker compose` sees the same stack.
 *
 * @param kept COMPOSE_FILE as it is; undefined for none
 * @param present of the overlays and the user's override: those that exist after setup
 * @returns the files; `written` is undefined where Compose finds them by itself
 */
export function composeFiles(
  kept: string | undefined,
  present: ReadonlySet<string>,
): { readonly files: readonly string[]; readonly written: string | undefined } {
  const own = [EXTRA_OVERLAY, SANDBOX_OVERLAY];
  const listed = (kept ?? '').split(':').filter((file) => file !== '' && !own.includes(file));
  const found = [COMPOSE_FILE, ...(present.has(OVERRIDE) ? [OVERRIDE] : [])];
  // A list of other files is the user's, and stays; else it is what Compose finds by itself, of what is there now.
  const theirs = listed.some((file) => file !== COMPOSE_FILE && file !== OVERRIDE);
  const base = theirs ? listed.filter((file) => file !== OVERRIDE || present.has(OVERRIDE)) : found;
  const overlays = own.filter((file) => present.has(file));
  const files = [...base, ...overlays];
  const byItself = overlays.length === 0 && !theirs;
  return { files, written: byItself ? undefined : files.join(':') };
}
