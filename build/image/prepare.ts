import { createHash } from 'node:crypto';
import type { Base } from '../base/base.ts';
import type { BootstrapListener } from '../base/bootstrap.ts';
import { readPin } from '../base/pin.ts';
import { checkNode, resolveBase } from '../base/resolve-base.ts';
import { planDockerfile } from '../dockerfile/plan.ts';
import { renderDockerfile } from '../dockerfile/render.ts';
import type { DockerfilePlan } from '../dockerfile/stage.ts';
import type { Engine } from '../engine/engine.ts';
import type { BakedPlugin, Gateway } from '../gateway/gateway.ts';
import { type ResolvedPackage, readGatewayPackage, resolveGatewayPackage } from '../gateway/npm-package.ts';
import { readPluginPackage, resolvePlugins } from '../gateway/plugin-package.ts';
import { type Problem, RequestError } from '../problem.ts';
import type { ImageSpec } from '../spec/image-spec.ts';

/** What goes into an image, resolved to exact versions: nothing after this is left to chance. */
export interface Ingredients {
  readonly gateway: Gateway;
  readonly plugins: readonly BakedPlugin[];
}

/**
 * Resolves gateway and plugins before any engine is called.
 *
 * @param problems what is wrong with the request already
 * @throws RequestError with those and every further one
 */
export async function gatherIngredients(
  spec: ImageSpec,
  problems: readonly Problem[],
  onStep: (step: string) => void,
): Promise<Ingredients> {
  const found = [...problems];
  const collect = (error: unknown): undefined => {
    if (!(error instanceof RequestError)) throw error;
    found.push(...error.problems);
    return undefined;
  };
  const badPackage = problems.some(({ source }) => source === '--package');
  const resolved: ResolvedPackage | undefined = badPackage
    ? undefined
    : await resolveGatewayPackage(spec.gateway).catch(collect);
  const gateway = resolved === undefined ? undefined : await readGatewayPackage(resolved, onStep);
  const plugins = gateway === undefined ? undefined : await resolvePlugins(spec.extensions, gateway).catch(collect);
  if (gateway === undefined || plugins === undefined || found.length > 0) throw new RequestError(found);
  return { gateway, plugins };
}

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
    resolveBase({ choice: spec.base, platforms: spec.platforms, engine, builder, listener, signal }),
    Promise.all(plugins.map(readPluginPackage)),
  ]);
  checkNode(base, gateway);
  const { plan, dockerfile } = draw(spec, ingredients, base.from);
  return {
    ...ingredients,
    spec,
    base,
    plan,
    dockerfile,
    contexts: {
      gateway: gateway.context,
      ...Object.fromEntries(plugins.map(({ id }, index) => [`plugin-${id}`, pluginFolders[index] ?? ''])),
      ...(base.context === undefined ? {} : { base: base.context }),
    },
    key: createHash('sha256')
      .update(JSON.stringify([dockerfile, base.digest, gateway.integrity, plugins, spec.platforms]))
      .digest('hex')
      .slice(0, 16),
  };
}

/** The Dockerfile of a request. Pure: needs neither engine nor base. */
export function draw(
  spec: ImageSpec,
  { gateway, plugins }: Ingredients,
  base: string = readPin().from,
): { readonly plan: DockerfilePlan; readonly dockerfile: string } {
  const plan = planDockerfile({ base, gateway, plugins, aptPackages: spec.aptPackages, pipPackages: spec.pipPackages });
  return { plan, dockerfile: renderDockerfile(plan) };
}
