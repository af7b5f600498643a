import type { BuildResult } from '../engine/buildx.ts';
import type { DockerCli } from '../engine/docker-cli.ts';
import { isUnreachable, readDigest } from '../engine/image-tools.ts';
import { inspectLocalImage, readHistory } from '../engine/local-image.ts';
import { type Progress, type StageTime, stageTimes } from '../engine/progress.ts';
import type { Annotations } from '../oci/annotations.ts';
import { WorkError } from '../problem.ts';
import { areSameInputs, type BuildInputs } from './build-inputs.ts';
import type { BuildPlan } from './build-plan.ts';
import { type BuiltLayer, type LastBuild, readLastBuild, writeBuildRecord, writeLastBuild } from './build-record.ts';
import { changedStages, explainBuild, uncachedStages } from './explain-build.ts';
import { isGatewayPlan, type PreparedBuild } from './prepared-build.ts';

/** An image after its build, read back from its destination. */
export interface BuiltImage {
  readonly names: readonly string[];
  readonly digest: string | undefined;
  /** Bytes of the compressed layers; undefined if the image is not in this engine. */
  readonly size: number | undefined;
  /** The same of the last build under the first name. */
  readonly formerSize: number | undefined;
  readonly annotations: Annotations;
  readonly layers: readonly BuiltLayer[];
  readonly stages: readonly StageTime[];
  /** Stages that ran because their inputs had changed, each with the first change. Empty for the first build under a name. */
  readonly rebuilt: readonly { readonly stage: string; readonly reason: string }[];
  /** Stages that ran although nothing that they read had changed: the engine did not have their cache. */
  readonly uncached: readonly string[];
  readonly seconds: number;
}

const MOST_DIGESTS = 10;

/**
 * Reads an image back from its destination, and records the build.
 *
 * @param inputs of the build, for image:explain; undefined if it is not recorded
 * @param isCurrent whether the image is known to have these inputs
 * @throws WorkError if a name refers to another image
 */
export async function readBack(
  { plan, request, names, annotations, record }: PreparedBuild,
  cli: DockerCli,
  result: BuildResult,
  inputs: BuildInputs | undefined,
  isCurrent: boolean,
): Promise<BuiltImage> {
  const { destination } = plan.spec;
  const name = names[0] ?? '';
  const isKnown = result.digest !== undefined && record.digests.includes(result.digest);
  const [image, layerSizes] =
    destination.kind === 'load'
      ? await Promise.all([inspectLocalImage(cli, name), isKnown ? record.layerSizes : readLayerSizes(cli, name, plan)])
      : [undefined, undefined];
  if (destination.kind === 'load' && image?.digest !== result.digest)
    throw otherImage('the engine', name, image?.digest, result.digest);
  if (destination.kind === 'push') await readBackPushed(names, cli, request.builder, result.digest);
  if (!isKnown) {
    const { digest } = result;
    // For other destinations the digest differs, because the compression does: keep what is known of the engine's image.
    const extended =
      digest === undefined || layerSizes === undefined
        ? record
        : { ...record, layerSizes, digests: [digest, ...record.digests].slice(0, MOST_DIGESTS) };
    await writeBuildRecord(plan.key, extended);
  }
  const layers = describeLayers(plan, result.progress, layerSizes ?? []);
  const stages = stageTimes(result.progress);
  const before = inputs === undefined ? undefined : await readLastBuild(name);
  const executed = stages.flatMap(({ stage, cached }) => (cached ? [] : [stage]));
  const forecast =
    inputs === undefined || before === undefined
      ? { stages: [], layers: [] }
      : explainBuild(plan.layers, inputs, before.inputs);
  const uncached = uncachedStages(forecast, executed);
  // An archive contains the names too, but in this engine they refer to another image.
  if (destination.kind !== 'output' && inputs !== undefined)
    await recordLastBuild(
      names,
      { inputs, digest: isCurrent ? result.digest : undefined, size: image?.size, layers, uncached },
      stages,
    );
  const { digest, seconds } = result;
  return {
    ...{ names, digest, size: image?.size, formerSize: before?.size, annotations, layers, stages, uncached, seconds },
    rebuilt: changedStages(forecast, executed),
  };
}

/**
 * Checks that every pushed name has the digest of the build.
 *
 * If this host cannot reach the registry, or only the engine or the builder can, their result is trusted.
 * @param builder of buildx, whose registry settings apply
 * @throws WorkError if a name refers to another image
 */
