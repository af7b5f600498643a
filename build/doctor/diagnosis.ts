import { basename } from 'node:path';
import { compareVersions, parseVersion } from '../gateway/version.ts';
import { bytes } from '../report/style.ts';
import {
  COMPOSE_FILE,
  composeFiles,
  EXTRA_OVERLAY,
  extraOverlay,
  OVERRIDE,
  SANDBOX_OVERLAY,
} from '../stack/compose-overlay.ts';
import { readDotEnv } from '../stack/dot-env.ts';
import { parseExtraMounts } from '../stack/extra-mounts.ts';
import { field } from '../stack/gateway-config.ts';
import { isOn } from '../stack/stack-variable.ts';
import type { Installation } from './installation.ts';

/** What a check says: `fine`, `warning` (it works, and may not for long), `problem`. */
export interface Finding {
  readonly outcome: 'fine' | 'warning' | 'problem';
  readonly found: string;
  /** The command that mends it; undefined where nothing is to be mended. */
  readonly mend?: string;
}

export interface DoctorCheck {
  readonly name: string;
  readonly examine: (installation: Installation) => Finding | readonly Finding[];
}

const GIGABYTE = 1_000_000_000;
const SETUP = 'scripts/docker/setup.sh';
const UP = 'docker compose up --detach openclaw-gateway';

const fine = (found: string): Finding => ({ outcome: 'fine', found });
const warning = (found: string, mend: string): Finding => ({ outcome: 'warning', found, mend });
const problem = (found: string, mend: string): Finding => ({ outcome: 'problem', found, mend });

/** Checks of a running installation, each with the command that mends what it finds. */
export const DOCTOR_CHECKS: readonly DoctorCheck[] = [
  {
    name: 'engine',
    examine: ({ engine }) =>
      Number.parseInt(engine.version, 10) >= 24
        ? fine(`Docker ${engine.version} on ${engine.host}`)
        : warning(`Docker ${engine.version} is older than 24`, 'https://docs.docker.com/engine/install'),
  },
  {
    name: 'compose',
    examine: ({ composeVersion }) => {
      if (composeVersion === undefined)
        return problem('there is no Compose v2', 'https://docs.docker.com/compose/install');
      const [major = 0, minor = 0] = composeVersion.split('.').map((part) => Number.parseInt(part, 10));
      return major > 2 || (major === 2 && minor >= 24)
        ? fine(`Compose ${composeVersion}`)
        : problem(`Compose ${composeVersion} is older than 2.24`, 'https://docs.docker.com/compose/install');
    },
  },
  {
    name: 'compose-files',
    examine: ({ composeError }) =>
      composeError === undefined ? fine('Compose reads them') : problem(composeError, SETUP),
  },
  {
    name: 'memory',
    examine: ({ engine }) =>
      engine.memory >= 2 * GIGABYTE
        ? fine(bytes(engine.memory))
        : warning(
            `${bytes(engine.memory)}: a build needs 2 GB`,
            'run a published image: OPENCLAW_IMAGE=ghcr.io/openclaw/openclaw:latest scripts/docker/setup.sh',
          ),
  },
  {
    name: 'disk',
    examine: ({ folders }) =>
      folders
        .filter(({ free }) => free !== undefined)
        .slice(0, 1)
        .map(({ path, free = 0 }) =>
          free >= 2 * GIGABYTE
            ? fine(`${bytes(free)} free beside ${path}`)
            : warning(
                `${bytes(free)} free beside ${path}`,
                'docker system prune; then look into media/ and cron/runs/ of the configuration',
              ),
        ),
  },
  {
    name: 'ports',
    examine: ({ ports }) =>
      ports.map(({ variable, port, holder, own }) => {
        if (own) return fine(`${port}: the gateway's`);
        return holder === undefined
          ? fine(`${port}: free`)
          : problem(
              `${port} is in use by ${holder}`,
              `${variable}=${port + 10_000 > 65_535 ? 28_789 : port + 10_000} ${SETUP}`,
            );
      }),
  },
  { name: 'ownership', examine: ({ folders }) => folders.map(ownership) },
  { name: 'token', examine: token },
  { name: 'environment', examine: environment },
  { name: 'overlays', examine: overlays },
  {
    name: 'config-file',
    examine: ({ container, config }) => {
      if (config === 'unreadable')
        return problem('openclaw.json is no JSON5', 'docker compose run --rm openclaw-cli doctor');
      const single = container?.mounts.find(({ target }) => target === '/home/node/.openclaw/openclaw.json');
      return single === undefined
        ? fine('its folder is mounted')
        : problem(
            `${single.source} is mounted as a single file, which cannot be replaced as a whole (EBUSY)`,
            `take that mount out, and mount its folder: OPENCLAW_CONFIG_DIR='${single.source.replace(/\/[^/]*$/, '')}' ${SETUP}`,
          );
    },
  },
  { name: 'image', examine: image },
  {
    name: 'gateway',
    examine: ({ container }) => {
      if (container === undefined) return problem('there is no container', UP);
      if (container.status !== 'running') return problem(`its container is ${container.status}`, UP);
      return container.health === 'healthy'
        ? fine('runs, and is healthy')
        : problem(
            `runs, and is ${container.health ?? 'not checked'}`,
            'docker compose logs --tail 50 openclaw-gateway',
          );
    },
  },
];

