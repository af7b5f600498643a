import type { BuildResult } from '../engine/buildx.ts';
import type { Engine } from '../engine/engine.ts';
import { inspectLocalImage, readHistory } from '../engine/local-image.ts';
import { type Progress, type StageTime, stageTimes } from '../engine/progress.ts';
import type { Annotations } from '../oci/annotations.ts';
import { WorkError } from '../problem.ts';
import { writeBuildRecord } from './build-record.ts';
import type { BuiltLayer } from './built-layer.ts';
import { type LastBuild, readLastBuild, writeLastBuild } from './last-build.ts';
import type { PlannedBuild } from './planned-build.ts';
import type { Preparation } from './prepare.ts';
import { readBackPushed } from './pushed-image.ts';
import type { BuildInputs } from './stage-inputs.ts';

export interface BuiltImage {
  readonly names: readonly string[];
  readonly digest: string | undefined;
  /** Bytes of the compressed layers; undefined where the image is not in this engine. */
  readonly size: number | undefined;
  readonly annotations: Annotations;
  readonly layers: readonly BuiltLayer[];
  readonly stages: readonly StageTime[];
  readonly seconds: number;
}

const MOST_DIGESTS = 10;

/**
 * Reads back what a build made, and remembers it.
 *
 * @throws WorkError where the engine has something else under its name
 */
export async function readBack(
  { preparation, request, names, annotations, record }: PlannedBuild,
  engine: Pick<Engine, 'docker' | 'environment'>,
  result: BuildResult,
  inputs: BuildInputs,
): Promise<BuiltImage> {
  const { spec, key } = preparation;
  const name = names[0] ?? '';
  const loads = spec.destination.kind === 'load';
  const sameAsBefore = result.digest !== undefined && record.digests.includes(result.digest);
  const [image, layerSizes] = loads
    ? await Promise.all([
        inspectLocalImage(engine, name),
        sameAsBefore ? record.layerSizes : readLayerSizes(engine, name, preparation),
      ])
    : [undefined, undefined];
  if (loads && image?.digest !== result.digest) {
    throw new WorkError({
      kind: 'read-back',
      title: 'The image in the engine is not the one that was built',
      reason: `${name} is ${image?.digest ?? 'not there'}, and the build made ${result.digest}`,
      wayOut: 'something else moved the tag meanwhile: build again',
    });
  }
  if (!sameAsBefore) {
    // Elsewhere the same contents have another compression, and another digest: what is in the engine stays known.
    const { digest } = result;
    const known =
      digest === undefined || layerSizes === undefined
        ? record
        : { ...record, layerSizes, digests: [digest, ...record.digests].slice(0, MOST_DIGESTS) };
    await writeBuildRecord(key, known);
  }
  if (spec.destination.kind === 'push') await readBackPushed(names, engine, request.builder, result.digest);
  const layers = describeLayers(preparation, result.progress, layerSizes ?? []);
  const stages = stageTimes(result.progress);
  // An archive has the names, and what they stand for here is another image.
  if (spec.destination.kind !== 'output') await rememberBuild(names, { inputs, layers }, stages);
  return { names, digest: result.digest, size: image?.size, annotations, layers, stages, seconds: result.seconds };
}

/** For image:explain. */
async function rememberBuild(
  names: readonly string[],
  build: Pick<LastBuild, 'inputs' | 'layers'>,
  stages: readonly StageTime[],
): Promise<void> {
  const built = new Date().toISOString();
  const ran = Object.fromEntries(
    stages.filter(({ cached }) => !cached).map(({ stage, seconds }) => [stage, seconds] as const),
  );
  for (const name of names) {
    const before = await readLastBuild(name);
    await writeLastBuild(name, { ...build, built, stageSeconds: { ...before?.stageSeconds, ...ran } });
  }
}

/** Bytes of our layers, unpacked: the last ones of the image's history, in the order of the plan. */
async function readLayerSizes(
  engine: Pick<Engine, 'docker' | 'environment'>,
  name: string,
  { plan }: Preparation,
): Promise<readonly (number | undefined)[]> {
  const history = await readHistory(engine, name);
  // Instructions that only set something are in the history too, and WORKDIR makes a layer with nothing but the directory.
  const made = history.filter(({ createdBy }) => /^(?:RUN|COPY|ADD)\b/.test(createdBy));
  return plan.layers.map((_, index) => made.at(index - plan.layers.length)?.size);
}

/** Our layers, as the plan has them, with what BuildKit said of them and how large the engine found them. */
function describeLayers(
  { plan }: Preparation,
  progress: Progress,
  sizes: readonly (number | undefined)[],
): readonly BuiltLayer[] {
  // COPY --link is two steps: the layer, and its joining with those below (LINK), which is no work of the layer's.
  const steps = [...progress.values()].filter((step) => !step.name.includes('] LINK '));
  return plan.layers.map(({ name, holds, made: how }, index) => {
    const made = steps.filter((step) =>
      how.by === 'stage' ? step.stage === how.stage : step.name.endsWith(how.instruction),
    );
    return {
      name,
      holds,
      cached: made.length > 0 && made.every(({ state }) => state === 'cached'),
      size: sizes[index],
    };
  });
}
