import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type Problem, RequestError, requestError } from './problem.ts';
import { parseRelaxedJson, RelaxedJsonError } from './relaxed-json.ts';
import { failureText } from './report/failure-report.ts';
import { checkSetup } from './stack/check-setup.ts';
import { schemeOf } from './stack/gateway-config.ts';
import { gatewayMounts } from './stack/gateway-mounts.ts';
import { otherCredential } from './stack/gateway-token.ts';
import { maskedConfiguration } from './stack/masked.ts';
import { configureGateway, planSetup } from './stack/plan-setup.ts';
import { quadletOf } from './stack/quadlet.ts';
import { type SandboxProbe, sandboxImage } from './stack/sandbox-gate.ts';
import type { SetupInput } from './stack/setup-values.ts';

// Decides what scripts/docker/setup.sh writes: `node setup.ts check|plan|configure`. Runs on the host, or in a container of the image
// if the host has no Node. Input and answers are names and values, each followed by NUL: a shell can read that format, no value
// can break it, and no secret is an argument.

type Answer = readonly [name: string, value: string];

const YES = 'yes';

const answers: Readonly<Record<string, (input: ShellInput) => readonly Answer[]>> = {
  check: (input) => {
    const { problems, buildVariables, ...checked } = checkSetup(setupInputOf(input));
    if (problems.length > 0) return problemAnswers(problems);
    return answersOf({ ...checked, export: [...buildVariables].map(([name, value]) => `${name}=${value}`) });
  },
  plan: (input) => {
    const config = configOf(input);
    const plan = planSetup(setupInputOf(input), config, sandboxProbeOf(input, config), () =>
      randomBytes(32).toString('hex'),
    );
    if (plan.problems.length > 0) return problemAnswers(plan.problems);
    const { onboarding, sandbox } = plan;
    return answersOf({
      ...{ relaxed: isRelaxed(input), envFile: plan.dotEnv, scheme: schemeOf(config) },
      ...{ tokenFrom: plan.token.from, plainToken: plan.hasPlainToken, credential: plan.credential },
      ...{ extraOverlay: plan.extra, sandboxOverlay: plan.sandboxOverlay, sandboxState: plan.sandboxState },
      ...(sandbox?.mounted === false
        ? { sandboxFailed: sandbox.failed, sandboxReason: sandbox.reason, sandboxHint: sandbox.hint }
        : {}),
      ...{ composeFile: plan.composeFiles, directory: plan.directories },
      ...{ onboarding: onboarding.kind, onboardArg: 'args' in onboarding ? onboarding.args : [] },
    });
  },
  'show-config': (input) => {
    const { dotEnv, config } = maskedConfiguration(input.text('file:.env'), configOf(input));
    return [['shown', `# .env\n${dotEnv}\n# openclaw.json\n${JSON.stringify(config ?? {}, null, 2)}\n`]];
  },
  credential: (input) => [['shown', otherCredential(configOf(input), filesOf(input)) ?? '']],
  'sandbox-image': (input) => [['sandbox_image', sandboxImage(configOf(input))]],
  mounts: (input) => gatewayMounts(input.text('compose')).map((line): Answer => ['mount', line]),
  quadlet: (input) => {
    const { unit, environment } = quadletOf(input.text('compose'), {
      image: input.text('image'),
      name: input.text('container'),
      environmentFile: input.text('environment_file'),
      labels: Object.fromEntries(input.under('label:')),
    });
    return [
      ['unit', unit],
      ['unit_environment', environment],
    ];
  },
  configure: (input) => {
    const sandbox = (['on', 'off'] as const).find((state) => state === input.text('sandbox_state'));
    const config = configOf(input);
    const tokenGiven = input.text('token_given') === YES;
    const writes = configureGateway(setupInputOf(input), config, {
      sandbox,
      tokenGiven,
      ...(input.text('former:.env') === '' ? {} : { formerDotEnv: input.text('former:.env') }),
      ...(input.text('former:port') === '' ? {} : { publishedPort: Number(input.text('former:port')) }),
    });
    return [
      ['config_batch', writes.length === 0 ? '' : JSON.stringify(writes)],
      ['relaxed', isRelaxed(input) ? YES : ''],
      // Onboarding may have changed them.
      ['credential', otherCredential(config, filesOf(input), tokenGiven) ?? ''],
      ['scheme', schemeOf(config)],
    ];
  },
};

