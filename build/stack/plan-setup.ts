import type { Problem } from '../problem.ts';
import { folderProblems, interpolatedProblem } from './check-setup.ts';
import {
  composeFiles,
  EXTRA_OVERLAY,
  extraOverlay,
  isOfUser,
  SANDBOX_OVERLAY,
  sandboxOverlay,
} from './compose-overlay.ts';
import { changeDotEnv, interpolatedKeys, readDotEnv } from './dot-env.ts';
import { parseExtraMounts } from './extra-mounts.ts';
import { field } from './field.ts';
import { type ConfigWrite, configWrites, type Scheme, schemeOf } from './gateway-config.ts';
import {
  chooseToken,
  type GatewayToken,
  loginProblem,
  otherCredential,
  usesProxyLogin,
  type WrittenSecret,
  writtenSecret,
} from './gateway-token.ts';
import { onboardArguments, PROVIDERS } from './provider.ts';
import { decideSandbox, type SandboxDecision, type SandboxProbe } from './sandbox-gate.ts';
import {
  effectiveValues,
  FOLDERS,
  isGiven,
  projectName,
  SETUP_VARIABLES,
  type SetupInput,
  type SetupValues,
  type Values,
  withDefaults,
} from './setup-values.ts';
import { STACK_VARIABLES } from './stack-variable.ts';
import { startProblems } from './start-rules.ts';
import { isOn, listOf, token as tokenRule } from './value-checks.ts';

export type Onboarding =
  /** other-login: not without questions, because onboarding would set a token in its place. */
  | { readonly kind: 'skipped' | 'done' | 'other-login' }
  | { readonly kind: 'asks' | 'headless'; readonly args: readonly string[] };

export interface SetupPlan {
  readonly token: GatewayToken;
  /** Whether `openclaw.json` itself has this token, which counts more than a variable. */
  readonly hasPlainToken: boolean;
  /** Where people find what the gateway accepts, if that is not the token. */
  readonly credential: string | undefined;
  readonly dotEnv: string;
  /** Contents of the overlays; undefined: remove the file. */
  readonly extra: string | undefined;
  readonly sandboxOverlay: string | undefined;
  readonly sandbox: SandboxDecision | undefined;
  /** The sandbox setting for the configuration; undefined: the user never set OPENCLAW_SANDBOX, so the current setting stays. */
  readonly sandboxState: 'on' | 'off' | undefined;
  readonly composeFiles: readonly string[];
  readonly directories: readonly string[];
  readonly onboarding: Onboarding;
}

/**
 * Plans every file that setup writes, when the image is available.
 *
 * @param config parsed `openclaw.json`; undefined if there is none
 * @param probe of the sandbox's prerequisites, if OPENCLAW_SANDBOX is on
 * @param makeToken creates a token if there is none
 */