/** A check's findings under its name, in the order of the checks. */
export const diagnose = (installation: Installation): readonly (Finding & { readonly name: string })[] =>
  DOCTOR_CHECKS.flatMap(({ name, examine }) => [examine(installation)].flat().map((finding) => ({ name, ...finding })));

function ownership({ variable, path, exists, foreign }: Installation['folders'][number]): Finding {
  if (!exists) return problem(`${path} does not exist (${variable})`, SETUP);
  if (foreign === undefined) return warning(`${path}: nobody could look into it`, SETUP);
  return foreign === 0
    ? fine(`${path} is uid 1000's`)
    : problem(`${foreign} files and folders of ${path} are not uid 1000's`, SETUP);
}

function token({ dotEnv, config, container }: Installation): Finding {
  const wanted = readDotEnv(dotEnv).get('OPENCLAW_GATEWAY_TOKEN') ?? '';
  if (wanted === '') return problem('there is no OPENCLAW_GATEWAY_TOKEN in .env', SETUP);
  const configured = field(config, 'gateway.auth.token');
  if (typeof configured === 'string' && configured !== wanted && !/^\$\{\w+\}$/.test(configured))
    return problem('openclaw.json has another token than .env', SETUP);
  const running = container?.environment.get('OPENCLAW_GATEWAY_TOKEN');
  return running !== undefined && running !== wanted
    ? problem('the gateway runs with another token than .env', UP)
    : fine('the same everywhere');
}

function environment({ wantedEnvironment, container }: Installation): Finding {
  if (container === undefined || wantedEnvironment === undefined) return fine('nothing runs to compare with');
  const { environment: actual, imageVariables } = container;
  const different = [
    ...[...wantedEnvironment].filter(([name, value]) => actual.get(name) !== value).map(([name]) => name),
    ...[...actual.keys()].filter((name) => !wantedEnvironment.has(name) && !imageVariables.has(name)),
    // Which has a check of its own.
  ].filter((name) => name !== 'OPENCLAW_GATEWAY_TOKEN');
  return different.length === 0
    ? fine('the container has what .env says')
    : problem(`the container was made with other values of ${different.join(', ')}`, UP);
}

/** Overlays that are not used, not there, or not what `.env` says; and a container that was made from other files. */
function overlays({ dotEnv, files, container, project }: Installation): Finding | readonly Finding[] {
  const values = readDotEnv(dotEnv);
  const findings: Finding[] = [];
  const { files: listed } = composeFiles(values.get('COMPOSE_FILE'), new Set(files.keys()));
  const kept = values.get('COMPOSE_FILE')?.split(':') ?? [COMPOSE_FILE, ...(files.has(OVERRIDE) ? [OVERRIDE] : [])];
  for (const file of kept.filter(
    (name) => [EXTRA_OVERLAY, SANDBOX_OVERLAY, OVERRIDE].includes(name) && !files.has(name),
  ))
    findings.push(problem(`COMPOSE_FILE in .env names ${file}, which is not there`, SETUP));
  for (const file of listed.filter((name) => !kept.includes(name)))
    findings.push(
      warning(`${file} is there, and COMPOSE_FILE in .env does not name it: plain docker compose leaves it out`, SETUP),
    );
  const wanted = extraOverlay(
    values.get('OPENCLAW_HOME_VOLUME'),
    parseExtraMounts(values.get('OPENCLAW_EXTRA_MOUNTS') ?? '').mounts,
  );
  if (files.get(EXTRA_OVERLAY) !== wanted)
    findings.push(
      warning(`${EXTRA_OVERLAY} is not what .env says (OPENCLAW_EXTRA_MOUNTS, OPENCLAW_HOME_VOLUME)`, SETUP),
    );
  if (files.has(SANDBOX_OVERLAY) && !isOn(values.get('OPENCLAW_SANDBOX')))
    findings.push(problem(`${SANDBOX_OVERLAY} mounts the engine's socket, and OPENCLAW_SANDBOX is off`, SETUP));
  const made = container?.composeFiles.map((file) => basename(file));
  if (made !== undefined && kept.map((file) => basename(file)).join() !== made.join())
    findings.push(warning(`the container was made from ${made.join(', ')}, and .env says ${kept.join(', ')}`, UP));
  return findings.length === 0 ? fine(`${project}: ${kept.join(', ')}`) : findings;
}

function image({ image: local, container, newestRelease }: Installation): Finding {
  if (local === undefined) return problem('the engine does not have it', SETUP);
  if (container !== undefined && container.imageId !== local.id)
    return warning(`${local.name} is newer than what the container runs`, UP);
  const [own, newest] = [parseVersion(local.version ?? ''), parseVersion(newestRelease ?? '')];
  if (own === undefined) return fine(`${local.name}: says no version`);
  if (newest === undefined) return fine(`${own.text}; what the newest release is could not be asked`);
  return compareVersions(own, newest) < 0
    ? warning(`${own.text} is older than ${newest.text}`, SETUP)
    : fine(`${own.text}, the newest release is ${newest.text}`);
}
