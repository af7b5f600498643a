import { rm } from 'node:fs/promises';
import { bake } from '../engine/bake.ts';
import { loadsArchive } from '../engine/build-outputs.ts';
import { type BuildResult, build } from '../engine/buildx.ts';
import { loadArchive } from '../engine/load-archive.ts';
import type { BuildInputs } from './build-inputs.ts';
import type { BuildPlan, GatewayBuildPlan } from './build-plan.ts';
import { readInputs } from './build-record.ts';
import { type BuiltImage, findUnchangedImage, readBack } from './built-image.ts';
import { keepTags } from './keep-tags.ts';
import type { BuildContext } from './resolve-contexts.ts';
import { isGatewayPlan, type StartedBuild, startBuild } from './started-build.ts';

/**
 * Builds images and reads them back: one with `docker buildx build`, several in one session with `docker buildx bake`. Also does
 * what surrounds every build: secrets, proxies, backup tags, loading, clean-up.
 *
 * @param plans by target name
 * @param bakeFile where to write the bake definition; undefined for a single build
 * @throws WorkError with an explanation; InterruptedError after `signal`. Every tag is then as it was before
 */
export async function runBuild(
  plans: Readonly<Record<string, BuildPlan | GatewayBuildPlan>>,
  context: BuildContext,
  bakeFile?: string,
): Promise<Readonly<Record<string, BuiltImage>>> {
  const { cli, builder, signal } = context;
  const builds: Record<string, StartedBuild> = {};
  for (const [target, plan] of Object.entries(plans)) builds[target] = await startBuild(plan, builder);
  const [single] = Object.entries(builds);
  if (bakeFile === undefined && single !== undefined) {
    const unchanged = await findUnchangedImage(single[1], cli);
    if (unchanged !== undefined) return { [single[0]]: unchanged };
  }
  // Read before the build: a file that is saved during the build counts as changed in the next one.
  const inputs: Record<string, BuildInputs | undefined> = {};
  for (const [target, { plan, names }] of Object.entries(builds))
    inputs[target] = isGatewayPlan(plan) ? await readInputs(plan, names) : undefined;

  const results = await keepTags(Object.values(builds), cli, async () => {
    try {
      const finished = await execute(builds, context, bakeFile);
      for (const { plan, archive } of Object.values(builds))
        if (loadsArchive(plan.spec, builder)) await loadArchive(cli, archive, signal);
      return finished;
    } finally {
      const files = Object.values(builds).flatMap(({ archive, request }) => [archive, request.metadataFile]);
      await Promise.all(files.map((file) => rm(file, { force: true })));
    }
  });
  const images: Record<string, BuiltImage> = {};
  for (const [target, started] of Object.entries(builds)) {
    const result = results[target];
    if (result !== undefined) images[target] = await readBack(started, cli, result, inputs[target]);
  }
  return images;
}

async function execute(
  builds: Readonly<Record<string, StartedBuild>>,
  { cli, listener, signal }: BuildContext,
  bakeFile: string | undefined,
): Promise<Readonly<Record<string, BuildResult>>> {
  const requests = Object.fromEntries(Object.entries(builds).map(([target, { request }]) => [target, request]));
  if (bakeFile !== undefined) {
    const metadataFile = `${bakeFile}.metadata-${process.pid}`;
    const baked = bake(cli, requests, bakeFile, metadataFile, listener.onProgress, signal);
    return baked.finally(() => rm(metadataFile, { force: true }));
  }
  const results: Record<string, BuildResult> = {};
  for (const [target, request] of Object.entries(requests))
    results[target] = await build(cli, request, listener.onProgress, signal);
  return results;
}
