import type { DockerCli } from '../engine/docker-cli.ts';
import { inspectLocalImage } from '../engine/local-image.ts';
import type { BuiltImage } from './built-image.ts';
import { isGatewayPlan, type StartedBuild } from './started-build.ts';

/**
 * Finds the image of an earlier build with the same contents, if the engine has it under every name. BuildKit would find every
 * layer cached, but takes longer. A checkout always goes to BuildKit, which compares contents and not file times.
 */
export async function findUnchangedImage(
  { plan, names, annotations, record }: StartedBuild,
  cli: DockerCli,
): Promise<BuiltImage | undefined> {
  const started = performance.now();
  const { spec, layers } = plan;
  if (record.digests.length === 0 || !isGatewayPlan(plan) || plan.gateway.kind === 'checkout') return undefined;
  if (spec.destination.kind !== 'load' || spec.cacheTo.length > 0) return undefined;
  const images = await Promise.all(names.map((name) => inspectLocalImage(cli, name)));
  const [first] = images;
  const isSame = images.every(
    (image) =>
      image !== undefined &&
      image.digest === first?.digest &&
      record.digests.includes(image.digest) &&
      Object.entries(annotations).every(([name, value]) => image?.config.config?.Labels?.[name] === value),
  );
  if (!isSame) return undefined;
  return {
    names,
    digest: first?.digest,
    size: first?.size,
    annotations,
    layers: layers.map(({ name, holds }, index) => ({ name, holds, cached: true, size: record.layerSizes?.[index] })),
    stages: [],
    seconds: (performance.now() - started) / 1000,
  };
}
