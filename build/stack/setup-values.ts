import { posix } from 'node:path';
import { readDotEnv } from './dot-env.ts';
import { PROVIDERS } from './provider.ts';
import { BUILD_VARIABLES, DEFAULTS, STACK_VARIABLES } from './stack-variable.ts';

/** Everything that setup's decisions depend on. */
export interface SetupInput {
  /** Variables that are set. An empty one removes the value in `.env`. */
  readonly environment: ReadonlyMap<string, string>;
  /** Current contents of `.env`; empty if there is no file. */
  readonly dotEnv: string;
  /** Contents of `.env` beside `openclaw.json`, which the gateway reads. */
  readonly besideConfig?: string;
  /** The folder with docker-compose.yml. */
  readonly project: string;
  /** Names of the Compose files that exist in that folder. */
  readonly present: ReadonlySet<string>;
  /** Resolved paths of `HOME` and of the folder variables, if they lead through symbolic links. */
  readonly physical?: ReadonlyMap<string, string>;
  /** Whether setup runs in a terminal. */
  readonly terminal: boolean;
}

/** The effective value of each variable: from the environment, else from `.env`. */
export type Values = ReadonlyMap<string, string>;

/** Variables that name the host folders which both containers write to. */
export const FOLDERS = ['OPENCLAW_CONFIG_DIR', 'OPENCLAW_WORKSPACE_DIR', 'OPENCLAW_AUTH_PROFILE_SECRET_DIR'] as const;

/** Names of the variables that setup reads, and that the shell passes to it. */
export const SETUP_VARIABLES: readonly string[] = [
  ...STACK_VARIABLES.map(({ name }) => name),
  ...BUILD_VARIABLES,
  ...PROVIDERS.map(({ variable }) => variable),
  'COMPOSE_PROJECT_NAME',
];

/** Newer names of build variables, and their former ones. */
const FORMER_NAMES = new Map([['OPENCLAW_IMAGE_APT_PACKAGES', 'OPENCLAW_DOCKER_APT_PACKAGES']]);

/** Whether the environment gives a variable, or a former name of it, so that its line in `.env` does not count any more. */
export const isGiven = ({ environment }: SetupInput, name: string): boolean =>
  environment.has(name) || environment.has(FORMER_NAMES.get(name) ?? name);

const ALIASES = new Map(STACK_VARIABLES.map(({ name, alias }) => [name, alias]));

export function effectiveValues({ environment, dotEnv }: SetupInput): Values {
  const kept = readDotEnv(dotEnv);
  const known = SETUP_VARIABLES.flatMap((name): [string, string][] => {
    // A former name that is given now counts more than the newer name in .env. Compose also takes the alias if the variable is empty.
    const former = FORMER_NAMES.get(name);
    const replaced = former !== undefined && environment.has(former);
    const value =
      (environment.get(name) ?? (replaced ? undefined : kept.get(name))) || (kept.get(ALIASES.get(name) ?? '') ?? '');
    return value === '' ? [] : [[name, value]];
  });
  return new Map(known);
}

/** The user that the containers run as: docker-compose.yml has the same default. @returns digits, also if a value is not valid */
export function gatewayUser(values: Values): { readonly uid: string; readonly gid: string } {
  const id = (name: string): string => /^\d+$/.exec(values.get(name) ?? '')?.[0] ?? '1000';
  return { uid: id('OPENCLAW_UID'), gid: id('OPENCLAW_GID') };
}

export const home = ({ environment }: SetupInput): string => environment.get('HOME') || '/tmp';

/** Values of the variables with a default, with the default filled in. */
export type SetupValues = Readonly<Record<keyof typeof DEFAULTS, string>>;

export function withDefaults(values: Values, input: SetupInput): SetupValues {
  const setupValues = Object.entries(DEFAULTS).map(([name, unset]) => [
    name,
    values.get(name) ?? unset.replace('$HOME', () => home(input)),
  ]);
  return Object.fromEntries(setupValues) as SetupValues;
}

/** The folder for the snapshots of updates. */
export const snapshotFolder = (values: Values, setupValues: SetupValues): string =>
  values.get('OPENCLAW_SNAPSHOT_DIR') ?? `${setupValues.OPENCLAW_CONFIG_DIR.replace(/\/+$/, '')}-snapshots`;

/** The default project name of Compose. Setup stores it in .env, so that it stays when the folder is moved. */
export const projectName = (values: Values, { project }: SetupInput): string =>
  values.get('COMPOSE_PROJECT_NAME') ??
  (posix
    .basename(project)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, 63) ||
    'openclaw');
