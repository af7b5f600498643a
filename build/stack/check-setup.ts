import { posix } from 'node:path';
import { type Problem, problemWith } from '../problem.ts';
import { BUILD_OPTIONS, type OptionDefinition } from '../spec/option.ts';
import { parseImageSpec } from '../spec/parse-image-spec.ts';
import { interpolatedKeys, readDotEnv } from './dot-env.ts';
import { parseExtraMounts } from './extra-mounts.ts';
import { maskedText } from './masked.ts';
import { pathProblem, shownValue, unprintable } from './path-rule.ts';
import { isOfOtherProgram } from './program-folders.ts';
import { PROVIDERS } from './provider.ts';
import { holdsSocket } from './sandbox-gate.ts';
import {
  effectiveValues,
  FOLDERS,
  gatewayUser,
  home,
  projectName,
  SETUP_VARIABLES,
  type SetupInput,
  type SetupValues,
  snapshotFolder,
  type Values,
  withDefaults,
} from './setup-values.ts';
import { BUILD_VARIABLES, DEFAULTS, STACK_VARIABLES } from './stack-variable.ts';
import { isOn, withoutScheme } from './value-checks.ts';

export interface CheckedSetup {
  readonly problems: readonly Problem[];
  readonly image: string;
  /** Whether the image is built on this host. */
  readonly built: boolean;
  readonly configDir: string;
  /** Sources of mounts. Docker would create a missing one as a folder of root. */
  readonly mustExist: readonly string[];
  readonly gatewayPort: number;
  readonly bridgePort: number;
  readonly sandbox: boolean;
  /** Environment variables for the build. */
  readonly buildVariables: ReadonlyMap<string, string>;
  readonly workspaceDir: string;
  readonly secretDir: string;
  readonly bind: string;
  /** The Compose project name; it does not depend on the folder name. */
  readonly projectName: string;
  /** Path of the engine's socket on this host. */
  readonly socket: string;
  /** The user that the containers run as, and that the data is given to. */
  readonly uid: string;
  readonly gid: string;
  /** Address of this host that answers on the published ports. */
  readonly hostAddress: string;
  /** SELinux label of the data: `z`, `Z`, or nothing. */
  readonly selinuxLabel: string;
  /** Folder for the snapshots of updates. */
  readonly snapshotDir: string;
  /** Number of snapshots to keep. */
  readonly snapshots: number;
}

/** https://docs.docker.com/compose/how-tos/project-name/; also the gateway's host name, limited to 63 characters by hostname(7). */
const PROJECT_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;
/** System folders. Neither `chown` nor a mount may reach these, or anything inside. */
const SYSTEM_TREES =
  /^\/(?:bin|boot|dev|etc|lib|lib32|lib64|libx32|proc|run|sbin|sys|usr|private\/etc|System|Library|nix|var\/lib\/(?:docker|containers|containerd|dpkg|apt|kubelet|postgresql|mysql|mariadb|redis|mongodb|etcd|rancher|libvirt|systemd|samba|ldap|git)|var\/(?:log|run|cache|spool|backups))(?:\/|$)/;
/** Folders that contain those of other users or programs. A folder inside is allowed, the folder itself is not. */
const SHARED_FOLDERS = /^\/?(?:(?:home|Users)(?:\/[^/]+)?|root|media|mnt|opt|private|srv|tmp|var|var\/lib|var\/tmp)?$/;

/**
 * Finds everything that is wrong with a setup request, before anything is written. Source: docs/reference.md, "Setup", step 2.
 *
 * @returns the problems, and what the shell needs next; use the latter only if there is no problem
 */
export function checkSetup(input: SetupInput): CheckedSetup {
  const values = effectiveValues(input);
  const setupValues = withDefaults(values, input);
  const problems: Problem[] = [
    ...variableProblems(values, input),
    ...buildProblems(values),
    ...folderProblems(setupValues, input),
    ...portProblems(setupValues),
    ...interpolationProblems(input),
  ];
  const mounts = parseExtraMounts(values.get('OPENCLAW_EXTRA_MOUNTS') ?? '').mounts;
  const socket = socketOf(values, input);
  problems.push(...socketProblems(values, socket));
  return {
    problems,
    image: setupValues.OPENCLAW_IMAGE,
    built: setupValues.OPENCLAW_IMAGE === DEFAULTS.OPENCLAW_IMAGE,
    configDir: setupValues.OPENCLAW_CONFIG_DIR,
    mustExist: mounts.map(({ source }) => source),
    gatewayPort: Number(setupValues.OPENCLAW_GATEWAY_PORT),
    bridgePort: Number(setupValues.OPENCLAW_BRIDGE_PORT),
    sandbox: isOn(values.get('OPENCLAW_SANDBOX')),
    buildVariables: new Map(BUILD_VARIABLES.map((name) => [name, buildValue(name, values.get(name) ?? '')])),
    workspaceDir: setupValues.OPENCLAW_WORKSPACE_DIR,
    secretDir: setupValues.OPENCLAW_AUTH_PROFILE_SECRET_DIR,
    bind: setupValues.OPENCLAW_GATEWAY_BIND,
    projectName: projectName(values, input),
    socket,
    ...gatewayUser(values),
    hostAddress: answeringAddress(values.get('OPENCLAW_HOST_ADDRESS') ?? '0.0.0.0'),
    selinuxLabel: values.get('OPENCLAW_SELINUX_LABEL') ?? '',
    snapshotDir: snapshotFolder(values, setupValues),
    snapshots: Number(values.get('OPENCLAW_SNAPSHOTS') ?? '3'),
  };
}

