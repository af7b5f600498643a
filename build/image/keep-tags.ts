import { createHash } from 'node:crypto';
import { execa } from 'execa';
import type { Engine } from '../engine/engine.ts';
import type { PlannedBuild } from './planned-build.ts';

/**
 * Keeps the images that the tags name now, under another tag, until the build has ended. If the build fails or is interrupted,
 * every tag is restored.
 *
 * BuildKit tags an image before it unpacks it. The engine then deletes the image that had the tag, at the same time. That
 * costs seconds, and sometimes deletes layers that both images share.
 */
export async function keepTags<T>(
  builds: readonly PlannedBuild[],
  engine: Pick<Engine, 'docker' | 'environment'>,
  work: () => Promise<T>,
): Promise<T> {
  const names = builds.flatMap((one) => (one.preparation.spec.destination.kind === 'load' ? one.names : []));
  const found = await Promise.all(names.map((name) => tag(engine, name, keeperOf(name))));
  const kept = names.filter((_, index) => found[index] === 'done');
  const absent = names.filter((_, index) => found[index] === 'no such image');
  const each = (some: readonly string[], then: (name: string) => Promise<unknown>) => Promise.all(some.map(then));
  try {
    const result = await work();
    // Removing the last tag of an image blocks until the image is deleted; moving a tag deletes the old image later.
    await each(kept, (name) => tag(engine, name, keeperOf(name)));
    return result;
  } catch (error) {
    await each(kept, (name) => tag(engine, keeperOf(name), name));
    await each(absent, (name) => untag(engine, name));
    throw error;
  } finally {
    await each(kept, (name) => untag(engine, keeperOf(name)));
  }
}

/** One backup tag per name, so the next build overwrites what a killed build left. */
const keeperOf = (name: string): string =>
  `openclaw-image-before:${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;

type Outcome = 'done' | 'no such image' | 'failed';

const tag = (engine: Pick<Engine, 'docker' | 'environment'>, from: string, to: string): Promise<Outcome> =>
  image(engine, ['tag', from, to]);

const untag = (engine: Pick<Engine, 'docker' | 'environment'>, name: string): Promise<Outcome> =>
  image(engine, ['rm', name]);

async function image(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  args: readonly string[],
): Promise<Outcome> {
  const options = { env: environment, extendEnv: false, reject: false } as const;
  const { exitCode, stderr } = await execa(docker, ['image', ...args], options);
  if (exitCode === 0) return 'done';
  return /no such image/i.test(stderr) ? 'no such image' : 'failed';
}
