import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { cacheFolder } from '../cache-folder.ts';
import { ANNOTATION_ARGUMENTS } from '../dockerfile/runtime-stage.ts';
import { explainBuildFailure } from '../engine/build-failure.ts';
import { type BuildResult, type BuildSecret, build } from '../engine/buildx.ts';
import type { Engine } from '../engine/engine.ts';
import { inspectLocalImage, readHistory } from '../engine/local-image.ts';
import { type Progress, type StageTime, type Step, stageTimes } from '../engine/progress.ts';
import { npmSecret } from '../gateway/npm.ts';
import type { Annotations } from '../oci/annotations.ts';
import { familiarReference } from '../oci/reference.ts';
import { InterruptedError, WorkError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import { assertAnnotations, imageAnnotations } from './annotations.ts';
import { type BuildRecord, readBuildRecord, writeBuildRecord } from './build-record.ts';
import { cacheTargets, loadsArchive, outputOf } from './outputs.ts';
import type { Preparation } from './prepare.ts';

export interface BuiltLayer {
  readonly name: string;
  readonly holds: string;
  readonly cached: boolean;
  /** Bytes, unpacked; undefined where the image is not in this engine. */
  readonly size: number | undefined;
}

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

/** Proxies of the host, which steps need too. Docker knows these arguments and keeps them out of image and cache. */
const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'FTP_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/**
 * Builds, and reads back what came out.
 *
 * @throws WorkError that explains what failed; InterruptedError after `signal`, with no new tag left behind
 */
export async function buildImage(
  preparation: Preparation,
  engine: Pick<Engine, 'docker' | 'environment'>,
  builder: string | undefined,
  onProgress: (progress: Progress, changed: readonly Step[]) => void,
  signal: AbortSignal | undefined,
): Promise<BuiltImage> {
  const { spec, gateway, base, key } = preparation;
  // A build that changes nothing gives the same image; a clock in its annotations would give another one each time.
  const record = await readBuildRecord(key);
  const changed = gateway.kind === 'checkout' ? gateway.changed : record.created;
  const created = new Date(spec.sourceDateEpoch === undefined ? changed : spec.sourceDateEpoch * 1000);
  const annotations = imageAnnotations(gateway, base, created);
  // An earlier build of the same contents had the same annotations, and passed.
  if (record.digest === undefined) await assertAnnotations(annotations, gateway);
  const names = spec.tags.map(familiarReference);
  const unchanged = await findUnchanged(preparation, engine, names, annotations, record);
  if (unchanged !== undefined) return unchanged;
  const folder = cacheFolder('builds', key);
  const context = gateway.kind === 'checkout' ? gateway.root : join(folder, 'context');
  await mkdir(gateway.kind === 'checkout' ? folder : context, { recursive: true });
  // BuildKit prefers this to a .dockerignore in the context.
  if (gateway.kind === 'checkout') await writeFile(join(folder, 'Dockerfile.dockerignore'), gateway.ignore);
  await writeFile(join(folder, 'Dockerfile'), preparation.dockerfile);
  const archive = join(folder, `image-${process.pid}.tar`);
  const metadataFile = join(folder, `metadata-${process.pid}.json`);

  const loads = spec.destination.kind === 'load';
  const before = loads ? Promise.all(names.map((name) => inspectLocalImage(engine, name))) : Promise.resolve([]);
  let result: BuildResult;
  try {
    result = await build(
      engine,
      {
        dockerfile: join(folder, 'Dockerfile'),
        context,
        contexts: preparation.contexts,
        arguments: {
          // One platform gets an index too: a registry's page reads annotations there.
          BUILDKIT_MULTI_PLATFORM: '1',
          ...Object.fromEntries(
            Object.entries(ANNOTATION_ARGUMENTS).map(([name, argument]) => [argument, annotations[name] ?? '']),
          ),
        },
        passedArguments: [...PROXY_VARIABLES, 'PLAYWRIGHT_DOWNLOAD_HOST'].filter(
          (name) => process.env[name] !== undefined,
        ),
        secrets: await secretsOf(spec),
        tags: spec.destination.kind === 'output' ? [] : names,
        platforms: spec.platforms,
        outputs: [outputOf(spec, builder, archive)],
        annotations: Object.entries(annotations).flatMap(([name, value]) => [
          `manifest:${name}=${value}`,
          `index:${name}=${value}`,
        ]),
        cacheFrom: spec.cacheFrom,
        cacheTo: cacheTargets(spec),
        builder: builder ?? 'default',
        sourceDateEpoch: spec.sourceDateEpoch,
        metadataFile,
      },
      onProgress,
      signal,
    );
    if (loadsArchive(spec, builder)) await loadArchive(engine, archive, signal);
  } catch (error) {
    if (error instanceof InterruptedError && loads) {
      const digests = (await before).map((image) => image?.digest);
      await Promise.all(names.map((name, index) => restoreTag(engine, name, digests[index])));
    }
    throw error;
  } finally {
    await Promise.all([archive, metadataFile].map((file) => rm(file, { force: true })));
  }

  const name = names[0] ?? '';
  const sameAsBefore = record.digest !== undefined && record.digest === result.digest;
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
    const { digest } = result;
    await writeBuildRecord(key, {
      created: record.created,
      ...(digest === undefined || layerSizes === undefined ? {} : { digest, layerSizes }),
    });
  }
  return {
    names,
    digest: result.digest,
    size: image?.size,
    annotations,
    layers: describeLayers(preparation, result.progress, layerSizes ?? []),
    stages: stageTimes(result.progress),
    seconds: result.seconds,
  };
}

