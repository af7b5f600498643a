import { rm } from 'node:fs/promises';
import { build, type OnProgress } from '../engine/buildx.ts';
import type { Engine } from '../engine/engine.ts';
import { type BuiltImage, readBack } from './built-image.ts';
import { keepTags } from './keep-tags.ts';
import { readInputs } from './last-build.ts';
import { loadArchive } from './load-archive.ts';
import { loadsArchive } from './outputs.ts';
import { planBuild } from './planned-build.ts';
import type { Preparation } from './prepare.ts';
import { findUnchanged } from './unchanged-image.ts';

/**
 * Builds, and reads back what came out.
 *
 * @throws WorkError that explains what failed; InterruptedError after `signal`, with no new tag left behind
 */
export async function buildImage(
  preparation: Preparation,
  engine: Pick<Engine, 'docker' | 'environment'>,
  builder: string | undefined,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<BuiltImage> {
  const planned = await planBuild(preparation, builder);
  const unchanged = await findUnchanged(planned, engine);
  if (unchanged !== undefined) return unchanged;
  // Before the build, so that what is saved meanwhile counts as changed.
  const inputs = await readInputs(planned);
  const result = await keepTags([planned], engine, async () => {
    try {
      const built = await build(engine, planned.request, onProgress, signal);
      if (loadsArchive(preparation.spec, builder)) await loadArchive(engine, planned.archive, signal);
      return built;
    } finally {
      await rm(planned.archive, { force: true });
      await rm(planned.request.metadataFile, { force: true });
    }
  });
  return readBack(planned, engine, result, inputs);
}