/** Values from the shell, by name. */
interface ShellInput {
  readonly text: (name: string) => string;
  readonly has: (name: string) => boolean;
  readonly under: (prefix: string) => ReadonlyMap<string, string>;
}

function readShellInput(bytes: Buffer): ShellInput {
  const parts = bytes.toString('utf8').split('\0');
  const pairs = new Map<string, string>();
  for (let index = 0; index + 1 < parts.length; index += 2) pairs.set(parts[index] ?? '', parts[index + 1] ?? '');
  return {
    text: (name) => pairs.get(name) ?? '',
    has: (name) => pairs.has(name),
    under: (prefix) =>
      new Map(
        [...pairs].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])),
      ),
  };
}

const filesOf = (input: ShellInput) => ({
  dotEnv: input.text('file:.env'),
  besideConfig: input.text('file:config.env'),
  hasComposePassword: input.text('override_password') === YES,
});

const setupInputOf = (input: ShellInput): SetupInput => ({
  environment: input.under('env:'),
  ...filesOf(input),
  project: input.text('project'),
  present: new Set(input.under('present:').keys()),
  physical: input.under('physical:'),
  terminal: input.text('terminal') === YES,
});

/** @throws RequestError if openclaw.json is not valid: setup must not lose the user's settings */
function configOf(input: ShellInput): unknown {
  const text = input.text('file:openclaw.json');
  if (text.trim() === '') return undefined;
  try {
    return parseRelaxedJson(text);
  } catch (error) {
    if (!(error instanceof RelaxedJsonError)) throw error;
    const hint = 'correct the file, or move it away: setup does not overwrite it';
    const path = input.text('config_path');
    throw requestError('openclaw.json', path, `is not valid JSON5: ${error.message}`, hint);
  }
}

/** Whether openclaw.json has comments or other additions to JSON, which are lost when a program writes it. */
function isRelaxed(input: ShellInput): boolean {
  const text = input.text('file:openclaw.json');
  try {
    return text.trim() !== '' && JSON.parse(text) === undefined;
  } catch {
    return true;
  }
}

function sandboxProbeOf(input: ShellInput, config: unknown): SandboxProbe | undefined {
  if (input.text('sandbox') !== YES) return undefined;
  const group = input.text('sandbox:group');
  return {
    socket: input.text('sandbox:socket'),
    isSocket: input.text('sandbox:is-socket') === YES,
    group: /^\d+$/.test(group) ? Number(group) : undefined,
    hasCli: input.text('sandbox:has-cli') === YES,
    answers: input.text('sandbox:answers') === YES,
    image: sandboxImage(config),
    hasImage: input.text('sandbox:has-image') === YES,
  };
}

/** One answer for a value, several for a list. `configDir` becomes `config_dir`; true becomes `yes`, false and undefined become empty. */
const answersOf = (
  values: Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>,
): readonly Answer[] =>
  Object.entries(values).flatMap(([name, value]) =>
    [value].flat().map((item): Answer => {
      const text = typeof item === 'boolean' ? (item ? YES : '') : String(item ?? '');
      return [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), text];
    }),
  );

const problemAnswers = (problems: readonly Problem[]): readonly Answer[] => [
  ['problems', failureText(new RequestError(problems))],
];

const answer = answers[process.argv[2] ?? ''];
if (answer === undefined) throw new Error(`unknown question ${process.argv[2]}`);
const shellInput = readShellInput(await buffer(process.stdin));
let result: readonly Answer[];
try {
  result = answer(shellInput);
} catch (error) {
  if (!(error instanceof RequestError)) throw error;
  result = problemAnswers(error.problems);
}
// `end` shows that the output is complete.
process.stdout.write([...result, ['end', '']].map(([name, value]) => `${name}\0${value}\0`).join(''));
