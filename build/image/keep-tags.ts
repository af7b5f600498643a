import { createHash } from 'node:crypto';
import { execa } from 'execa';
import type { Engine } from '../engine/engine.ts';
import type { PlannedBuild } from './planned-build.ts';

/**
 * What a name stood for stays in the engine, under another one, until the build has ended.
 *
 * BuildKit gives an image its name before it unpacks it, and from then on an engine deletes what had the name: at the same time,
 * at the cost of seconds, and at times also layers that both have. A build that fails or is interrupted leaves every tag as it was.
 */
export async function keepTags<T>(
  builds: readonly PlannedBuild[],
  engine: Pick<Engine, 'docker' | 'environment'>,
  work: () => Promise<T>,
): Promise<T> {
  const names = builds.flatMap((one) => (one.preparation.spec.destination.kind === 'load' ? one.names : []));
  const kept = await Promise.all(names.map((name) => tag(engine, name, keeperOf(name))));
  const each = (then: (name: string, keeper: string, wasThere: boolean) => Promise<unknown>) =>
    Promise.all(names.map((name, index) => then(name, keeperOf(name), kept[index] === true)));
  try {
    const result = await work();
    // The engine deletes what it untags as the last before it answers, and what loses its name otherwise in its own time.
    await each(async (name, keeper, wasThere) => wasThere && (await tag(engine, name, keeper)));
    return result;
  } catch (error) {
    await each((name, keeper, wasThere) => (wasThere ? tag(engine, keeper, name) : untag(engine, name)));
    throw error;
  } finally {
    await each(async (_, keeper, wasThere) => wasThere && (await untag(engine, keeper)));
  }
}

/** One for each name: what was left by a build that was killed is overwritten by the next. */
const keeperOf = (name: string): string =>
  `openclaw-image-before:${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;

const tag = (engine: Pick<Engine, 'docker' | 'environment'>, from: string, to: string): Promise<boolean> =>
  succeeds(engine, ['image', 'tag', from, to]);

const untag = (engine: Pick<Engine, 'docker' | 'environment'>, name: string): Promise<boolean> =>
  succeeds(engine, ['image', 'rm', name]);

/** There may be no such image. */
async function succeeds(
  { docker, environment }: Pick<Engine, 'docker' | 'environment'>,
  args: readonly string[],
): Promise<boolean> {
  const { exitCode } = await execa(docker, args, { env: environment, extendEnv: false, reject: false });
  return exitCode === 0;
}
