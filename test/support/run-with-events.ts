import { execa } from 'execa';

/** A message of a program, and what happens when it is printed: a signal, the engine goes away, or a look at something. */
export type Event = readonly [
  message: string,
  what: 'SIGKILL' | 'SIGTERM' | 'SIGINT' | 'engine' | (() => Promise<void>),
];

/**
 * Runs a program in a separate process group.
 *
 * @param events in their order
 * @param stopEngine makes the engine go away
 * @returns `missing`: events whose message was not printed
 */
export async function runWithEvents(
  [program, ...args]: readonly [string, ...string[]],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
  events: readonly Event[],
  stopEngine: () => Promise<void>,
): Promise<{
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly output: string;
  readonly missing: readonly string[];
}> {
  const options = { cwd, env, extendEnv: false, reject: false, all: true, stdin: 'ignore', detached: true } as const;
  const child = execa(program, args, options);
  const waiting = [...events];
  const happening: Promise<void>[] = [];
  let output = '';
  child.all.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const [event] = waiting;
    if (event === undefined || !output.includes(event[0])) return;
    waiting.shift();
    const [, what] = event;
    if (typeof what === 'function') happening.push(what());
    else if (what === 'engine') happening.push(stopEngine());
    // A terminal sends Ctrl-C to all processes of the group; SIGKILL must not leave children that go on.
    else if (child.pid !== undefined) process.kill(what === 'SIGTERM' ? child.pid : -child.pid, what);
  });
  const { exitCode, signal } = await child;
  await Promise.all(happening);
  return { exitCode, signal, output, missing: waiting.map(([message]) => message) };
}
