import { basename } from 'node:path';
import { type CheckOutcome, type CheckResult, passed } from '../check-result.ts';
import { isOnThisHost, toLocalEngine } from '../engine/engine-address.ts';
import { compareVersions, parseVersion } from '../gateway/version.ts';
import {
  CHECKSUM_LINE,
  COMPOSE_FILE,
  composeFiles,
  EXTRA_OVERLAY,
  extraOverlay,
  OVERRIDES,
  overrideOf,
  SANDBOX_OVERLAY,
} from '../stack/compose-overlay.ts';
import { readDotEnv } from '../stack/dot-env.ts';
import { parseExtraMounts } from '../stack/extra-mounts.ts';
import { otherCredential, usesProxyLogin, writtenSecret } from '../stack/gateway-token.ts';
import { isOn } from '../stack/value-checks.ts';
import { bytes } from '../units.ts';
import type { Installation } from './installation.ts';

export interface DoctorCheck {
  readonly name: string;
  readonly inspect: (installation: Installation) => CheckOutcome | readonly CheckOutcome[];
}

const GIGABYTE = 1_000_000_000;
const SETUP = 'scripts/docker/setup.sh';
const UP = 'docker compose up --detach openclaw-gateway';

const warning = (found: string, hint: string): CheckOutcome => ({ status: 'warning', found, hint });
const problem = (found: string, hint: string): CheckOutcome => ({ status: 'failed', found, hint });

/** Checks of an installation, each with a command that fixes the problem. */
export const DOCTOR_CHECKS: readonly DoctorCheck[] = [
  {
    name: 'engine',
    inspect: ({ engine, dotEnv }) => {
      if (!isOnThisHost(engine.host))
        return problem(
          `${engine.host} is on another machine, so its containers cannot mount the folders of this one`,
          toLocalEngine(engine.source),
        );
      if (isPodman(dotEnv)) return passed(`Podman ${engine.version} on ${engine.host}`);
      return Number.parseInt(engine.version, 10) >= 24
        ? passed(`Docker ${engine.version} on ${engine.host}`)
        : warning(`Docker ${engine.version} is older than 24`, 'https://docs.docker.com/engine/install');
    },
  },
  {
    name: 'compose',
    inspect: ({ composeVersion }) => {
      if (composeVersion === undefined)
        return problem('Compose v2 is not installed', 'https://docs.docker.com/compose/install');
      const [major = 0, minor = 0] = composeVersion.split('.').map((part) => Number.parseInt(part, 10));
      return major > 2 || (major === 2 && minor >= 24)
        ? passed(`Compose ${composeVersion}`)
        : problem(`Compose ${composeVersion} is older than 2.24`, 'https://docs.docker.com/compose/install');
    },
  },
  {
    name: 'compose-files',
    inspect: ({ composeError }) =>
      composeError === undefined
        ? passed('valid')
        : problem(composeError, 'correct that file; docker compose config --quiet checks it'),
  },
  {
    name: 'memory',
    inspect: ({ engine }) =>
      engine.memory >= 2 * GIGABYTE
        ? passed(bytes(engine.memory))
        : warning(
            `${bytes(engine.memory)}, but a build needs 2 GB`,
            'use a published image: OPENCLAW_IMAGE=ghcr.io/openclaw/openclaw:latest scripts/docker/setup.sh',
          ),
  },
  {
    name: 'disk',
    inspect: ({ folders }) =>
      folders
        .filter(({ free }) => free !== undefined)
        .slice(0, 1)
        .map(({ path, free = 0 }) =>
          free >= 2 * GIGABYTE
            ? passed(`${bytes(free)} free on the disk of ${path}`)
            : warning(
                `${bytes(free)} free on the disk of ${path}`,
                'docker system prune; then delete old files in media/ and cron/runs/ of the configuration',
              ),
        ),
  },
  {
    name: 'ports',
    inspect: ({ ports }) =>
      ports.map(({ variable, port, published, holder, own }) => {
        if (!published) return passed(`${port}: no Compose file publishes it`);
        if (own) return passed(`${port}: used by the gateway`);
        return holder === undefined
          ? passed(`${port}: free`)
          : problem(
              `${port} is used by ${holder}`,
              `${variable}=${port + 10_000 > 65_535 ? 28_789 : port + 10_000} ${SETUP}`,
            );
      }),
  },
  { name: 'ownership', inspect: ({ folders }) => folders.map(ownership) },
  { name: 'token', inspect: token },
  { name: 'environment', inspect: environment },
  { name: 'overlays', inspect: overlays },
  {
    name: 'config-file',
    inspect: ({ container, config }) => {
      if (config === 'unreadable')
        return problem(
          'openclaw.json is not valid JSON5',
          'docker compose run --rm --no-deps --entrypoint node openclaw-gateway dist/index.js doctor',
        );
      const single = container?.mounts.find(({ target }) => target === '/home/node/.openclaw/openclaw.json');
      return single === undefined
        ? passed('its folder is mounted')
        : problem(
            `${single.source} is mounted as a single file, which programs cannot replace (EBUSY)`,
            `remove that mount, and mount the folder: OPENCLAW_CONFIG_DIR='${single.source.replace(/\/[^/]*$/, '')}' ${SETUP}`,
          );
    },
  },
  { name: 'image', inspect: image },
  { name: 'snapshots', inspect: snapshots },
  {
    name: 'gateway',
    inspect: ({ container, namesake }) => {
      if (namesake !== undefined)
        return problem(
          `the project name ${namesake.project} belongs to the installation in ${namesake.folder}`,
          `COMPOSE_PROJECT_NAME=${namesake.project}-2 ${SETUP}`,
        );
      if (container === undefined) return problem('the container does not exist', UP);
      if (container.status !== 'running') return problem(`the container is ${container.status}`, UP);
      return container.health === 'healthy'
        ? passed('running and healthy')
        : problem(
            `running, but ${container.health ?? 'without a health check'}`,
            'docker compose logs --tail 50 openclaw-gateway',
          );
    },
  },
];

