import type { Container } from './container.ts';

/**
 * Waits within the container: a `docker exec` for each try takes 0.13 s of a processor, of which a gateway that starts has none to
 * spare. curl starts in no time, where that matters, under emulation; an image without it has Node.
 *
 * $1 address, $2 statuses that are waited for, or `any`, $3 seconds it may take, $4 seconds between two tries, $5 curl for Node
 */
const WAIT = `end=$(($(date +%s) + $3))
ask() { if command -v curl >/dev/null; then curl -s -m 30 -w ' %{http_code}' "$1"; else node -e "$2" "$1"; fi; }
suits() { case " $2 " in ' any ' | *" \${1##* } "*) ;; *) return 1 ;; esac; }
until answer=$(ask "$1" "$5") && suits "$answer" "$2"; do
  [ "$(date +%s)" -lt "$end" ] || exit 1
  sleep "$4"
done
printf %s "$answer"`;
const FETCH = `fetch(process.argv[1]).then(async (r) => console.log(await r.text() + ' ' + r.status), () => process.exit(1))`;

interface Answer {
  readonly status: number;
  readonly body: string;
}
interface Patience {
  /** Of waiting in all. */
  readonly seconds: number;
  /** Between two tries. */
  readonly every: number;
}

/** What docker exec and shells end with where a command cannot be run, or is not there. */
const NOT_RUN: ReadonlySet<number> = new Set([126, 127]);

/**
 * Asks the gateway from inside, so that it works with an engine on another machine.
 *
 * @param path `/healthz`
 * @param statuses of the answer that is waited for
 * @returns undefined where there is no such answer within the time
 */
export async function ask(
  container: Container,
  path: string,
  statuses: readonly number[] | 'any',
  { seconds, every }: Patience,
): Promise<Answer | 'nothing to ask with' | undefined> {
  const wanted = statuses === 'any' ? statuses : statuses.join(' ');
  const args = [`http://127.0.0.1:18789${path}`, wanted, String(seconds), String(every), FETCH];
  const { exitCode, stdout } = await container.exec(['sh', '-c', WAIT, 'sh', ...args]);
  if (NOT_RUN.has(exitCode)) return 'nothing to ask with';
  const answer = /^(.*) (\d+)$/s.exec(stdout.trim());
  return exitCode !== 0 || answer === null ? undefined : { status: Number(answer[2]), body: answer[1] ?? '' };
}