/** An address of this host that answers for all of them. */
const answeringAddress = (address: string): string => ({ '0.0.0.0': '127.0.0.1', '[::]': '[::1]' })[address] ?? address;

function variableProblems(values: Values, input: SetupInput): readonly Problem[] {
  const problems: Problem[] = [];
  for (const { name, check, secret } of STACK_VARIABLES) {
    const given = values.get(name);
    if (given === undefined) continue;
    for (const { value = given, ...problem } of [check(given) ?? []].flat())
      problems.push({
        source: name,
        value: secret === true ? '(not shown)' : maskedText(shownValue(value), []),
        ...problem,
      });
  }
  for (const { variable } of PROVIDERS) {
    const problem = unprintable(values.get(variable) ?? '');
    if (problem !== undefined) problems.push({ source: variable, value: '(not shown)', ...problem });
  }
  const name = values.get('COMPOSE_PROJECT_NAME');
  if (name !== undefined && !PROJECT_NAME.test(name)) {
    const hint = 'use lower-case letters, digits, - and _';
    problems.push(
      problemWith(
        'COMPOSE_PROJECT_NAME',
        shownValue(name),
        'is not a valid project name of at most 63 characters',
        hint,
      ),
    );
  }
  const bad = pathProblem(home(input));
  if (bad !== undefined) problems.push({ source: 'HOME', value: shownValue(home(input)), ...bad });
  return problems;
}

/** Checks the build variables by the rules of `image:build`, and reports them under the variable's name. */
function buildProblems(values: Values): readonly Problem[] {
  const environment = Object.fromEntries(BUILD_VARIABLES.map((name) => [name, values.get(name)]));
  const hidden = BUILD_VARIABLES.flatMap((name) => {
    const problem = unprintable(values.get(name) ?? '');
    return problem === undefined ? [] : [{ source: name, value: shownValue(values.get(name) ?? ''), ...problem }];
  });
  if (hidden.length > 0) return hidden;
  const all: readonly OptionDefinition[] = Object.values(BUILD_OPTIONS);
  const names = new Set(all.flatMap(({ variables = [] }) => variables));
  return parseImageSpec({}, environment)
    .problems.filter(({ source }) => names.has(source))
    .map((problem) => ({ ...problem, value: shownValue(problem.value) }));
}

/** A path that other paths can be compared with: `/srv/openclaw/`. */
const folderTree = (path: string): string => `${posix.normalize(path).replace(/\/+$/, '')}/`;

const isIn = (path: string, folder: string): boolean => folderTree(path).startsWith(folderTree(folder));

/** Called again when the targets of symbolic links are known. */
export function folderProblems(setupValues: SetupValues, input: SetupInput): readonly Problem[] {
  const problems: Problem[] = [];
  const folders = FOLDERS.map((name) => ({ name, value: input.physical?.get(name) ?? setupValues[name] })).filter(
    ({ value }) => pathProblem(value) === undefined,
  );
  const holder = input.physical?.get('HOME') ?? home(input);
  for (const [index, { name, value }] of folders.entries()) {
    const problem = (reason: string, hint: string): void =>
      void problems.push(problemWith(name, shownValue(value), reason, hint));
    const holds = [home(input), holder, input.project].find((folder) =>
      folderTree(folder).startsWith(folderTree(value)),
    );
    const twin = folders.slice(0, index).find((other) => folderTree(other.value) === folderTree(value));
    const system = SYSTEM_TREES.test(folderTree(value)) || SHARED_FOLDERS.test(folderTree(value).slice(0, -1));
    if (system && folderTree(value) !== folderTree(holder))
      problem(
        'belongs to the system, but setup would give it to the container',
        'use a separate folder, such as $HOME/.openclaw',
      );
    else if (isOfOtherProgram(folderTree(value)))
      problem(
        'belongs to another program, but setup would give it to the container',
        'use a separate folder, such as $HOME/.openclaw',
      );
    else if (holds !== undefined && holds !== '/tmp')
      problem(`contains ${holds}, but setup would give all of it to the container`, 'use a separate folder');
    if (twin !== undefined) problem(`is the same folder as ${twin.name}`, 'use a separate folder for each');
    const held = folders.find((other) => other.name !== name && isIn(other.value, value));
    if (name === 'OPENCLAW_AUTH_PROFILE_SECRET_DIR' && twin === undefined && held !== undefined)
      problem(`contains the folder of ${held.name}`, 'use a separate folder for the secrets');
  }
  return [...problems, ...snapshotProblems(effectiveValues(input), setupValues, input)];
}

