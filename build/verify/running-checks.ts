import { ask } from '../engine/ask.ts';
import type { Container } from '../engine/container.ts';
import { poll } from '../engine/container.ts';
import { available, type Check, expect, fail, type Subject } from './check.ts';

/** The default of `docker stop`. */
const STOP_SECONDS = 10;
/** Cold starts of 7 to 22 s were measured on two cores. */
const START_SECONDS = 120;
/** On two idle cores the gateway is live about 3 s before it has started completely. Until then it handles no signals. */
const SETTLE_SECONDS = 30;

async function shell(container: Container, line: string): Promise<string> {
  const { stdout } = await container.exec(['sh', '-c', line]);
  return stdout.trim();
}

/** Waits for an answer while the container runs. */
async function answered({ running, patience }: Subject, path: string, statuses: readonly number[] | 'any') {
  const container = available(running);
  const limit = START_SECONDS * patience;
  const until = performance.now() + limit * 1000;
  const last = await poll(async () => {
    const seconds = Math.max(0, Math.ceil((until - performance.now()) / 1000));
    const answer = await ask(container, path, statuses, { seconds, every: patience / 2 });
    return answer ?? ((await container.state()).running ? undefined : ('ended' as const));
  }, limit);
  if (last === undefined) return { found: `no such answer within ${limit} s` };
  if (last === 'nothing to ask with') return { found: 'the image has no shell to send the request' };
  if (last === 'ended') return { found: `the container ended: ${(await container.lines(1)).join(' ').slice(0, 160)}` };
  return { found: `${last.status} ${last.body.slice(0, 80)}`, answer: last };
}

const inside = (name: string, row: string, line: string, suits: (found: string) => boolean, wanted: string): Check => ({
  name,
  row,
  run: async ({ running }) => {
    const found = await shell(available(running), line);
    return expect(suits(found), found === '' ? 'no answer' : found.split('\n').join(', '), wanted);
  },
});

/**
 * PID 1 must reap an orphan when it ends. Every process is a zombie for a moment, longer on a busy machine, so the count is repeated
 * for ten seconds; a zombie that is never reaped stays.
 */
const ORPHAN = `sh -c '(sleep 0.2 &)'; for second in 1 2 3 4 5 6 7 8 9 10; do sleep 1
left=0; for one in /proc/[0-9]*/stat; do read -r line 2>/dev/null <"$one" && case \${line##*) } in Z*) left=$((left + 1)) ;; esac; done
[ "$left" != 0 ] || break; done; echo "$left"`;

/** Checks of the running image; the last one stops it. */
export const RUNNING_CHECKS: readonly Check[] = [
  {
    name: 'healthz',
    row: 'health',
    run: async (subject) => {
      const { found, answer } = await answered(subject, '/healthz', 'any');
      return expect(answer?.status === 200 && answer.body.includes('"live"'), found, '200 {"ok":true,"status":"live"}');
    },
  },
  {
    name: 'readyz',
    row: 'health',
    run: async (subject) => {
      // 503 with a body is a valid answer while a channel or a model is not configured.
      const { found, answer } = await answered(subject, '/readyz', [200, 503]);
      return expect(answer !== undefined, found, '200 or 503, with its reasons');
    },
  },
  {
    name: 'health-status',
    row: 'health',
    run: async ({ running, patience }) => {
      const container = available(running);
      const health = await poll(async () => {
        const { health: now, running: alive } = await container.state();
        return now === 'starting' && alive ? undefined : (now ?? 'no health check');
      }, START_SECONDS * patience);
      return expect(health === 'healthy', health ?? 'starting', 'healthy');
    },
  },
  inside('pid-1', 'init', 'cat /proc/1/comm', (found) => found === 'tini', 'tini'),
  inside('zombies', 'init', ORPHAN, (found) => found === '0', '0'),
  inside('uid', 'user', 'echo "$(id -u):$(id -g)"', (found) => found === '1000:1000', '1000:1000'),
  {
    name: 'version',
    row: 'CLI',
    run: async ({ running, config }) => {
      const { stdout, stderr } = await available(running).exec(['openclaw', '--version']);
      const said = (stdout || stderr).trim().split('\n')[0] ?? '';
      const wanted = config.config?.Labels?.['org.opencontainers.image.version'];
      if (wanted === undefined) return fail(said, 'the version in the label, but there is no label');
      // Compare whole words: 2026.3.13 is not 2026.3.13-1.
      return expect(said.split(/[\s()]+/).includes(wanted), said, wanted === '' ? 'a non-empty version label' : wanted);
    },
  },
  {
    name: 'clean-stop',
    row: 'init',
    run: async ({ running, patience }: Subject) => {
      const container = available(running);
      const limit = STOP_SECONDS * patience;
      const { running: alive } = await container.state();
      if (!alive)
        return fail(
          `the container ended before: ${(await container.lines(1)).join(' ').slice(0, 160)}`,
          `ends within ${limit} s of SIGTERM`,
        );
      await ask(container, '/readyz', [200], { seconds: SETTLE_SECONDS * patience, every: patience / 2 });
      const { seconds, exitCode } = await container.stop(limit);
      return expect(
        exitCode === 0 || exitCode === 143,
        `${seconds.toFixed(1)} s, exit code ${exitCode}`,
        `ends within ${limit} s of SIGTERM, not killed`,
      );
    },
  },
];