async function readBackPushed(
  names: readonly string[],
  cli: DockerCli,
  builder: string | undefined,
  pushed: string | undefined,
): Promise<void> {
  for (const name of names) {
    const digest = await readDigest({ ...cli, builder }, name).catch((error: unknown) => {
      if (isUnreachable(error)) return pushed;
      throw error;
    });
    if (digest !== pushed) throw otherImage('the registry', name, digest, pushed);
  }
}

const otherImage = (place: string, name: string, digest: string | undefined, built: string | undefined): WorkError =>
  new WorkError({
    kind: 'read-back',
    title: `The image in ${place} is not the one that was built`,
    reason: `${name} is ${digest ?? 'missing'}, but the build made ${built}.`,
    hint: 'build again: another process moved the tag',
  });

/** Records a build under its names, for image:explain. */
async function recordLastBuild(
  names: readonly string[],
  build: Pick<LastBuild, 'inputs' | 'digest' | 'size' | 'layers' | 'uncached'>,
  stages: readonly StageTime[],
): Promise<void> {
  const built = new Date().toISOString();
  const times = Object.fromEntries(
    stages.filter(({ cached }) => !cached).map(({ stage, seconds }) => [stage, seconds] as const),
  );
  for (const name of names) {
    const before = await readLastBuild(name);
    await writeLastBuild(name, { ...build, built, stageSeconds: { ...before?.stageSeconds, ...times } });
  }
}

/** Unpacked bytes of our layers: the last entries of the image's history, in the order of the plan. */
async function readLayerSizes(
  cli: DockerCli,
  name: string,
  { layers }: BuildPlan,
): Promise<readonly (number | undefined)[]> {
  const history = await readHistory(cli, name);
  // Other instructions are in the history too, and WORKDIR makes a layer with an empty folder.
  const entries = history.filter(({ createdBy }) => /^(?:RUN|COPY|ADD)\b/.test(createdBy));
  return layers.map((_, index) => entries.at(index - layers.length)?.size);
}

/** Combines the planned layers with BuildKit's progress and the sizes in the engine. */
function describeLayers(
  { layers }: BuildPlan,
  progress: Progress,
  sizes: readonly (number | undefined)[],
): readonly BuiltLayer[] {
  // COPY --link is two steps: the copy, and its merge with the layers below (LINK). Only the copy counts.
  const steps = [...progress.values()].filter((step) => !step.name.includes('] LINK '));
  return layers.map(({ name, holds, made }, index) => {
    const own = steps.filter((step) =>
      made.by === 'stage' ? step.stage === made.stage : step.name.endsWith(made.instruction),
    );
    const cached = own.length > 0 && own.every(({ state }) => state === 'cached');
    return { name, holds, cached, size: sizes[index] };
  });
}

/**
 * Finds the image of an earlier build with the same contents, if the engine has it under every name. BuildKit would find every
 * layer cached, but takes longer. For a checkout, it must be the image of the last build under the name, from the very same files.
 *
 * @param inputs of this build; undefined if they are not recorded
 */
export async function findUnchangedImage(
  { plan, names, annotations, record }: PreparedBuild,
  cli: DockerCli,
  inputs: BuildInputs | undefined,
): Promise<BuiltImage | undefined> {
  const started = performance.now();
  const { spec, layers } = plan;
  if (record.digests.length === 0 || !isGatewayPlan(plan)) return undefined;
  if (spec.destination.kind !== 'load' || spec.cacheTo.length > 0) return undefined;
  let digests = record.digests;
  if (plan.gateway.kind === 'checkout') {
    const last = await readLastBuild(names[0] ?? '');
    if (inputs === undefined || last?.digest === undefined || !areSameInputs(inputs, last.inputs)) return undefined;
    digests = digests.filter((digest) => digest === last.digest);
  }
  const images = await Promise.all(names.map((name) => inspectLocalImage(cli, name)));
  const [first] = images;
  const isSame = images.every(
    (image) =>
      image !== undefined &&
      image.digest === first?.digest &&
      digests.includes(image.digest) &&
      Object.entries(annotations).every(([name, value]) => image?.config.config?.Labels?.[name] === value),
  );
  if (!isSame) return undefined;
  return {
    names,
    digest: first?.digest,
    size: first?.size,
    formerSize: first?.size,
    annotations,
    layers: layers.map(({ name, holds }, index) => ({ name, holds, cached: true, size: record.layerSizes?.[index] })),
    stages: [],
    rebuilt: [],
    uncached: [],
    seconds: (performance.now() - started) / 1000,
  };
}
