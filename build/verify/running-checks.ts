import { type CheckOutcome, failed, passIf } from '../check-result.ts';
import { type Container, poll } from '../engine/container.ts';
import { requestGateway } from '../engine/gateway-request.ts';
import { compareVersions, parseVersion } from '../gateway/version.ts';
import { ANNOTATION } from '../oci/annotations.ts';
import { available, type Check, type Subject } from './check.ts';

/** The default of `docker stop`. */
const STOP_SECONDS = 10;
/** Cold starts of 7 to 22 s were measured on two cores. */
const START_SECONDS = 120;
/** On two idle cores the gateway is live about 3 s before it has started completely. Until then it handles no signals. */
const READY_SECONDS = 30;

async function shell(container: Container, line: string): Promise<string> {
  const { stdout } = await container.exec(['sh', '-c', line]);
  return stdout.trim();
}

const lastLine = async (container: Container): Promise<string> => (await container.lines(1)).join(' ').slice(0, 160);

/** Waits for an answer while the container runs. */
async function waitForAnswer({ running, slowdown }: Subject, path: string, statuses: readonly number[] | 'any') {
  const container = available(running);
  const limit = START_SECONDS * slowdown;
  const end = performance.now() + limit * 1000;
  const result = await poll(async () => {
    const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const answer = await requestGateway(container, path, statuses, { seconds, every: slowdown / 2 });
    return answer ?? ((await container.state()).running ? undefined : ('ended' as const));
  }, limit);
  if (result === undefined) return { found: `no such answer within ${limit} s` };
  if (result === 'no shell') return { found: 'the image has no shell to send the request' };
  if (result === 'ended') return { found: `the container ended: ${await lastLine(container)}` };
  return { found: `${result.status} ${result.body.slice(0, 80)}`, answer: result };
}

/** A check that compares the output of a line of shell in the running container. */
const outputIs = (check: Omit<Check, 'run'>, line: string, expected: string): Check => ({
  ...check,
  run: async ({ running }) => {
    const output = await shell(available(running), line);
    return passIf(output === expected, output === '' ? 'no answer' : output.split('\n').join(', '), expected);
  },
});

/**
 * PID 1 must reap an orphan when it ends. Every process is a zombie for a moment, longer on a busy machine, so the count is repeated
 * for ten seconds; a zombie that is never reaped stays.
 */
const COUNT_ZOMBIES = `sh -c '(sleep 0.2 &)'; for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1
zombies=0; for stat in /proc/[0-9]*/stat; do read -r line 2>/dev/null <"$stat" && case \${line##*) } in Z*) zombies=$((zombies + 1)) ;; esac; done
[ "$zombies" != 0 ] || break; done; echo "$zombies"`;

async function checkVersion({ running, config }: Subject): Promise<CheckOutcome> {
  const { stdout, stderr } = await available(running).exec(['openclaw', '--version']);
  const output = (stdout || stderr).trim().split('\n')[0] ?? '';
  const label = config.config?.Labels?.[ANNOTATION.version];
  if (label === undefined) return failed(output, 'a version label; the image has none');
  // Compare whole words: 2026.3.13 is not 2026.3.13-1.
  return passIf(output.split(/[\s()]+/).includes(label), output, label === '' ? 'a non-empty version label' : label);
}

async function checkStop({ running, slowdown }: Subject): Promise<CheckOutcome> {
  const container = available(running);
  const limit = STOP_SECONDS * slowdown;
  if (!(await container.state()).running)
    return failed(`the container ended before: ${await lastLine(container)}`, `ends within ${limit} s of SIGTERM`);
  const limits = { seconds: READY_SECONDS * slowdown, every: slowdown / 2 };
  // A broken channel keeps /readyz at 503 for ever; releases that have /startupz say there when they have started.
  const startup = await requestGateway(container, '/startupz', 'any', limits);
  const hasStartup = typeof startup === 'object' && startup.body.includes('"status"');
  await requestGateway(container, hasStartup ? '/startupz' : '/readyz', [200], limits);
  const { seconds, exitCode } = await container.stop(limit);
  return passIf(
    exitCode === 0 || exitCode === 143,
    `${seconds.toFixed(1)} s, exit code ${exitCode}`,
    `ends within ${limit} s of SIGTERM, not killed`,
  );
}

/** Releases before 2026.3.7 answer every path with the page of the Control UI. Source: their `src/gateway/server-http.ts`. */
function isBeforeHealthz({ config }: Pick<Subject, 'config'>): boolean {
  const version = parseVersion(config.config?.Labels?.[ANNOTATION.version] ?? '');
  return version !== undefined && compareVersions(version, FIRST_WITH_HEALTHZ) < 0;
}