export function planSetup(
  input: SetupInput,
  config: unknown,
  probe: SandboxProbe | undefined,
  makeToken: () => string,
): SetupPlan & { readonly problems: readonly Problem[] } {
  const values = effectiveValues(input);
  const setupValues = withDefaults(values, input);
  const given = input.environment.get('OPENCLAW_GATEWAY_TOKEN');
  const token = usesProxyLogin(config) ? { value: '', from: undefined } : chooseToken(given, config, input, makeToken);
  const written = writtenSecret(config, 'token');
  const sandbox = probe === undefined ? undefined : decideSandbox(probe, config);
  const extra = extraOverlay(
    values.get('OPENCLAW_HOME_VOLUME'),
    parseExtraMounts(values.get('OPENCLAW_EXTRA_MOUNTS') ?? '').mounts,
  );
  const overlay = sandbox?.mounted === true ? sandboxOverlay(sandbox.socket, sandbox.group) : undefined;
  const present = new Set(input.present);
  for (const [file, content] of [
    [EXTRA_OVERLAY, extra],
    [SANDBOX_OVERLAY, overlay],
  ] as const)
    if (content === undefined) present.delete(file);
    else present.add(file);
  const compose = composeFiles(
    input.environment.get('COMPOSE_FILE') ?? readDotEnv(input.dotEnv).get('COMPOSE_FILE'),
    present,
  );
  const credential = otherCredential(config, input, token.from === 'OPENCLAW_GATEWAY_TOKEN');
  const onboarding = decideOnboarding(values, setupValues.OPENCLAW_GATEWAY_BIND, config, credential !== undefined);
  const skip = values.get('OPENCLAW_SKIP_ONBOARDING') ?? '';
  const reason = `is ${skip === '' ? 'not set' : 'off'}, there is no terminal, and no API key of a provider is given`;
  const hint = `set it to 1, give one of ${PROVIDERS.slice(0, 3)
    .map(({ variable }) => variable)
    .join(', ')} …, or run setup in a terminal`;
  return {
    problems: [
      ...folderProblems(setupValues, input),
      ...startProblems(setupValues.OPENCLAW_GATEWAY_BIND, config, input, compose.files.some(isOfUser), given),
      ...loginProblems(setupValues.OPENCLAW_GATEWAY_BIND, config, input),
      ...tokenProblems(token, written, input),
      ...(onboarding.kind === 'asks' && !input.terminal
        ? [{ source: 'OPENCLAW_SKIP_ONBOARDING', value: skip, reason, hint }]
        : []),
    ],
    token,
    // A given token that differs is replaced by a reference to the variable.
    hasPlainToken: written.kind === 'plain' && written.value === token.value,
    credential,
    dotEnv: changeDotEnv(
      input.dotEnv,
      new Map<string, string | undefined>([
        ...Object.entries(setupValues),
        ['OPENCLAW_GATEWAY_TOKEN', token.value],
        ['COMPOSE_PROJECT_NAME', projectName(values, input)],
        ...givenChanges(input, values),
        ['COMPOSE_FILE', compose.written],
      ]),
    ),
    extra,
    sandboxOverlay: overlay,
    sandbox,
    sandboxState: sandboxStateOf(input, sandbox),
    composeFiles: compose.files,
    directories: directoriesOf(setupValues),
    onboarding,
  };
}

const loginProblems = (bind: string, config: unknown, input: SetupInput): readonly Problem[] => {
  const problem = loginProblem(config, input, bind, input.environment.get('OPENCLAW_GATEWAY_TOKEN'));
  return problem === undefined ? [] : [{ source: 'openclaw.json: gateway.auth', ...problem }];
};

/** Problems with a token that setup found: the next setup would refuse it, or the gateway would not start with it. */
function tokenProblems(found: GatewayToken, written: WrittenSecret, { dotEnv }: SetupInput): readonly Problem[] {
  const isElsewhere = found.from === '.env' || found.from === 'the .env beside openclaw.json';
  const problem =
    isElsewhere || (found.from === 'openclaw.json' && written.kind !== 'plain') ? tokenRule(found.value) : undefined;
  const problems = problem === undefined ? [] : [{ source: found.from ?? '', value: '(the token)', ...problem }];
  // A given token replaces what openclaw.json refers to.
  const isReferred = found.from !== 'OPENCLAW_GATEWAY_TOKEN' && written.kind === 'variable';
  if (!isReferred || !interpolatedKeys(dotEnv).has(written.name)) return problems;
  return [...problems, interpolatedProblem(written.name)];
}

/** Off if a prerequisite failed, or if the sandbox was switched off. A remaining overlay shows that it was on. */
function sandboxStateOf(
  { environment, dotEnv, present }: SetupInput,
  decision: SandboxDecision | undefined,
): SetupPlan['sandboxState'] {
  if (decision !== undefined) return decision.mounted ? 'on' : 'off';
  const isGiven = environment.has('OPENCLAW_SANDBOX') || readDotEnv(dotEnv).has('OPENCLAW_SANDBOX');
  return isGiven || present.has(SANDBOX_OVERLAY) ? 'off' : undefined;
}

/** The given variables to keep in `.env`. An empty variable in the environment removes the kept one. */
function givenChanges(input: SetupInput, values: Values): readonly (readonly [string, string | undefined])[] {
  const writers = new Map(STACK_VARIABLES.map(({ name, write }) => [name, write]));
  const always = new Set([
    'OPENCLAW_GATEWAY_TOKEN',
    'COMPOSE_PROJECT_NAME',
    ...STACK_VARIABLES.filter(({ unset }) => unset !== undefined).map(({ name }) => name),
  ]);
  return SETUP_VARIABLES.filter((name) => !always.has(name) && isGiven(input, name)).map((name) => {
    const value = values.get(name);
    return [name, value === undefined ? undefined : (writers.get(name)?.(value) ?? value)];
  });
}

