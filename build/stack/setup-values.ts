import { readDotEnv } from './dot-env.ts';
import { PROVIDERS } from './provider.ts';
import { BUILD_VARIABLES, isOn, STACK_VARIABLES } from './stack-variable.ts';

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

/** The image that is built here instead of pulled. */
export const LOCAL_IMAGE = 'openclaw:local';
/** Names of variables that setup reads: what the shell hands over. */
export const SETUP_VARIABLES: readonly string[] = [
  ...STACK_VARIABLES.map(({ name }) => name),
  ...BUILD_VARIABLES,
  ...PROVIDERS.map(({ variable }) => variable),
  'COMPOSE_PROJECT_NAME',
];

export const sandboxIsSet = (values: Values): boolean => isOn(values.get('OPENCLAW_SANDBOX'));

export function effectiveValues({ environment, dotEnv }: SetupInput): Values {
  const kept = readDotEnv(dotEnv);
  const known = SETUP_VARIABLES.flatMap((name): [string, string][] => {
    const value = environment.get(name) ?? kept.get(name) ?? '';
    return value === '' ? [] : [[name, value]];
  });
  return new Map(known);
}

export const home = ({ environment }: SetupInput): string => environment.get('HOME') || '/tmp';

/** The defaults of docker-compose.yml. */
export function withDefaults(values: Values, input: SetupInput) {
  const value = (name: string, fallback: string): string => values.get(name) ?? fallback;
  return {
    OPENCLAW_IMAGE: value('OPENCLAW_IMAGE', LOCAL_IMAGE),
    OPENCLAW_CONFIG_DIR: value('OPENCLAW_CONFIG_DIR', `${home(input)}/.openclaw`),
    OPENCLAW_WORKSPACE_DIR: value('OPENCLAW_WORKSPACE_DIR', `${home(input)}/.openclaw/workspace`),
    OPENCLAW_AUTH_PROFILE_SECRET_DIR: value(
      'OPENCLAW_AUTH_PROFILE_SECRET_DIR',
      `${home(input)}/.openclaw-auth-profile-secrets`,
    ),
    OPENCLAW_GATEWAY_PORT: value('OPENCLAW_GATEWAY_PORT', '18789'),
    OPENCLAW_BRIDGE_PORT: value('OPENCLAW_BRIDGE_PORT', '18790'),
    OPENCLAW_GATEWAY_BIND: value('OPENCLAW_GATEWAY_BIND', 'lan'),
  };
}