/** A snapshot of a folder cannot be in that folder. */
function snapshotProblems(values: Values, setupValues: SetupValues, input: SetupInput): readonly Problem[] {
  const folder = input.physical?.get('OPENCLAW_SNAPSHOT_DIR') ?? snapshotFolder(values, setupValues);
  if (pathProblem(folder) !== undefined) return [];
  const problem = (reason: string): readonly Problem[] => [
    problemWith('OPENCLAW_SNAPSHOT_DIR', shownValue(folder), reason, 'use a separate folder'),
  ];
  // By default it is beside the configuration, whose folder is checked.
  if (values.has('OPENCLAW_SNAPSHOT_DIR') && isOfOtherProgram(folderTree(folder)))
    return problem('belongs to another program');
  for (const name of FOLDERS) {
    const other = folderTree(input.physical?.get(name) ?? setupValues[name]);
    if (folderTree(folder).startsWith(other)) return problem(`is in the folder of ${name}, which it is to save`);
    if (other.startsWith(folderTree(folder))) return problem(`contains the folder of ${name}`);
  }
  return [];
}

function socketOf(values: Values, { environment }: SetupInput): string {
  const host = environment.get('DOCKER_HOST') ?? '';
  return withoutScheme(
    values.get('OPENCLAW_DOCKER_SOCKET') ?? (host.startsWith('unix://') ? host : '/var/run/docker.sock'),
  );
}

/** The engine's socket may be mounted only by OPENCLAW_SANDBOX, not as part of a folder. */
function socketProblems(values: Values, socket: string): readonly Problem[] {
  const { mounts } = parseExtraMounts(values.get('OPENCLAW_EXTRA_MOUNTS') ?? '');
  const reason = "contains the engine's socket, so the container could control the engine";
  const hint = 'mount only the subfolders that you need; OPENCLAW_SANDBOX=1 mounts the socket after its checks';
  return mounts
    .filter(({ source }) => holdsSocket(source, socket))
    .map(({ source }) => problemWith('OPENCLAW_EXTRA_MOUNTS', shownValue(source), reason, hint));
}

/** Compose expands variables in .env and setup does not, so the two would disagree about the value. */
function interpolationProblems({ environment, dotEnv }: SetupInput): readonly Problem[] {
  const interpolated = interpolatedKeys(dotEnv);
  // Of two variables for the user, OPENCLAW_UID counts.
  const aliases = [
    ['PUID', 'OPENCLAW_UID'],
    ['PGID', 'OPENCLAW_GID'],
  ].flatMap(([alias = '', name = '']) => (environment.has(name) || readDotEnv(dotEnv).has(name) ? [] : [alias]));
  const names = [...SETUP_VARIABLES, 'COMPOSE_FILE', ...aliases];
  return names.filter((name) => interpolated.has(name) && !environment.has(name)).map(interpolatedProblem);
}

/** @param source the variable */
export const interpolatedProblem = (source: string): Problem =>
  problemWith(
    source,
    '(in .env)',
    'refers to another variable in .env, which setup does not expand',
    'write the expanded value in .env, or put the value in single quotes',
  );

/** The Dockerfile tests whether a switch is empty. */
const buildValue = (name: string, value: string): string =>
  name.startsWith('OPENCLAW_INSTALL_') ? (isOn(value) ? '1' : '') : value;

function portProblems(setupValues: SetupValues): readonly Problem[] {
  if (setupValues.OPENCLAW_BRIDGE_PORT !== setupValues.OPENCLAW_GATEWAY_PORT) return [];
  const reason = 'is also the port of the gateway';
  return [problemWith('OPENCLAW_BRIDGE_PORT', setupValues.OPENCLAW_BRIDGE_PORT, reason, 'choose different ports')];
}