const FIRST_WITH_HEALTHZ = { text: '2026.3.7', date: '2026.3.7', kind: 'stable', correction: 0 } as const;

/** Checks of the running image; the last one stops it. */
export const RUNNING_CHECKS: readonly Check[] = [
  {
    name: 'healthz',
    row: 'health',
    requires: '`/healthz` answers 200 with the status `live`',
    why: "Docker's health check and Kubernetes' liveness probe use it.",
    fix: 'Read the log of the container. Releases before 2026.3.7 answer with the page of the Control UI: a warning.',
    run: async (subject) => {
      const { found, answer } = await waitForAnswer(subject, '/healthz', 'any');
      if (answer?.status === 200 && isBeforeHealthz(subject))
        return {
          status: 'warning',
          found: '200, the page of the Control UI: releases before 2026.3.7 have no /healthz',
        };
      return passIf(answer?.status === 200 && answer.body.includes('"live"'), found, '200 {"ok":true,"status":"live"}');
    },
  },
  {
    name: 'readyz',
    row: 'health',
    requires: '`/readyz` answers 200, or 503 while a part is starting or not set up',
    why: 'Readiness probes use it. The checked container has no configuration, so both are right.',
    fix: 'Read the log of the container.',
    run: async (subject) => {
      const { found, answer } = await waitForAnswer(subject, '/readyz', [200, 503]);
      const waiting = answer?.status === 503 ? ' (503 is right while a part is starting or not set up)' : '';
      return passIf(answer !== undefined, `${found}${waiting}`, '200 or 503');
    },
  },
  {
    name: 'health-status',
    hiddenByPodman: 'health check',
    row: 'health',
    requires: 'Docker reports the container as healthy',
    why: 'Compose waits for it.',
    fix: 'Keep the HEALTHCHECK of the rendered Dockerfile.',
    run: async ({ running, slowdown }) => {
      const container = available(running);
      const health = await poll(async () => {
        const { health: now, running: alive } = await container.state();
        return now === 'starting' && alive ? undefined : (now ?? 'no health check');
      }, START_SECONDS * slowdown);
      return passIf(health === 'healthy', health ?? 'starting', 'healthy');
    },
  },
  outputIs(
    {
      name: 'pid-1',
      row: 'init',
      requires: 'PID 1 is `tini`',
      why: 'Without an init process, zombies accumulate.',
      fix: 'Keep the ENTRYPOINT of the rendered Dockerfile.',
    },
    'cat /proc/1/comm',
    'tini',
  ),
  outputIs(
    {
      name: 'zombies',
      row: 'init',
      requires: 'PID 1 reaps orphaned processes',
      why: 'Zombies use up process ids.',
      fix: 'Start tini with `-s` if it is not PID 1.',
    },
    COUNT_ZOMBIES,
    '0',
  ),
  outputIs(
    {
      name: 'uid',
      row: 'user',
      requires: 'the gateway runs as 1000:1000',
      why: 'Setup gives the data folders to this user.',
      fix: 'End the Dockerfile with `USER 1000:1000`.',
    },
    'echo "$(id -u):$(id -g)"',
    '1000:1000',
  ),
  {
    name: 'tools-of-skills',
    row: 'tools',
    requires: '`python3` and `pnpm` run, without a download',
    why: 'Skills call them. Together they have 18 MB in a registry.',
    fix: 'Install them in the image: Corepack downloads pnpm in every new container.',
    run: async ({ running }) => {
      const line = 'python3 --version; COREPACK_ENABLE_NETWORK=0 npm_config_offline=true pnpm --version';
      const found = await shell(available(running), `cd /tmp && ${line} 2>&1`);
      return passIf(/^Python 3\.\d+\.\d+\n\d+\.\d+\.\d+$/.test(found), found.split('\n').join(', '), 'a version each');
    },
  },
  {
    name: 'version',
    row: 'CLI',
    requires: '`openclaw --version` prints the version in the label',
    why: 'A tag must name the version that it contains.',
    fix: 'Build the image again; the label comes from the package.',
    run: checkVersion,
  },
  {
    name: 'clean-stop',
    row: 'init',
    requires: 'the container ends within 10 s of SIGTERM',
    why: '`docker stop` kills it after that, which can damage its databases.',
    fix: 'Read the log of the container. The check first waits up to 30 s for `/startupz` (or `/readyz`), because a starting gateway handles no signals.',
    run: checkStop,
  },
];
