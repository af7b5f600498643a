import { rm } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { SMOKE_TEST } from '../dockerfile/runtime-stage.ts';
import { bake } from '../engine/bake.ts';
import { loadsArchive } from '../engine/build-outputs.ts';
import { type BuildRequest, type BuildResult, build, type OnProgress } from '../engine/buildx.ts';
import { loadArchive } from '../engine/load-archive.ts';
import type { Step } from '../engine/progress.ts';
import { type BuildInputs, readBuildInputs } from './build-inputs.ts';
import type { BuildPlan, GatewayBuildPlan } from './build-plan.ts';
import { readInputs } from './build-record.ts';
import { type BuiltImage, findUnchangedImage, readBack } from './built-image.ts';
import { keepTags } from './keep-tags.ts';
import { isGatewayPlan, type PreparedBuild, prepareBuild } from './prepared-build.ts';
import type { BuildContext } from './resolve-contexts.ts';

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
  const builds: Record<string, PreparedBuild> = {};
  for (const [target, plan] of Object.entries(plans)) builds[target] = await prepareBuild(plan, builder);
  // Read before the build: a file that is saved during the build counts as changed in the next one.
  const inputs: Record<string, BuildInputs | undefined> = {};
  const [single] = Object.entries(builds);
  if (bakeFile === undefined && single !== undefined) {
    const [target, started] = single;
    const { plan } = started;
    // The key of a package's build says enough, without its inputs.
    if (isGatewayPlan(plan) && plan.gateway.kind === 'checkout') inputs[target] = await inputsOf(started);
    const unchanged = await findUnchangedImage(started, cli, inputs[target]);
    if (unchanged !== undefined) return { [target]: unchanged };
  }
  for (const [target, started] of Object.entries(builds)) inputs[target] ??= await inputsOf(started);

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
    if (result === undefined) continue;
    const read = inputs[target];
    // A file that was saved during the build may be in the image, or not.
    const isCurrent = read === undefined || !(await wereFilesChanged(started.plan, read));
    images[target] = await readBack(started, cli, result, read, isCurrent);
  }
  return images;
}

const inputsOf = async ({ plan, names }: PreparedBuild): Promise<BuildInputs | undefined> =>
  isGatewayPlan(plan) ? readInputs(plan, names) : undefined;

/** Whether a file of the checkout was touched since the inputs of a build were read. */
const wereFilesChanged = async (plan: BuildPlan | GatewayBuildPlan, read: BuildInputs): Promise<boolean> =>
  isGatewayPlan(plan) && !isDeepStrictEqual((await readBuildInputs(plan, read)).files, read.files);

/** Builds the images, and tests the finished layers of those that are new. */
async function execute(
  builds: Readonly<Record<string, PreparedBuild>>,
  context: BuildContext,
  bakeFile: string | undefined,
): Promise<Results> {
  const requests = Object.fromEntries(Object.entries(builds).map(([target, { request }]) => [target, request]));
  const { onProgress } = context.listener;
  const run = (): Promise<Results> => runAll(requests, context, onProgress, bakeFile);
  const test = async (tested: typeof builds, report: OnProgress): Promise<Results> => {
    if (bakeFile === undefined) return runAll(smokeTests(tested), context, report, undefined);
    // The user keeps the definition of the images; this one is ours.
    const file = `${bakeFile}.${SMOKE_TEST}-${process.pid}`;
    return runAll(smokeTests(tested), context, report, file).finally(() => rm(file, { force: true }));
  };
  // A push cannot be taken back, so its test comes first. Elsewhere it comes last, and a failed test restores the tags.
  if (Object.values(builds).some(({ plan }) => plan.spec.destination.kind === 'push')) {
    const tested = await test(builds, onProgress);
    return withEarlierSteps(await run(), tested);
  }
  const results = await run();
  const isNew = ([target, { record }]: readonly [string, PreparedBuild]): boolean => {
    const digest = results[target]?.digest;
    return digest === undefined || !record.digests.includes(digest);
  };
  // Report only the steps of the test: the others have just run.
  const ofTest = ({ stage }: Pick<Step, 'stage'>): boolean => stage === SMOKE_TEST;
  await test(Object.fromEntries(Object.entries(builds).filter(isNew)), (progress, changed) =>
    onProgress(new Map([...progress].filter(([, step]) => ofTest(step))), changed.filter(ofTest)),
  );
  return results;
}

type Results = Readonly<Record<string, BuildResult>>;

/** The builds that test the images: another stage, without a result. */
const smokeTests = (builds: Readonly<Record<string, PreparedBuild>>): Readonly<Record<string, BuildRequest>> =>
  Object.fromEntries(
    Object.entries(builds).flatMap(([target, { plan, request }]) => {
      // A release boots its images, and checks them against the contract.
      const isTested = isGatewayPlan(plan) && plan.spec.smokeTest && plan.spec.destination.kind !== 'layout';
      if (!isTested) return [];
      const metadataFile = `${request.metadataFile}.${SMOKE_TEST}`;
      const nothing = { tags: [], annotations: [], attestations: [], cacheTo: [], outputs: ['type=cacheonly'] };
      return [[target, { ...request, ...nothing, target: SMOKE_TEST, metadataFile }]];
    }),
  );

/** @param bakeFile where to write the bake definition; undefined: one build after the other */
async function runAll(
  requests: Readonly<Record<string, BuildRequest>>,
  { cli, signal }: Pick<BuildContext, 'cli' | 'signal'>,
  onProgress: OnProgress,
  bakeFile: string | undefined,
): Promise<Results> {
  if (Object.keys(requests).length === 0) return {};
  if (bakeFile !== undefined) {
    const metadataFile = `${bakeFile}.metadata-${process.pid}`;
    const baked = bake(cli, requests, bakeFile, metadataFile, onProgress, signal);
    return baked.finally(() => rm(metadataFile, { force: true }));
  }
  const results: Record<string, BuildResult> = {};
  for (const [target, request] of Object.entries(requests)) {
    const done = build(cli, request, onProgress, signal);
    results[target] = await done.finally(() => rm(request.metadataFile, { force: true }));
  }
  return results;
}

/** Counts the steps that ran for the test as run: the build after it finds them in the cache. */
const withEarlierSteps = (results: Results, earlier: Results): Results =>
  Object.fromEntries(
    Object.entries(results).map(([target, result]) => {
      const before = earlier[target];
      const steps = [...result.progress].map(
        ([digest, step]) => [digest, before?.progress.get(digest) ?? step] as const,
      );
      return [target, { ...result, progress: new Map(steps), seconds: result.seconds + (before?.seconds ?? 0) }];
    }),
  );
