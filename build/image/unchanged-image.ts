import type { Engine } from '../engine/engine.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import type { BuiltImage } from './built-image.ts';
import type { PlannedBuild } from './planned-build.ts';

/**
 * Finds the image of an earlier build with the same contents, if the engine has it under every name. BuildKit would find every
 * layer cached, but takes longer. A checkout always goes to BuildKit, which compares contents and not file times.
 */
export async function findUnchanged(
  { preparation: { spec, gateway, plan }, names, annotations, record }: PlannedBuild,
  engine: Pick<Engine, 'docker' | 'environment'>,
): Promise<BuiltImage | undefined> {
  const started = performance.now();
  if (record.digests.length === 0 || gateway.kind === 'checkout') return undefined;
  if (spec.destination.kind !== 'load' || spec.cacheTo.length > 0) return undefined;
  const images = await Promise.all(names.map((name) => inspectLocalImage(engine, name)));
  const [first] = images;
  const same = images.every(
    (image) =>
      image !== undefined &&
      image.digest === first?.digest &&
      record.digests.includes(image.digest) &&
      Object.entries(annotations).every(([name, value]) => image?.config.config?.Labels?.[name] === value),
  );
  if (!same) return undefined;
  return {
    names,
    digest: first?.digest,
    size: first?.size,
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
