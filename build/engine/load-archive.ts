import { InterruptedError, WorkError } from '../problem.ts';
import { explainBuildFailure } from './build-failure.ts';
import { type DockerCli, runDocker } from './docker-cli.ts';

/** Loads an OCI archive into the engine. The archive contains the tags, the index and its annotations. */
export async function loadArchive(cli: DockerCli, archive: string, signal: AbortSignal | undefined): Promise<void> {
  const { exitCode, stderr } = await runDocker(cli, ['image', 'load', '--quiet', '--input', archive], { signal });
  if (signal?.aborted === true) throw new InterruptedError('nothing was tagged, and finished steps are cached');
  if (exitCode !== 0) throw loadFailure(stderr, exitCode);
}

/** Explains the error output of `docker image load`. */
export const loadFailure = (stderr: string, exitCode: number | undefined): WorkError =>
  new WorkError(explainBuildFailure(new Map(), stderr, exitCode));