/**
 * Runs every check, in the order of the list.
 *
 * @param here the current folder: in another one, a command begins with `cd`
 */
export const diagnose = (installation: Installation, here: string = installation.project): readonly CheckResult[] =>
  DOCTOR_CHECKS.flatMap(({ name, inspect }) =>
    [inspect(installation)].flat().map(({ hint, ...outcome }) => ({
      name,
      ...outcome,
      ...(hint === undefined ? {} : { hint: hintFor(installation, hint, here) }),
    })),
  );

const isPodman = (dotEnv: string): boolean => readDotEnv(dotEnv).get('CONTAINER_ENGINE') === 'podman';

/** A hint with the commands of the installation's engine, which work in the current folder. */
function hintFor(installation: Installation, hint: string, here: string): string {
  const command = isPodman(installation.dotEnv)
    ? hint.replace(/^docker compose /, 'scripts/docker/podman-compose.sh ').replace(/^docker /, 'podman ')
    : hint;
  return isProjectCommand(command, installation, here) ? `cd ${quoted(installation.project)} && ${command}` : command;
}

/** Whether a hint is a command that acts on the project in the current folder. */
const isProjectCommand = (hint: string, { project }: Installation, here: string): boolean =>
  here !== project && /^(?:[A-Z_]+=\S+ )*(?:scripts\/docker\/|docker compose )/.test(hint);