/**
 * The image of an earlier build with the same contents, where the engine has it under every name: BuildKit would find each
 * layer cached, and take longer to say so. A checkout is always asked of BuildKit, which compares contents and not dates.
 */
async function findUnchanged(
  { spec, gateway, plan }: Preparation,
  engine: Pick<Engine, 'docker' | 'environment'>,
  names: readonly string[],
  annotations: Annotations,
  record: BuildRecord,
): Promise<BuiltImage | undefined> {
  const started = performance.now();
  if (record.digest === undefined || gateway.kind === 'checkout') return undefined;
  if (spec.destination.kind !== 'load' || spec.cacheTo.length > 0) return undefined;
  const images = await Promise.all(names.map((name) => inspectLocalImage(engine, name)));
  const same = images.every(
    (image) =>
      image?.digest === record.digest &&
      Object.entries(annotations).every(([name, value]) => image?.config.config?.Labels?.[name] === value),
  );
  if (!same) return undefined;
  return {
    names,
    digest: record.digest,
    size: images[0]?.size,
    annotations,
    layers: plan.layers.map(({ name, holds }, index) => ({
      name,
      holds,
      cached: true,
      size: record.layerSizes?.[index],
    })),
    stages: [],
    seconds: (performance.now() - started) / 1000,
  };
}

async function secretsOf(spec: ImageSpec): Promise<readonly BuildSecret[]> {
  const npmrc = await npmSecret();
  const index = process.env['PIP_INDEX_URL'];
  return [
    ...(spec.ca === undefined ? [] : [{ id: 'ca', file: spec.ca }]),
    ...(npmrc === undefined ? [] : [{ id: 'npmrc', variable: 'OPENCLAW_IMAGE_NPMRC', value: npmrc }]),
    ...(index === undefined || spec.pipPackages.length === 0
      ? []
      : [{ id: 'pip_index_url', variable: 'PIP_INDEX_URL', value: index }]),
  ];
}

/** The archive's own names become the tags, and its index the image, digest and annotations included. */
async function loadArchive(
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
  if (exitCode !== 0) throw new WorkError(explainBuildFailure(new Map(), stderr, exitCode));
}

/** An interrupted build leaves every tag as it was. */
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
