import { execa } from 'execa';

/** A Docker CLI, and the environment variables that select its engine. */
export interface DockerCli {
  /** Path of the program. */
  readonly docker: string;
  readonly environment: NodeJS.ProcessEnv;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut?: boolean;
}

export interface RunOptions {
  /** Further environment variables. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Runs `docker`. A non-zero exit code is a result, not an error. */
export async function runDocker(
  { docker, environment }: DockerCli,
  args: readonly string[],
  { variables = {}, cwd, timeout, signal }: RunOptions = {},
): Promise<CommandResult> {
  const { exitCode, stdout, stderr, timedOut } = await execa(docker, args, {
    env: { ...environment, ...variables },
    extendEnv: false,
    reject: false,
    ...(cwd === undefined ? {} : { cwd }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  return { exitCode: exitCode ?? 1, stdout, stderr, timedOut };
}