/** Source: docs/reference.md, "Setup", step 3. Created on the host, because desktop engines refuse to create folders in a mount. */
const directoriesOf = (setupValues: SetupValues): readonly string[] => [
  ...FOLDERS.map((name) => setupValues[name]),
  ...['identity', 'agents/main/agent', 'agents/main/sessions'].map(
    (path) => `${setupValues.OPENCLAW_CONFIG_DIR}/${path}`,
  ),
];

/** @param hasLogin whether the gateway accepts another login than OPENCLAW_GATEWAY_TOKEN */
function decideOnboarding(values: Values, bind: string, config: unknown, hasLogin: boolean): Onboarding {
  if (isOn(values.get('OPENCLAW_SKIP_ONBOARDING'))) return { kind: 'skipped' };
  // The onboarding wizard records when it ran.
  if (field(config, 'wizard.lastRunAt') !== undefined) return { kind: 'done' };
  const headless = PROVIDERS.some(({ variable }) => values.has(variable));
  // Without questions, onboarding sets a token, and clients with the other login would be locked out.
  if (headless && hasLogin) return { kind: 'other-login' };
  return { kind: headless ? 'headless' : 'asks', args: onboardArguments(values, bind) };
}

/**
 * The remaining writes to `openclaw.json`, after onboarding.
 *
 * @param input with `.env` as setup has written it
 * @param made what this setup has decided and found
 */
export function configureGateway(input: SetupInput, config: unknown, made: SetupSoFar): readonly ConfigWrite[] {
  const values = effectiveValues(input);
  const setupValues = withDefaults(values, input);
  return configWrites(config, {
    bind: setupValues.OPENCLAW_GATEWAY_BIND,
    port: Number(setupValues.OPENCLAW_GATEWAY_PORT),
    token: readDotEnv(input.dotEnv).get('OPENCLAW_GATEWAY_TOKEN') ?? '',
    origins: originsOf(values, setupValues, schemeOf(config)),
    ...(made.formerDotEnv === undefined ? {} : { former: formerOf(input, made.formerDotEnv, made.publishedPort) }),
    tokenGiven: made.tokenGiven ?? false,
    sandbox: made.sandbox,
  });
}

export interface SetupSoFar {
  readonly sandbox: SetupPlan['sandboxState'];
  /** Whether the user gave the token with this setup. */
  readonly tokenGiven?: boolean;
  /** `.env` before this setup. */
  readonly formerDotEnv?: string;
  /** The host's port of the running gateway: somebody may have changed the port in `.env` since it started. */
  readonly publishedPort?: number;
}

/** The origins that the user asks for: the variable's, and that of the address on which the ports are published. */
function originsOf(values: Values, { OPENCLAW_GATEWAY_PORT: port }: SetupValues, scheme: Scheme): readonly string[] {
  const address = values.get('OPENCLAW_HOST_ADDRESS') ?? '127.0.0.1';
  const published = /^(?:0\.0\.0\.0|127\.0\.0\.1)$/.test(address)
    ? []
    : [new URL(`${scheme}://${address.replace(/^\[::\]$/, '[::1]')}:${port}`).origin];
  return [...published, ...listOf(values.get('OPENCLAW_ALLOWED_ORIGINS') ?? '')];
}

function formerOf(
  input: SetupInput,
  dotEnv: string,
  publishedPort: number | undefined,
): { readonly port: number; readonly origins: readonly string[] } {
  const former = { ...input, environment: new Map<string, string>(), dotEnv };
  const values = effectiveValues(former);
  const setupValues = withDefaults(values, former);
  // The gateway may have had no certificate then, or have lost it.
  const origins = (['http', 'https'] as const).flatMap((scheme) => originsOf(values, setupValues, scheme));
  return { port: publishedPort ?? Number(setupValues.OPENCLAW_GATEWAY_PORT), origins };
}
