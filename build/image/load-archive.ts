import { execa } from 'execa';
import { explainBuildFailure } from '../engine/build-failure.ts';
import type { Engine } from '../engine/engine.ts';
import { InterruptedError, WorkError } from '../problem.ts';

/** The archive's own names become the tags, and its index the image, digest and annotations included. */
export async function loadArchive(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  archive: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { exitCode, stderr } = await execa(docker, ['image', 'load', '--quiet', '--input', archive], {
    env: environment,
    extendEnv: false,
    reject: false,
    ...(signal === undefined ? {} : { cancelSignal: signal }),
  });
  if (signal?.aborted === true) throw new InterruptedError('nothing was tagged, and what was finished is cached');
  if (exitCode !== 0) throw loadFailure(stderr, exitCode);
}

/** What `docker image load` said, explained. */
export const loadFailure = (stderr: string, exitCode: number | undefined): WorkError =>
  new WorkError(explainBuildFailure(new Map(), stderr, exitCode));