/** A path as one word of a shell. */
const quoted = (path: string): string => (/^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`);

function ownership({ variable, path, exists, uid, foreign }: Installation['folders'][number]): CheckOutcome {
  if (!exists) return problem(`${path} does not exist (${variable})`, SETUP);
  if (foreign === undefined) return warning(`${path} could not be read`, SETUP);
  return foreign === 0
    ? passed(`${path} belongs to uid ${uid}`)
    : problem(`${foreign} files and folders in ${path} do not belong to uid ${uid}`, SETUP);
}

function token({ dotEnv, besideConfig, config, container, wantedEnvironment }: Installation): CheckOutcome {
  const name = 'OPENCLAW_GATEWAY_TOKEN';
  const inDotEnv = readDotEnv(dotEnv).get(name) ?? '';
  // A Compose file may set another one than .env. Without setup, the token is beside openclaw.json.
  const wanted = inDotEnv === '' ? '' : (wantedEnvironment?.get(name) ?? inDotEnv);
  const expected = wanted === '' ? (readDotEnv(besideConfig).get(name) ?? '') : wanted;
  if (expected === '' && !usesProxyLogin(config)) return problem('.env has no OPENCLAW_GATEWAY_TOKEN', SETUP);
  const other = otherCredential(config, { dotEnv, besideConfig });
  if (other !== undefined) return passed(`the gateway accepts ${other}`);
  const written = writtenSecret(config, 'token');
  if (written.kind === 'plain' && written.value !== expected)
    return problem('openclaw.json and .env have different tokens', SETUP);
  const running = container?.environment.get(name);
  return running !== undefined && running !== wanted
    ? problem('the running gateway and .env have different tokens', UP)
    : passed('the same in .env, openclaw.json and the gateway');
}

function environment({ wantedEnvironment, container }: Installation): CheckOutcome {
  if (container === undefined || wantedEnvironment === undefined) return passed('there is no container to compare');
  const { environment: actual, imageVariables } = container;
  const different = [
    ...[...wantedEnvironment].filter(([name, value]) => actual.get(name) !== value).map(([name]) => name),
    ...[...actual.keys()].filter((name) => !wantedEnvironment.has(name) && !imageVariables.has(name)),
    // The token has its own check.
  ].filter((name) => name !== 'OPENCLAW_GATEWAY_TOKEN');
  return different.length === 0
    ? passed('the container has the values of .env')
    : problem(`the container has other values of ${different.join(', ')} than .env`, UP);
}

/** Finds overlays that are unused, missing or outdated, and a container that was created from other files. */
function overlays({ dotEnv, files, container, project }: Installation): CheckOutcome | readonly CheckOutcome[] {
  const values = readDotEnv(dotEnv);
  const outcomes: CheckOutcome[] = [];
  const { files: listed } = composeFiles(values.get('COMPOSE_FILE'), new Set(files.keys()));
  const kept = values.get('COMPOSE_FILE')?.split(':') ?? [COMPOSE_FILE, ...overrideOf(new Set(files.keys()))];
  for (const file of kept.filter(
    (name) => [EXTRA_OVERLAY, SANDBOX_OVERLAY, ...OVERRIDES].some((own) => own === name) && !files.has(name),
  ))
    outcomes.push(problem(`COMPOSE_FILE in .env names ${file}, which does not exist`, SETUP));
  for (const file of listed.filter((name) => !kept.includes(name)))
    outcomes.push(
      warning(`${file} exists, but COMPOSE_FILE in .env does not name it, so plain docker compose ignores it`, SETUP),
    );
  const expected = extraOverlay(
    values.get('OPENCLAW_HOME_VOLUME'),
    parseExtraMounts(values.get('OPENCLAW_EXTRA_MOUNTS') ?? '').mounts,
  );
  if (files.get(EXTRA_OVERLAY)?.replace(CHECKSUM_LINE, '') !== expected)
    outcomes.push(warning(`${EXTRA_OVERLAY} does not match .env (OPENCLAW_EXTRA_MOUNTS, OPENCLAW_HOME_VOLUME)`, SETUP));
  if (files.has(SANDBOX_OVERLAY) && !isOn(values.get('OPENCLAW_SANDBOX')))
    outcomes.push(problem(`${SANDBOX_OVERLAY} mounts the engine's socket, but OPENCLAW_SANDBOX is off`, SETUP));
  const made = container?.composeFiles.map((file) => basename(file));
  if (made !== undefined && kept.map((file) => basename(file)).join() !== made.join())
    outcomes.push(warning(`the container was created from ${made.join(', ')}, but .env names ${kept.join(', ')}`, UP));
  return outcomes.length === 0 ? passed(`${project}: ${kept.join(', ')}`) : outcomes;
}

function image({ image: local, container, newestRelease }: Installation): CheckOutcome {
  if (local === undefined) return problem('the engine does not have the image', SETUP);
  if (container !== undefined && container.imageId !== local.id)
    return warning(`${local.name} is another image than that of the container`, SETUP);
  const [own, newest] = [parseVersion(local.version ?? ''), parseVersion(newestRelease ?? '')];
  if (own === undefined) return passed(`${local.name} has no version label`);
  if (newest === undefined) return passed(`${own.text}; the newest release is unknown`);
  return compareVersions(own, newest) < 0
    ? warning(`${own.text} is older than ${newest.text}`, SETUP)
    : passed(`${own.text}; the newest release is ${newest.text}`);
}

function snapshots({ snapshots: found }: Installation): CheckOutcome {
  if (found === undefined) return warning('their folder cannot be read', `run doctor as the user who runs ${SETUP}`);
  const interrupted = found.find(({ unfinished }) => unfinished);
  if (interrupted !== undefined)
    return problem(`the update after snapshot ${interrupted.number} was interrupted`, `${SETUP} restores it first`);
  if (found.length === 0) return passed('none yet: each update makes one');
  const listed = found.map(
    ({ number, version, created, bytes: size }) =>
      `${number} (${[version, created.slice(0, 10), bytes(size)].filter((part) => part !== '').join(', ')})`,
  );
  const total = found.reduce((sum, { bytes: size }) => sum + size, 0);
  return passed(`${listed.join(', ')}: ${bytes(total)}; to go back to one: ${SETUP} --rollback NUMBER`);
}
