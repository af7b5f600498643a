import { execa } from 'execa';
import type { Engine } from '../engine/engine.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import { InterruptedError } from '../problem.ts';
import type { PlannedBuild } from './planned-build.ts';

/** An interrupted build leaves every tag as it was. */
export async function keepTags<T>(
  builds: readonly PlannedBuild[],
  engine: Pick<Engine, 'docker' | 'environment'>,
  work: () => Promise<T>,
): Promise<T> {
  const names = builds.flatMap((one) => (one.preparation.spec.destination.kind === 'load' ? one.names : []));
  const before = Promise.all(names.map((name) => inspectLocalImage(engine, name)));
  try {
    return await work();
  } catch (error) {
    if (error instanceof InterruptedError) {
      const digests = (await before).map((image) => image?.digest);
      await Promise.all(names.map((name, index) => restoreTag(engine, name, digests[index])));
    }
    throw error;
  }
}

async function restoreTag(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  name: string,
  digest: string | undefined,
): Promise<void> {
  const now = await inspectLocalImage({ docker, environment }, name);
  if (now === undefined || now.digest === digest) return;
  const args = digest === undefined ? ['image', 'rm', name] : ['image', 'tag', digest, name];
  await execa(docker, args, { env: environment, extendEnv: false, reject: false });
}
