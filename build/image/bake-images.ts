import { rm } from 'node:fs/promises';
import { bake } from '../engine/bake.ts';
import type { OnProgress } from '../engine/buildx.ts';
import type { Engine } from '../engine/engine.ts';
import { type BuiltImage, readBack } from './built-image.ts';
import { keepTags } from './keep-tags.ts';
import { readInputs } from './last-build.ts';
import { loadArchive } from './load-archive.ts';
import { loadsArchive } from './outputs.ts';
import { type PlannedBuild, planBuild } from './planned-build.ts';
import type { Preparation } from './prepare.ts';
import type { BuildInputs } from './stage-inputs.ts';

/**
 * Builds several images in one session of BuildKit, and reads each back.
 *
 * @param preparations by the name of their target
 * @param file where the docker-bake.json is written
 * @throws as buildImage does
 */
export async function bakeImages(
  preparations: Readonly<Record<string, Preparation>>,
  engine: Pick<Engine, 'docker' | 'environment'>,
  builder: string | undefined,
  file: string,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, BuiltImage>>> {
  const planned: Record<string, PlannedBuild> = {};
  for (const [target, preparation] of Object.entries(preparations))
    planned[target] = await planBuild(preparation, builder);
  const inputs: Record<string, BuildInputs> = {};
  for (const [target, one] of Object.entries(planned)) inputs[target] = await readInputs(one);
  const requests = Object.fromEntries(Object.entries(planned).map(([target, { request }]) => [target, request]));
  const metadataFile = `${file}.metadata-${process.pid}`;
  const results = await keepTags(Object.values(planned), engine, async () => {
    try {
      const baked = await bake(engine, requests, file, metadataFile, onProgress, signal);
      for (const { preparation, archive } of Object.values(planned))
        if (loadsArchive(preparation.spec, builder)) await loadArchive(engine, archive, signal);
      return baked;
    } finally {
      const files = [metadataFile, ...Object.values(planned).map(({ archive }) => archive)];
      await Promise.all(files.map((one) => rm(one, { force: true })));
    }
  });
  const images: Record<string, BuiltImage> = {};
  for (const [target, one] of Object.entries(planned)) {
    const result = results[target];
    const read = inputs[target];
    if (result !== undefined && read !== undefined) images[target] = await readBack(one, engine, result, read);
  }
  return images;
}
