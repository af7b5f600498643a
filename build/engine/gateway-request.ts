import type { Container } from './container.ts';

/**
 * Polls from inside the container. A `docker exec` per try would take 0.13 s of a processor that a starting gateway needs.
 * curl starts faster than Node, which matters under emulation; an image without curl has Node.
 *
 * $1 address, $2 accepted statuses or `any`, $3 seconds in all, $4 seconds between tries, $5 program for Node
 */
const POLL = `end=$(($(date +%s) + $3))
request() { if command -v curl >/dev/null; then curl -s -m 30 -w ' %{http_code}' "$1"; else node -e "$2" "$1"; fi; }
accepted() { case " $2 " in ' any ' | *" \${1##* } "*) ;; *) return 1 ;; esac; }
until answer=$(request "$1" "$5") && accepted "$answer" "$2"; do
  [ "$(date +%s)" -lt "$end" ] || exit 1
  sleep "$4"
done
printf %s "$answer"`;
const FETCH = `fetch(process.argv[1]).then(async (r) => console.log(await r.text() + ' ' + r.status), () => process.exit(1))`;

interface GatewayAnswer {
  readonly status: number;
  readonly body: string;
}

interface PollLimits {
  /** Time limit. */
  readonly seconds: number;
  /** Pause between two tries. */
  readonly every: number;
}

/** Exit codes of docker exec and of shells if a command cannot be run or does not exist. */
const NOT_RUN: ReadonlySet<number> = new Set([126, 127]);

/**
 * Sends a request to the gateway from inside its container, so that it also works with an engine on another machine.
 *
 * @param path `/healthz`
 * @param statuses accepted statuses of the answer
 * @returns undefined if no such answer came in time
 */
export async function requestGateway(
  container: Container,
  path: string,
  statuses: readonly number[] | 'any',
  { seconds, every }: PollLimits,
): Promise<GatewayAnswer | 'no shell' | undefined> {
  const accepted = statuses === 'any' ? statuses : statuses.join(' ');
  const args = [`http://127.0.0.1:18789${path}`, accepted, String(seconds), String(every), FETCH];
  const { exitCode, stdout } = await container.exec(['sh', '-c', POLL, 'sh', ...args]);
  if (NOT_RUN.has(exitCode)) return 'no shell';
  const answer = /^(.*) (\d+)$/s.exec(stdout.trim());
  return exitCode !== 0 || answer === null ? undefined : { status: Number(answer[2]), body: answer[1] ?? '' };
}
