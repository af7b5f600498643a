import { createHash } from 'node:crypto';
import type { Base } from '../base/base.ts';
import type { BootstrapListener } from '../base/bootstrap.ts';
import { buildBaseContext } from '../base/build-base.ts';
import { nodeProblems } from '../base/node-problems.ts';
import { readPin } from '../base/pin.ts';
import { resolveBase, suitableBase } from '../base/resolve-base.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import type { DockerfilePlan } from '../dockerfile/stage.ts';
import type { Engine } from '../engine/engine.ts';
import { byAge } from '../gateway/dependency-layers.ts';
import { readPluginPackage } from '../gateway/plugin-package.ts';
import { formatReference } from '../oci/reference.ts';
import { RequestError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';
import type { Ingredients } from './gather-ingredients.ts';

/** A build, ready to run. */
export interface Preparation extends Ingredients {
  readonly spec: ImageSpec;
  readonly base: Base;
  readonly plan: DockerfilePlan;
  readonly dockerfile: string;
  /** Build contexts by the stage that they take the place of. */
  readonly contexts: Readonly<Record<string, string>>;
  /** Says what the image is made of: equal for equal contents. */
  readonly key: string;
}

/** @throws RequestError where the base's Node does not suit the gateway */
export async function prepare(
  spec: ImageSpec,
  ingredients: Ingredients,
  engine: Pick<Engine, 'docker' | 'environment'>,
  builder: string | undefined,
  listener: BootstrapListener,
  signal: AbortSignal | undefined,
): Promise<Preparation> {
  const { gateway, plugins } = ingredients;
  const [base, pluginFolders] = await Promise.all([
    resolveBase({
      choice: suitableBase(spec.base, spec.destination),
      platforms: spec.platforms,
      engine,
      builder,
      listener,
      signal,
    }),
    Promise.all(plugins.map(readPluginPackage)),
  ]);
  const problems = nodeProblems(base, gateway);
  if (problems.length > 0) throw new RequestError(problems);
  // A reproducible image depends on its base alone.
  const buildBase = spec.sourceDateEpoch === undefined ? await buildBaseContext(base, spec.platforms) : undefined;
  const { plan, dockerfile } = draw(spec, ingredients, base.from);
  return {
    ...ingredients,
    spec,
    base,
    plan,
    dockerfile,
    contexts: {
      ...(gateway.kind === 'checkout'
        ? {}
        : { gateway: gateway.context, 'gateway-dependencies': gateway.dependencies }),
      ...Object.fromEntries(plugins.map(({ id }, index) => [`plugin-${id}`, pluginFolders[index] ?? ''])),
      ...(base.context === undefined ? {} : { base: base.context }),
      ...(buildBase === undefined ? {} : { 'build-base': buildBase }),
    },
    key: createHash('sha256')
      .update(
        JSON.stringify([
          dockerfile,
          base.digest,
          gateway.kind === 'checkout' ? [gateway.root, gateway.revision, gateway.changed] : gateway.integrity,
          plugins,
          spec.platforms,
          spec.sourceDateEpoch,
        ]),
      )
      .digest('hex')
      .slice(0, 16),
  };
}

/** The Dockerfile of a request. Pure: needs neither engine nor base. */
export function draw(
  spec: ImageSpec,
  { gateway, plugins }: Ingredients,
  base: string = spec.base.kind === 'reference' ? formatReference(spec.base.reference) : readPin().from,
): { readonly plan: DockerfilePlan; readonly dockerfile: string } {
  // What was locked here before decides which layers are old; a reproducible image must not depend on that.
  const ordered =
    gateway.kind === 'checkout' || spec.sourceDateEpoch !== undefined
      ? gateway
      : { ...gateway, dependencyLayers: byAge(gateway.dependencyLayers) };
  const plan = planDockerfile({
    base,
    gateway: ordered,
    plugins,
    aptPackages: spec.aptPackages,
    pipPackages: spec.pipPackages,
    browser: spec.browser,
    dockerCli: spec.dockerCli,
  });
  return { plan, dockerfile: renderDockerfile(plan) };
}
