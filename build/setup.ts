import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { type Problem, RequestError } from './problem.ts';
import { failureText } from './report/failure-report.ts';
import { checkSetup } from './stack/check-setup.ts';
import { maskedConfiguration } from './stack/masked.ts';
import { configureGateway, planSetup } from './stack/plan-setup.ts';
import { parseRelaxedJson, RelaxedJsonError } from './stack/relaxed-json.ts';
import { type SandboxProbe, sandboxImage } from './stack/sandbox-gate.ts';
import type { SetupInput } from './stack/setup-values.ts';

// The decisions of scripts/docker/setup.sh: `node setup.ts check|plan|configure`, on the host or, where that has no Node, in a
// container of the image that is set up. Facts come in on stdin and answers go out on stdout, both as names and values with
// a NUL after each: a shell can read that, no value can break out of it, and no secret stands in an argument.

type Answer = readonly [name: string, value: string];

const YES = 'yes';

const answers: Readonly<Record<string, (facts: Facts) => readonly Answer[]>> = {
  check: (facts) => {
    const checked = checkSetup(inputOf(facts));
    if (checked.problems.length > 0) return problemAnswers(checked.problems);
    return [
      ['image', checked.image],
      ['built', checked.built ? YES : ''],
      ['config_dir', checked.configDir],
      ['workspace_dir', checked.workspaceDir],
      ['secret_dir', checked.secretDir],
      ['bind', checked.bind],
      ['project_name', checked.projectName],
      ...[...checked.buildVariables].map(([name, value]): Answer => ['export', `${name}=${value}`]),
      ['gateway_port', String(checked.gatewayPort)],
      ['bridge_port', String(checked.bridgePort)],
      ['sandbox', checked.sandbox ? YES : ''],
      ['socket', checked.socket],
      ...checked.mustExist.map((path): Answer => ['must_exist', path]),
    ];
  },
  plan: (facts) => {
    const config = configOf(facts);
    const plan = planSetup(inputOf(facts), config, sandboxFactsOf(facts, config), () =>
      randomBytes(32).toString('hex'),
    );
    if (plan.problems.length > 0) return problemAnswers(plan.problems);
    const { onboarding, sandbox } = plan;
    return [
      ['env_file', plan.dotEnv],
      ['token_from', plan.token.from ?? ''],
      ['extra_overlay', plan.extra ?? ''],
      ['sandbox_overlay', plan.sandboxOverlay ?? ''],
      ['sandbox_state', plan.sandboxState ?? ''],
      ...(sandbox?.mounted === false
        ? ([
            ['sandbox_failed', sandbox.failed],
            ['sandbox_reason', sandbox.reason],
            ['sandbox_way_out', sandbox.hint],
          ] as const)
        : []),
      ...plan.composeFiles.map((file): Answer => ['compose_file', file]),
      ...plan.directories.map((path): Answer => ['directory', path]),
      ['onboarding', onboarding.kind],
      ...('args' in onboarding ? onboarding.args.map((arg): Answer => ['onboard_arg', arg]) : []),
    ];
  },
  'show-config': (facts) => {
    const { dotEnv, config } = maskedConfiguration(facts.one('file:.env'), configOf(facts));
    return [['shown', `# .env\n${dotEnv}\n# openclaw.json\n${JSON.stringify(config ?? {}, null, 2)}\n`]];
  },
  'sandbox-image': (facts) => [['sandbox_image', sandboxImage(configOf(facts))]],
  configure: (facts) => {
    const sandbox = (['on', 'off'] as const).find((state) => state === facts.one('sandbox_state'));
    const writes = configureGateway(inputOf(facts), configOf(facts), sandbox);
    return [['config_batch', writes.length === 0 ? '' : JSON.stringify(writes)]];
  },
};

/** What the shell handed over, by name. */
interface Facts {
  readonly one: (name: string) => string;
  readonly has: (name: string) => boolean;
  readonly under: (prefix: string) => ReadonlyMap<string, string>;
}

function readFacts(bytes: Buffer): Facts {
  const parts = bytes.toString('utf8').split('\0');
  const pairs = new Map<string, string>();
  for (let index = 0; index + 1 < parts.length; index += 2) pairs.set(parts[index] ?? '', parts[index + 1] ?? '');
  return {
    one: (name) => pairs.get(name) ?? '',
    has: (name) => pairs.has(name),
    under: (prefix) =>
      new Map(
        [...pairs].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value]] : [])),
      ),
  };
}

const inputOf = (facts: Facts): SetupInput => ({
  environment: facts.under('env:'),
  dotEnv: facts.one('file:.env'),
  project: facts.one('project'),
  present: new Set(facts.under('present:').keys()),
  physical: facts.under('physical:'),
  terminal: facts.one('terminal') === YES,
});

/** @throws RequestError where openclaw.json cannot be read: what the user wrote there must not be lost */
function configOf(facts: Facts): unknown {
  const text = facts.one('file:openclaw.json');
  if (text.trim() === '') return undefined;
  try {
    return parseRelaxedJson(text);
  } catch (error) {
    if (!(error instanceof RelaxedJsonError)) throw error;
    const hint = 'mend it by hand, or move it away: setup does not overwrite it';
    const path = facts.one('config_path');
    throw new RequestError([{ source: 'openclaw.json', value: path, reason: `is no JSON5: ${error.message}`, hint }]);
  }
}

function sandboxFactsOf(facts: Facts, config: unknown): SandboxProbe | undefined {
  if (facts.one('sandbox') !== YES) return undefined;
  const group = facts.one('sandbox:group');
  return {
    socket: facts.one('sandbox:socket'),
    isSocket: facts.one('sandbox:is-socket') === YES,
    group: /^\d+$/.test(group) ? Number(group) : undefined,
    hasCli: facts.one('sandbox:has-cli') === YES,
    answers: facts.one('sandbox:answers') === YES,
    image: sandboxImage(config),
    hasImage: facts.one('sandbox:has-image') === YES,
  };
}

const problemAnswers = (problems: readonly Problem[]): readonly Answer[] => [
  ['problems', failureText(new RequestError(problems))],
];

const answer = answers[process.argv[2] ?? ''];
if (answer === undefined) throw new Error(`unknown question ${process.argv[2]}`);
const facts = readFacts(await buffer(process.stdin));
let given: readonly Answer[];
try {
  given = answer(facts);
} catch (error) {
  if (!(error instanceof RequestError)) throw error;
  given = problemAnswers(error.problems);
}
// `end` tells whoever reads that nothing was cut off.
process.stdout.write([...given, ['end', '']].map(([name, value]) => `${name}\0${value}\0`).join(''));
