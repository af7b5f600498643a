import { posix } from 'node:path';
import { readDotEnv } from './dot-env.ts';
import { PROVIDERS } from './provider.ts';
import { BUILD_VARIABLES, DEFAULTS, STACK_VARIABLES } from './stack-variable.ts';

/** All that setup knows of the host. */
export interface SetupInput {
  /** Variables that are set; an empty one takes back what `.env` says. */
  readonly environment: ReadonlyMap<string, string>;
  /** `.env` as it is; empty for none. */
  readonly dotEnv: string;
  /** Folder of docker-compose.yml. */
  readonly project: string;
  /** Names of the Compose files that exist there. */
  readonly present: ReadonlySet<string>;
  /** Where folders are that links lead to: `HOME` and the variables of folders; the others are where they say. */
  readonly physical?: ReadonlyMap<string, string>;
  /** Whether somebody can be asked. */
  readonly terminal: boolean;
}

/** What every variable comes to: the environment's word, else that of `.env`, else nothing. */
export type Values = ReadonlyMap<string, string>;

/** Variables that name folders of the host's, which both containers write to. */
export const FOLDERS = ['OPENCLAW_CONFIG_DIR', 'OPENCLAW_WORKSPACE_DIR', 'OPENCLAW_AUTH_PROFILE_SECRET_DIR'] as const;

/** Names of variables that setup reads: what the shell hands over. */
export const SETUP_VARIABLES: readonly string[] = [
  ...STACK_VARIABLES.map(({ name }) => name),
  ...BUILD_VARIABLES,
  ...PROVIDERS.map(({ variable }) => variable),
  'COMPOSE_PROJECT_NAME',
];

export function effectiveValues({ environment, dotEnv }: SetupInput): Values {
  const kept = readDotEnv(dotEnv);
  const known = SETUP_VARIABLES.flatMap((name): [string, string][] => {
    const value = environment.get(name) ?? kept.get(name) ?? '';
    return value === '' ? [] : [[name, value]];
  });
  return new Map(known);
}

export const home = ({ environment }: SetupInput): string => environment.get('HOME') || '/tmp';

/** Values of the variables that have a default, the default filled in. */
export type Settled = Readonly<Record<keyof typeof DEFAULTS, string>>;

export function withDefaults(values: Values, input: SetupInput): Settled {
  const settled = Object.entries(DEFAULTS).map(([name, unset]) => [
    name,
    values.get(name) ?? unset.replace('$HOME', () => home(input)),
  ]);
  return Object.fromEntries(settled) as Settled;
}

/** What Compose calls a project by itself: setup writes it down, so that it stays when the folder is moved. */
export const projectName = (values: Values, { project }: SetupInput): string =>
  values.get('COMPOSE_PROJECT_NAME') ??
  (posix
    .basename(project)
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, 63) ||
    'openclaw');
