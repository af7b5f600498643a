import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import type { TestInstallation } from './installation.ts';

type Answers = readonly (readonly [question: RegExp, keys: string])[];

/** Questions of the gateway's wizard in their order, and the keys for the shortest answers. */
export const WIZARD: Answers = [
  [/Continue\?/, '\r'],
  [/Help make OpenClaw better\?[\s\S]*No thanks/, '\r'],
  [/Setup mode/, '\r'],
  [/first agent\?/, '\r'],
  [/Model\/auth provider[\s\S]*Skip for now/, '\x1b[A\r'],
  [/Default model/, '\r'],
  [/Select channel/, '\r'],
  [/Search provider[\s\S]*Skip for now/, '\r'],
  [/Install missing skill dependencies/, ' \r'],
];

/**
 * Runs `scripts/docker/setup.sh` on a terminal.
 * @param answers the questions in their order, and the keys to press at each
 * @returns the output
 */
export async function setupOnTerminal(
  here: TestInstallation,
  answers: Answers,
  given: Readonly<Record<string, string>> = {},
  args = '',
): Promise<{ readonly exitCode: number | undefined; readonly output: string }> {
  const { PATH, ...environment } = here.environment;
  // `script` of util-linux provides the pseudo-terminal. Setup itself has only the host's programs.
  const command = `stty cols 200 rows 60; PATH='${PATH}' exec '${here.project}/scripts/docker/setup.sh' ${args}`;
  const child = execa('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: {
      ...environment,
      ...here.ports,
      PATH: process.env['PATH'],
      OPENCLAW_IMAGE: here.image,
      TERM: 'xterm-256color',
      ...given,
    },
    extendEnv: false,
    reject: false,
    stdin: 'pipe',
  });
  let seen = '';
  let all = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const text = stripVTControlCharacters(chunk.toString()).replaceAll('\r', '');
    seen += text;
    all += text;
  });
  let ended = false;
  void child.then(() => {
    ended = true;
  });
  for (const [question, keys] of answers) {
    for (let waited = 0; !question.test(seen); waited += 1) {
      if (waited > 2400 || ended) throw new Error(`setup did not ask ${question}: ${all.slice(-3000)}`);
      await sleep(100);
    }
    // A wizard reads keys when it has drawn the whole question.
    for (let length = -1; length !== seen.length; await sleep(250)) length = seen.length;
    seen = '';
    child.stdin.write(keys);
  }
  const { exitCode } = await child;
  return { exitCode, output: all };
}
